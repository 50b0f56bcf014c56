"""Writes a folder that shows one difference by itself, with nothing but OpenVINO and NumPy.

run.py          computes the part, compares, and ends with 1 where it differs
op.onnx         the part as ovprep understands it
op.xml, .bin    the same out of the IR, where the difference arises there
inputs.npz      its inputs, in order
expected.npz    what it should give
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.proof.compare import differences
from ovprep.proof.location.fragment import cut
from ovprep.proof.location.parts import as_float32
from ovprep.proof.location.walk import Step, Walk
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

WIDENINGS = 4
"""How far further back a part may begin before it is the whole model: a defect may be one of a fusion."""

_RUN = '''"""{what}

Ends with 1 as long as {file} gives something else than expected.npz.
"""

import sys
from pathlib import Path

import numpy as np
import openvino

here = Path(__file__).parent
model = openvino.Core().compile_model(here / "{file}", "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
inputs, expected = np.load(here / "inputs.npz"), np.load(here / "expected.npz")["output"]
found = model([inputs[name] for name in inputs])[0]
same = found.shape == expected.shape
error = np.abs(found.astype(float) - expected.astype(float)).max() if same else np.inf
print(f"largest difference {{error:.3g}}, allowed {tolerance:.3g}")
sys.exit(not error <= {tolerance!r})
'''


def of_translation(folder: Path, what: str, step: Step, walk: Walk, expected: Array) -> None:
    """The part of the graph, with what the original makes of its inputs."""
    _save_part(folder, step, walk)
    _write(folder, what, "op.onnx", list(step.inputs.values()), expected, step.tolerance)


def of_ir(
    folder: Path, what: str, step: Step, walk: Walk, seen: Mapping[str, Array], ir: Path, *, fixed: bool, threads: int
) -> None:
    """The part of the IR, as small as still differs when it runs alone; `seen` are the IR's tensors."""
    known = {**seen, **dict(zip(walk.parts.inputs, walk.inputs, strict=True))}
    position = walk.outputs.index(step.tensor) if step.tensor in walk.outputs else None
    for part in _widened(step, walk, seen):
        inside = {name for node in part.region for name in walk.parts.gives(node)}
        given = {name: array for name, array in known.items() if name not in inside} | part.inputs
        names = cut(ir, step.tensor, position, given, folder / "op.xml", fixed=fixed)
        _save_part(folder, part, walk)
        inputs = [as_float32(given[name]) for name in names]
        _write(folder, what, "op.xml", inputs, part.expected, part.tolerance)
        if _differs(folder / "op.xml", inputs, part, threads):
            return


def _widened(step: Step, walk: Walk, seen: Mapping[str, Array]) -> list[Step]:
    """The step, then the same with more of the ops before it, at last from the inputs of the model on."""
    parts = [step]
    known = set(seen) - {step.tensor}
    for _ in range(WIDENINGS):
        known -= set(parts[-1].inputs)
        parts.append(_from(known, step, walk, seen))
    return [*parts, _from((), step, walk, seen)]


def _from(names: Sequence[str] | set[str], step: Step, walk: Walk, seen: Mapping[str, Array]) -> Step:
    tensors = {name: seen[name] for name in (*names, step.tensor)}
    return next(one for one in walk.steps(tensors) if one.tensor == step.tensor)


def _differs(path: Path, inputs: Sequence[Array], part: Step, threads: int) -> bool:
    with Worker.launch(Contender("part", "openvino", path), threads=threads) as worker:
        try:
            found = worker.run(inputs)[0]
        except RuntimeFailure:
            return True
    if found.shape != part.expected.shape:
        return True
    return bool(differences(part.expected, found).max(initial=0.0) > part.tolerance)


def _save_part(folder: Path, step: Step, walk: Walk) -> None:
    import onnx

    inputs = {name: as_float32(array) for name, array in step.inputs.items()}
    model = walk.parts.model(step.region, inputs, {step.tensor: as_float32(step.expected)})
    onnx.save(model, str(folder / "op.onnx"))


def _write(folder: Path, what: str, file: str, inputs: Sequence[Array], expected: Array, tolerance: float) -> None:
    """Writes all but the models: `file` is the one that is run, `what` says in a sentence what it is about."""
    arrays = {f"input_{index}": as_float32(array) for index, array in enumerate(inputs)}
    np.savez(folder / "inputs.npz", **arrays)  # type: ignore[arg-type]  # its stub takes them for allow_pickle
    np.savez(folder / "expected.npz", output=as_float32(expected))
    text = _RUN.format(what=what.replace("\\", "/").replace('"""', "'''"), file=file, tolerance=float(tolerance))
    (folder / "run.py").write_text(text, "utf-8")
