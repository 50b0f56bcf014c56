"""Proof that an IR computes what the original computes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.verify import explain
from ovprep.verify.arrays import Array
from ovprep.verify.budgets import Budgets
from ovprep.verify.cases import Case, make_cases, other_lengths, parts_of
from ovprep.verify.chain import Chain, make_chain
from ovprep.verify.compare import Comparison, scale_of
from ovprep.verify.contender import Contender, Runtime
from ovprep.verify.explain import Tolerance
from ovprep.verify.invariances import Check, batched, make_shift, repeated, shifted
from ovprep.verify.precisions import AtPrecision, summed_up
from ovprep.verify.process import Worker
from ovprep.verify.rounding import rounding_of
from ovprep.verify.saturation import inner_values, widened, with_inner_outputs
from ovprep.verify.subject import Subject
from ovprep.verify.yardstick import Outputs, measure

if TYPE_CHECKING:
    import onnx_ir as ir

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Verification:
    """The verdict and everything that it rests on.

    `reference` and `candidate` name the runtimes, with versions, that ran the original and the IR. `default_precision`
    is what OpenVINO computes in on this device unless told otherwise ("f32", "bf16"); None where that was not found
    out. Rows at f32 and `checks` decide; rows at other precisions are there to be known, and `precisions` sums them up.
    `noise` of the tolerance and errors of rows may be infinite or NaN, which strict JSON has no number for.
    """

    passed: bool
    tolerance: Tolerance
    reference: str
    candidate: str
    default_precision: str | None
    seed: int
    rows: tuple[Comparison, ...]
    notes: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    precisions: tuple[AtPrecision, ...] = ()

    @property
    def worst(self) -> Comparison:
        """The row at f32 that comes closest to its tolerance, or exceeds it by most."""
        judged = [row for row in self.rows if row.tolerance is not None]
        return max(judged, key=lambda row: (not row.passed, explain.closeness(row)))

    def failure(self) -> str:
        """What is not equal, in a sentence; for a verification that did not pass."""
        return explain.failure(self.worst, self.checks)


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
    extra: Sequence[Case] = (),
    on_progress: Progress | None = None,
) -> Verification:
    """Runs the original and the IR on the same signals, and judges the difference by an error budget.

    `source` and `target` are the interfaces of the original and of the IR `candidate` (.xml): the same ports in the
    same order, possibly in other layouts. `canonical` is the graph behind the IR, with the interface `target`. `sizes`
    gives every open dimension but the batch. `runtime` runs the candidate, which may be an `.onnx` file as well. A
    `worker` that was launched with the original serves for it, and is left running. The tolerance is explained at
    `ovprep.verify.compare.Budget`.

    `extra` cases, such as recordings, are run and judged besides the signals; their names must be their own.

    The IR is run as delivered, and again with its shapes fixed to the inputs' where dimensions are open, since the
    plugin compiles other kernels then; with what final activations take as outputs, too; and at the device's default
    precision where that is another one than f32.

    Raises RuntimeFailure where the original or, at f32, the IR cannot be run at all.
    """
    from ovprep.graph.cost import receptive_field
    from ovprep.graph.storage import is_large

    say = on_progress or (lambda text: None)
    notes: list[str] = []
    signals = make_cases(source, sizes, seed)
    lengths = other_lengths(source, sizes, seed)
    shift = make_shift(source, receptive_field(canonical.graph), sizes, seed)
    inner = () if is_large(canonical) or runtime != "openvino" else inner_values(canonical)
    graph = with_inner_outputs(canonical, inner) if inner else canonical
    with ExitStack() as stack:
        origin = worker or stack.enter_context(Worker.launch(original, threads=threads))
        contender = Contender("IR", runtime, candidate, role="ovprep")
        device = stack.enter_context(Worker.launch(contender, threads=threads))
        say("float32 noise of the model")
        chain = make_chain(source, sizes, seed)
        measured = [*signals, *extra, *lengths, *(shift.cases if shift else ())]
        yardstick = measure(graph, measured, widened(source, inner), widened(target, inner), threads, notes, chain)
        say("the original")
        found = _Original(origin, source, notes, opened=bool(original.options.opened))
        cases = [*found.run_signals(signals), *found.run_extra(extra), *found.run_one_of(lengths)]
        scales = _scales(found.outputs, cases, extra, yardstick.rounded, len(source.outputs), len(inner))
        budgets = Budgets(yardstick.floors, scales, rounding_of(graph, origin.ready(), scales))
        say("the IR")
        subject = Subject(device, contender, source, target, cases, found.outputs, budgets)
        rows = subject.at_f32()
        version = device.ready().version
        if chain is not None:
            rows += subject.in_a_row(found.in_a_row(chain), chain)
        checks = [repeated(subject), shifted(subject, shift, yardstick.rounded)]
        rows += subject.at_fixed_shapes()
        checks.insert(0, batched(subject, found.outputs))
        rows += subject.before_activations(inner, yardstick.rounded)
        plain, default_precision = subject.at_default()
        plain += subject.with_f16_weights() if runtime == "openvino" else []
    everything, names = (*rows, *plain), {port.name for port in source.outputs}
    return Verification(
        passed=all(row.passed is not False for row in rows)
        and not any(check.decides and check.passed is False for check in checks),
        tolerance=explain.tolerance(budgets, widened(source, inner)),
        reference=origin.ready().version,
        candidate=version,
        default_precision=default_precision,
        seed=seed,
        rows=everything,
        notes=(
            *explain.notes(rows, checks, budgets, source, cases, found.outputs, yardstick.rounded),
            *notes,
            *subject.notes,
        ),
        checks=tuple(checks),
        precisions=summed_up([row for row in everything if row.output in names]),
    )


def _scales(
    wanted: Outputs, cases: Sequence[Case], extra: Sequence[Case], rounded: Outputs, outer: int, inner: int
) -> tuple[float, ...]:
    """Largest magnitudes over the signals: of the original's outputs, and of what final activations take."""
    own = [case.described() for case in cases if case not in extra]
    scales = [scale_of([wanted[case][index] for case in own]) for index in range(outer)]
    scales += [scale_of([rounded[case][outer + index] for case in own if case in rounded]) for index in range(inner)]
    return tuple(scales)


