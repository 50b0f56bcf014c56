"""Proof that an IR computes what the original computes."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.verify import explain
from ovprep.verify.arrays import Array
from ovprep.verify.cases import Case, make_cases
from ovprep.verify.compare import Budget, Comparison, scale_of
from ovprep.verify.contender import Contender, Runtime
from ovprep.verify.explain import Tolerance
from ovprep.verify.locate import Pair
from ovprep.verify.located import Located
from ovprep.verify.process import Worker
from ovprep.verify.rounding import rounding_of
from ovprep.verify.searching import Explain, search
from ovprep.verify.subject import Subject
from ovprep.verify.yardstick import measure

if TYPE_CHECKING:
    import onnx_ir as ir

Progress = Callable[[str], None]
Outputs = dict[str, list[Array]]
"""Outputs by `Case.described()`."""


@dataclass(frozen=True)
class Verification:
    """The verdict and everything that it rests on.

    `reference` and `candidate` name the runtimes, with versions, that ran the original and the IR. `default_precision`
    is what OpenVINO computes in on this device unless told otherwise ("f32", "bf16"); None where that was not found
    out. Rows at f32 decide; rows at the default precision are there to be known. `noise` of the tolerance and errors
    of rows may be infinite or NaN, which strict JSON has no number for. `located` is the first op that differs, where
    that was searched for and found.
    """

    passed: bool
    tolerance: Tolerance
    reference: str
    candidate: str
    default_precision: str | None
    seed: int
    rows: tuple[Comparison, ...]
    notes: tuple[str, ...]
    located: Located | None = None

    @property
    def worst(self) -> Comparison:
        """The row at f32 that comes closest to its tolerance, or exceeds it by most."""
        judged = [row for row in self.rows if row.tolerance is not None]
        return max(judged, key=lambda row: row.max_abs_error / row.tolerance if row.tolerance else row.max_abs_error)


def verify(
    original: Contender,
    candidate: Path,
    canonical: "ir.Model",
    source: Interface,
    target: Interface,
    *,
    sizes: Mapping[str, int],
    seed: int,
    threads: int,
    worker: Worker | None = None,
    runtime: Runtime = "openvino",
    explaining: Explain | None = None,
    on_progress: Progress | None = None,
) -> Verification:
    """Runs the original and the IR on the same signals, and judges the difference by an error budget.

    `source` and `target` are the interfaces of the original and of the IR `candidate` (.xml): the same ports in the
    same order, possibly in other layouts. `canonical` is the graph behind the IR, with the interface `target`. `sizes`
    gives every open dimension but the batch. `runtime` runs the candidate, which may be an `.onnx` file as well. A
    `worker` that was launched with the original serves for it, and is left running. The tolerance is explained at
    `ovprep.verify.compare.Budget`. With `explaining`, a difference is followed to the first op that differs.

    The IR is run as delivered, and again with its shapes fixed to the inputs' where dimensions are open, since the
    plugin compiles other kernels then; at f32, and at the device's default precision where that is another one.

    Raises RuntimeFailure where the original or, at f32, the IR cannot be run at all.
    """
    say = on_progress or (lambda text: None)
    cases = make_cases(source, sizes, seed)
    notes: list[str] = []
    with ExitStack() as stack:
        origin = worker or stack.enter_context(Worker.launch(original, threads=threads))
        contender = Contender("IR", runtime, candidate, role="ovprep")
        device = stack.enter_context(Worker.launch(contender, threads=threads))
        say("float32 noise of the model")
        yardstick = measure(canonical, cases, source, target, threads, notes)
        say("the original")
        wanted, cases = _run_original(origin, cases, notes, opened=bool(original.options.opened))
        scales = _scales(wanted, source)
        budget = Budget(yardstick.noise, scales, rounding_of(canonical, origin.ready(), scales))
        say("the IR")
        subject = Subject(device, contender, source, target, cases, wanted, budget)
        rows = subject.at_f32()
        version = device.ready().version
        plain, default_precision = subject.at_default()
        pair = Pair(explaining.as_read if explaining else None, canonical, original, contender)
        located = search(explaining, pair, rows, cases, source, target, threads=threads, worker=origin, notes=notes)
    return Verification(
        passed=all(row.passed for row in rows),
        tolerance=explain.tolerance(budget, source),
        reference=origin.ready().version,
        candidate=version,
        default_precision=default_precision,
        seed=seed,
        rows=(*rows, *plain),
        notes=(*explain.notes(rows, plain, budget, source, wanted, yardstick.rounded), *notes, *subject.notes),
        located=located,
    )


def _scales(wanted: Outputs, source: Interface) -> tuple[float, ...]:
    return tuple(scale_of([arrays[index] for arrays in wanted.values()]) for index in range(len(source.outputs)))


def _run_original(worker: Worker, cases: list[Case], notes: list[str], *, opened: bool) -> tuple[Outputs, list[Case]]:
    """The original's outputs, and the cases that it can run; it must run the first batch size at least.

    Where axes that its file fixes were `opened`, it must run all.
    """
    worker.ready()
    wanted: Outputs = {}
    for case in cases:
        try:
            wanted[case.described()] = worker.run(case.inputs)
        except RuntimeFailure as error:
            if opened and worker.alive:
                raise RuntimeFailure(
                    f"The original does not run for {case.described()} with its axes open, so leave them as they are: "
                    f"{error}"
                ) from error
            if case.batch == cases[0].batch or not worker.alive:
                raise
            notes.append(f"Not compared for {case.described()}, which the original itself cannot run: {error}")
    return wanted, [case for case in cases if case.described() in wanted]
