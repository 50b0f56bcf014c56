"""The canonical graph, run in float32 and in float64: what rounding does to this very model."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import RuntimeFailure, UnsupportedError
from ovprep.interface import Interface
from ovprep.verify.arrays import Array, relayout_all
from ovprep.verify.cases import Case
from ovprep.verify.compare import noise_of
from ovprep.verify.contender import Contender
from ovprep.verify.process import Worker

if TYPE_CHECKING:
    import onnx_ir as ir

    from ovprep.verify.reference import DoubleReference


@dataclass(frozen=True, eq=False)
class Yardstick:
    """`noise` per output, None where it could not be measured; `rounded` are the float32 outputs by case.

    The outputs are in the original's layouts, as far as they have its ranks.
    """

    noise: tuple[float, ...] | None
    rounded: dict[str, list[Array]]


def measure(
    canonical: "ir.Model | None",
    cases: Sequence[Case],
    source: Interface,
    target: Interface,
    threads: int,
    notes: list[str],
) -> Yardstick:
    """Runs the graph (interface `target`) on the cases that measure; adds a note where it cannot be run in float64."""
    if canonical is None:
        notes.append(
            "Float32 noise could not be measured, so a fixed tolerance was used: the original is run, not read."
        )
        return Yardstick(None, {})
    from ovprep.graph.storage import save_model
    from ovprep.verify.reference import DoubleReference

    here, there = [port.layout for port in target.inputs], [port.layout for port in source.inputs]
    measuring = [case for case in cases if case.measures]
    runs = [relayout_all(case.inputs, there, here) for case in measuring]
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        path = Path(scratch) / "canonical.onnx"
        save_model(canonical, path)
        with Worker.launch(Contender("canonical graph", "onnxruntime", path), threads=threads) as worker:
            try:
                exact = _exact(DoubleReference(canonical), runs)  # while the workers are still starting
                rounded = [worker.run(inputs) for inputs in runs]
            except (UnsupportedError, RuntimeFailure) as error:
                notes.append(f"Float32 noise could not be measured, so a fixed tolerance was used: {error}")
                return Yardstick(None, {})
    outputs = {case.described(): _in_layouts(run, source, target) for case, run in zip(measuring, rounded, strict=True)}
    if _shapes(exact) != _shapes(rounded):
        notes.append("Float32 noise could not be measured: the float64 run gives other shapes than ONNX Runtime.")
        return Yardstick(None, outputs)
    return Yardstick(noise_of(exact, rounded), outputs)


def _exact(reference: "DoubleReference", runs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    return [reference.run(inputs) for inputs in runs]


def _in_layouts(outputs: Sequence[Array], source: Interface, target: Interface) -> list[Array]:
    moved = []
    for array, here, there in zip(outputs, target.outputs, source.outputs, strict=True):
        moved += relayout_all([array], [here.layout], [there.layout]) if array.ndim == len(here.layout) else [array]
    return moved


def _shapes(runs: Sequence[Sequence[Array]]) -> list[list[tuple[int, ...]]]:
    return [[array.shape for array in run] for run in runs]