class _Original:
    """The original in its worker, and its `outputs` by case.

    It must run the first case at least; where axes that its file fixes were `opened`, it must run all signals.
    """

    def __init__(self, worker: Worker, source: Interface, notes: list[str], *, opened: bool) -> None:
        worker.ready()
        self._worker, self._source, self._notes, self._opened = worker, source, notes, opened
        self.outputs: dict[str, list[Array]] = {}

    def run_signals(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that it runs; one signal after the other where it does not run several items."""
        done = []
        for case in cases:
            reason = self._refusal(case)
            if reason is None:
                done.append(case)
                continue
            if self._opened:
                raise RuntimeFailure(
                    f"The original does not run for {case.described()} with its axes open, so leave them as they are: "
                    f"{reason}"
                )
            if not case.items:
                raise RuntimeFailure(reason)
            self._notes.append(f"Not compared for {case.described()}, which the original itself cannot run: {reason}")
            alone = [part for part in parts_of(case, self._source.inputs) if part.described() not in self.outputs]
            done += [part for part in alone if self._refusal(part) is None]
        return done

    def run_extra(self, cases: Sequence[Case]) -> list[Case]:
        """All of them. Raises RuntimeFailure for the first that it does not run."""
        for case in cases:
            if reason := self._refusal(case):
                raise RuntimeFailure(f"The original does not run {case.described()}: {reason}")
        return list(cases)

    def run_one_of(self, cases: Sequence[Case]) -> list[Case]:
        """The first that it runs, with a note where it runs none."""
        reason = None
        for case in cases:
            reason = self._refusal(case)
            if reason is None:
                return [case]
        if reason is not None:
            self._notes.append(f"Not compared at a second length, which the original itself cannot run: {reason}")
        return []

    def in_a_row(self, chain: Chain) -> list[Array]:
        """The outputs of many calls. Raises RuntimeFailure where it does not run them."""
        return chain.outputs(lambda case: self._worker.run(case.inputs))

    def _refusal(self, case: Case) -> str | None:
        """Why it does not run this case; None where it does. Raises RuntimeFailure where it died."""
        try:
            self.outputs[case.described()] = self._worker.run(case.inputs)
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            return str(error)
        return None
