"""The canonical graph, run in float32 and in float64: what rounding does to this very model."""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ovprep.errors import RuntimeFailure, UnsupportedError
from ovprep.interface import Interface
from ovprep.verify.arrays import Array, relayout_all
from ovprep.verify.budgets import Floor
from ovprep.verify.cases import Case, parts_of
from ovprep.verify.chain import NAME, Chain, Run
from ovprep.verify.compare import differences, noise_of, scale_of
from ovprep.verify.contender import Contender
from ovprep.verify.process import Worker

if TYPE_CHECKING:
    import onnx_ir as ir

Outputs = dict[str, list[Array]]
"""Outputs by `Case.described()`."""


@dataclass(frozen=True, eq=False)
class Yardstick:
    """`floors` by signal, None where they could not be measured; `rounded` are the float32 outputs by case.

    The outputs are in the original's layouts, as far as they have its ranks.
    """

    floors: dict[str, Floor] | None
    rounded: Outputs


def measure(
    canonical: "ir.Model | None",
    cases: Sequence[Case],
    source: Interface,
    target: Interface,
    threads: int,
    notes: list[str],
    chain: Chain | None = None,
) -> Yardstick:
    """Runs the graph (interface `target`) on all cases; adds a note where it cannot be run in float64.

    What float32 does is seen in two runs, with ONNX Runtime's optimisations and without: where rounding is amplified,
    as by the division of a silent signal by its own deviation, these two differ as much as two runtimes do.
    """
    if canonical is None:
        notes.append(
            "Float32 noise could not be measured, so a fixed tolerance was used: the original is run, not read."
        )
        return Yardstick(None, {})
    from ovprep.graph.storage import save_model
    from ovprep.verify.reference import DoubleReference

    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        path = Path(scratch) / "canonical.onnx"
        save_model(canonical, path)
        graph = Contender("canonical graph", "onnxruntime", path)
        with Worker.launch(graph, threads=threads) as worker:
            parts = [part for case in cases if case.measures for part in parts_of(case, source.inputs)]
            runs = [_inputs(part, source, target) for part in parts]
            try:
                reference = DoubleReference(canonical)
                exact = [reference.run(inputs) for inputs in runs]  # while the worker is still starting
                reason = None
            except UnsupportedError as error:
                exact, reason = [], str(error)
            try:
                rounded = _all_cases(worker, cases, source, target)
                samples = [[worker.run(inputs) for inputs in runs]] if reason is None else []
                if samples:
                    worker.load(dataclasses.replace(graph, optimised=False))
                    samples.append([worker.run(inputs) for inputs in runs])
                if samples and chain is not None:  # like one case more, of many calls
                    called = [chain.outputs(_in_original(run, source, target)) for run in (reference.run, worker.run)]
                    parts.append(Case(NAME, 0, [], True))
                    exact.append(called[0])
                    for sample in samples:
                        sample.append(called[1])
            except (RuntimeFailure, UnsupportedError) as error:
                notes.append(f"Float32 noise could not be measured, so a fixed tolerance was used: {error}")
                return Yardstick(None, {})
    if reason is None and any(_shapes(exact) != _shapes(sample) for sample in samples):
        reason = "The float64 run gives other shapes than ONNX Runtime."
    if reason is not None:
        notes.append(f"Float32 noise could not be measured, so a fixed tolerance was used: {reason}")
        return Yardstick(None, rounded)
    return Yardstick(_floors(parts, exact, samples), rounded)


def _floors(
    parts: Sequence[Case], exact: Sequence[Sequence[Array]], samples: Sequence[Sequence[Sequence[Array]]]
) -> dict[str, Floor]:
    floors: dict[str, Floor] = {}
    for index, part in enumerate(parts):
        scales = tuple(scale_of([array]) for array in exact[index])
        for sample in samples:
            floor = Floor(noise_of([exact[index]], [sample[index]]), scales, _unsettled(exact[index], sample[index]))
            known = floors.get(part.measured_as)
            floors[part.measured_as] = floor if known is None else known.joined(floor)
    return floors


def _unsettled(exact: Sequence[Array], sample: Sequence[Array]) -> tuple[bool, ...]:
    """Per output, whether one run is finite where the other is not."""
    return tuple(bool(np.isinf(differences(*pair)).any()) for pair in zip(exact, sample, strict=True))


def _all_cases(worker: Worker, cases: Sequence[Case], source: Interface, target: Interface) -> Outputs:
    """The float32 outputs by case, without what the graph does not run: the original may not run it either."""
    outputs: Outputs = {}
    for number, case in enumerate(cases):
        try:
            outputs[case.described()] = _in_layouts(worker.run(_inputs(case, source, target)), source, target)
        except RuntimeFailure:
            if number == 0 or not worker.alive:
                raise
    return outputs


def _in_original(run: Callable[[Sequence[Array]], list[Array]], source: Interface, target: Interface) -> Run:
    """A run of the graph with inputs and outputs in the original's layouts."""
    return lambda case: _in_layouts(run(_inputs(case, source, target)), source, target)


def _inputs(case: Case, source: Interface, target: Interface) -> list[Array]:
    layouts = [[port.layout for port in side.inputs] for side in (source, target)]
    return relayout_all(case.inputs, *layouts)


def _in_layouts(outputs: Sequence[Array], source: Interface, target: Interface) -> list[Array]:
    moved = []
    for array, here, there in zip(outputs, target.outputs, source.outputs, strict=True):
        moved += relayout_all([array], [here.layout], [there.layout]) if array.ndim == len(here.layout) else [array]
    return moved


def _shapes(runs: Sequence[Sequence[Array]]) -> list[list[tuple[int, ...]]]:
    return [[array.shape for array in run] for run in runs]
