"""The canonical graph, run in float32 and in float64: what rounding does to this very model."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ovprep.errors import RuntimeFailure, UnsupportedError
from ovprep.interface import Interface
from ovprep.proof.budgets import Floor
from ovprep.proof.compare import differences, noise_of, scale_of
from ovprep.proof.inputs.cases import Case, parts_of
from ovprep.proof.inputs.chain import CALLS, NAME, Chain, Run
from ovprep.workers.arrays import Array, relayout_all
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

if TYPE_CHECKING:
    import onnx_ir as ir

ENOUGH = 10.0
"""Seconds of computing that the float64 runs may take, the first one aside: NumPy is slow on long signals."""

_UNMEASURED = "Float32 noise could not be measured, so a fixed tolerance was used"

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
        notes.append(f"{_UNMEASURED}: the original is run, not read.")
        return Yardstick(None, {})
    from ovprep.graph.storage import save_model

    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        path = Path(scratch) / "canonical.onnx"
        save_model(canonical, path)
        graph = Contender("canonical graph", "onnxruntime", path)
        with Worker.launch(graph, threads=threads) as worker:
            parts = _parts(cases, source, chain)
            exact, reason = _exact(canonical, parts, source, target)  # while the worker is still starting
            run = _in_original(worker.run, source, target)
            try:
                plain = dataclasses.replace(graph, optimised=False)
                if not _loads(worker):  # what ONNX Runtime makes of a quantised graph may be none of its own
                    worker.load(plain)
                rounded = _all_cases(worker, cases, source, target)
                samples = [[part(run) for _, part in parts]] if reason is None else []
                if samples:
                    worker.load(plain)
                    samples.append([part(run) for _, part in parts])
            except RuntimeFailure as error:
                notes.append(f"{_UNMEASURED}: {error}")
                return Yardstick(None, {})
    if any(_shapes(exact) != _shapes(sample[: len(exact)]) for sample in samples):
        reason = "The float64 run gives other shapes than ONNX Runtime."
    if reason is not None:
        notes.append(f"{_UNMEASURED}: {reason}")
        return Yardstick(None, rounded)
    floors = _floors([name for name, _ in parts], exact, samples)
    if late := dict.fromkeys(name for name, _ in parts if name not in floors):
        notes.append(f"{_UNMEASURED} for {', '.join(late)}: the model takes long in float64.")
    return Yardstick(floors, rounded)


def _loads(worker: Worker) -> bool:
    """Whether the model was loaded. Raises RuntimeFailure where the process ended over it."""
    try:
        worker.ready()
    except RuntimeFailure:
        if not worker.alive:
            raise
        return False
    return True


Part = tuple[str, Callable[[Run], list[Array]]]
"""A signal, and what is to be run of it."""


def _parts(cases: Sequence[Case], source: Interface, chain: Chain | None) -> list[Part]:
    """Each signal of the cases that measure, and many calls as one signal more."""

    def part(case: Case) -> Part:
        return case.measured_as, lambda run: run(case)

    parts = [part(one) for case in cases if case.measures for one in parts_of(case, source.inputs)]
    return parts if chain is None else [*parts, (NAME, chain.outputs)]


def _exact(
    canonical: "ir.Model", parts: Sequence[Part], source: Interface, target: Interface
) -> tuple[list[list[Array]], str | None]:
    """The float64 outputs of the parts, as far as `ENOUGH` lets, but of the first; or why there are none."""
    from ovprep.proof.reference.double import DoubleReference

    begin = time.thread_time()
    exact: list[list[Array]] = []
    try:
        run = _in_original(DoubleReference(canonical).run, source, target)
        for name, part in parts:
            spent = time.thread_time() - begin
            if exact and (spent > ENOUGH or (name == NAME and spent / len(exact) * CALLS > ENOUGH)):
                break
            exact.append(part(run))
    except (RuntimeFailure, UnsupportedError) as error:
        return [], str(error)
    return exact, None


def _floors(
    names: Sequence[str], exact: Sequence[Sequence[Array]], samples: Sequence[Sequence[Sequence[Array]]]
) -> dict[str, Floor]:
    """By signal, of those that were run in float64."""
    floors: dict[str, Floor] = {}
    for index, (name, base) in enumerate(zip(names, exact, strict=False)):
        scales = tuple(scale_of([array]) for array in base)
        for sample in samples:
            floor = Floor(noise_of([base], [sample[index]]), scales, _unsettled(base, sample[index]))
            floors[name] = floors[name].joined(floor) if name in floors else floor
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
