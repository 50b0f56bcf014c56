"""Tries small graphs in OpenVINO's CPU plugin, in a child process: some of them end it.

python -m ovprep.workers.reproduce FOLDER NAME...    prints "NAME right" or "NAME wrong" for FOLDER/NAME.onnx and .npz
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ovprep.child import environment
from ovprep.errors import RuntimeFailure
from ovprep.workers.arrays import Array

LIMIT = 60.0
"""Seconds for all of them: a graph on which the plugin hangs is wrong as well."""
WRONG = 1e-3
"""An error that no rounding explains in so small a graph, relative to the largest output."""

_LEAST = 1e-6
"""The scale of an output that is zero throughout."""


def tried(folder: Path, names: Sequence[str]) -> dict[str, bool]:
    """Whether the plugin computes each graph of a folder rightly; a graph that ends the process is wrong.

    Raises RuntimeFailure where the process ends before the first graph: that is no fault of a graph.
    """
    found: dict[str, bool] = {}
    while remaining := [name for name in names if name not in found]:
        said = _said(folder, remaining)
        if "ready" not in said:
            raise RuntimeFailure("OpenVINO or ONNX Runtime does not start.")
        verdicts = dict(line.rsplit(" ", 1) for line in said if " " in line)
        found |= {name: verdicts[name] == "right" for name in remaining if name in verdicts}
        if len(verdicts) < len(remaining):
            found[next(name for name in remaining if name not in verdicts)] = False
    return found


def _said(folder: Path, names: Sequence[str]) -> list[str]:
    command = [sys.executable, "-P", "-m", __name__, str(folder), *names]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), timeout=LIMIT, check=False
        )
        said = done.stdout
    except subprocess.TimeoutExpired as stopped:
        said = stopped.stdout or b""
    return said.decode().splitlines()


def main(folder: Path, names: Sequence[str]) -> None:
    """The child's side."""
    import onnxruntime  # noqa: F401  (to fail before the first graph, if at all)
    import openvino  # noqa: F401

    print("ready", flush=True)
    for name in names:
        with np.load(folder / f"{name}.npz") as feeds:
            right = is_right(folder / f"{name}.onnx", dict(feeds))
        print(name, "right" if right else "wrong", flush=True)


def is_right(path: Path, feeds: Mapping[str, Array]) -> bool:
    """Whether OpenVINO computes at f32 what ONNX Runtime does; it refusing the graph is wrong."""
    import onnxruntime
    import openvino

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    wanted = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, dict(feeds))
    try:
        core = openvino.Core()
        request = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = request.create_infer_request().infer(dict(feeds)).values()
    except RuntimeError:
        return False
    return all(_error(one, other) <= WRONG for one, other in zip(found, wanted, strict=True))


def _error(found: Array, wanted: Array) -> float:
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), _LEAST))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
