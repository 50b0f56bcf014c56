"""Has a child process with TensorFlow turn a model into ONNX."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from ovprep import errors
from ovprep.child import ending, environment, last_words
from ovprep.errors import ModelError, UnsupportedError
from ovprep.options import ReadOptions

TIME_LIMIT = 600.0
"""Seconds that importing TensorFlow, loading a model and exporting it may take."""

_MODULE = "ovprep.frontends.tensorflow.exporter"


@dataclass(frozen=True)
class Export:
    """The graph that tf2onnx made, with the model's own names of inputs and outputs, and what wrote the file.

    `parameters` is None where the framework does not count them.
    """

    proto: onnx.ModelProto
    framework: str
    parameters: int | None


def export(kind: str, path: Path, options: ReadOptions) -> Export:
    """Exports the model in a child process that ends with this one.

    Raises ModelError or OptionError as TensorFlow's loader finds it, or where the loader dies of the file;
    UnsupportedError where the export fails, takes too long, or leaves operations that ONNX does not have.
    """
    with tempfile.TemporaryDirectory(prefix="ovprep-") as folder:
        request = {"kind": kind, "path": str(path.absolute()), "folder": folder, **options.packed()}
        _run_child(request, path)
        result = _result(Path(folder) / "result.json", path)
        proto = onnx.load(Path(folder) / "model.onnx")
    _refuse_foreign(proto, path)
    return Export(proto, result["framework"], result["parameters"])


def _run_child(request: dict[str, Any], path: Path) -> None:
    """Raises UnsupportedError where the child does not come to an end in time, ModelError where it dies."""
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, json.dumps(request)],
            stdin=subprocess.PIPE,  # its end, with ours, is what ends the child
            stdout=log,
            stderr=log,
            env=environment(),
            start_new_session=True,
        )
        try:
            child.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            raise UnsupportedError(f"{path} was not exported to ONNX within {TIME_LIMIT:g} s.") from None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            assert child.stdin is not None
            child.stdin.close()
        if child.returncode:
            words = last_words(log)
            raise ModelError(
                f"TensorFlow {ending(child.returncode)} while exporting {path}, as damaged files can make it"
                + (f"; its last words: {words}" if words else ".")
            )


def _result(file: Path, path: Path) -> dict[str, Any]:
    if not file.is_file():  # a plugin may have ended the process
        raise UnsupportedError(f"The process that exports {path} ended without a result.")
    result: dict[str, Any] = json.loads(file.read_text("utf-8"))
    if "error" not in result:
        return result
    if result["class"] is not None:
        error: Exception = getattr(errors, result["class"])(result["error"])
        raise error
    raise UnsupportedError(f"{path} cannot be exported to ONNX: {result['error'].rstrip('.')}.")


def _refuse_foreign(proto: onnx.ModelProto, path: Path) -> None:
    """Raises UnsupportedError where tf2onnx, which calls that a success, left operations that ONNX does not have."""
    foreign = sorted({node.op_type for node in _nodes(proto.graph) if not onnx.defs.has(node.op_type, node.domain)})
    if foreign:
        raise UnsupportedError(
            f"{path} holds what tf2onnx cannot bring to ONNX: {', '.join(foreign)}. Replace it in the model."
        )


def _nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """All nodes, those of bodies of loops and branches too."""
    found = []
    for node in graph.node:
        found.append(node)
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                found += _nodes(inner)
    return found
