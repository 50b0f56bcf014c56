"""Proof that an IR computes what the original computes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.interface import Interface
from ovprep.options import ReadOptions
from ovprep.proof import explain
from ovprep.proof.blindness import blind_outputs
from ovprep.proof.budgets import Budgets
from ovprep.proof.certificate import Certificate, hashes
from ovprep.proof.compare import Comparison, scale_of
from ovprep.proof.explain import Tolerance
from ovprep.proof.inputs.cases import Case, make_cases, other_lengths
from ovprep.proof.inputs.chain import Chain, make_chain
from ovprep.proof.invariances import Check, Shift, batched, make_shift, repeated, shifted
from ovprep.proof.location.located import Located
from ovprep.proof.location.searching import Explain, search
from ovprep.proof.original import Original
from ovprep.proof.precisions import AtPrecision, summed_up
from ovprep.proof.rounding import rounding_of
from ovprep.proof.subject import Subject
from ovprep.proof.yardstick import Outputs, measure
from ovprep.workers.contender import Contender, Runtime
from ovprep.workers.process import Worker
from ovprep.workers.runners.saturation import Inner, inner_values, widened, with_inner_outputs

if TYPE_CHECKING:
    import onnx_ir as ir

Progress = Callable[[str], None]

_LOOKED_THROUGH = ("onnxruntime", "openvino")
"""Runtimes that give what a final activation takes, too."""


@dataclass(frozen=True)
class Verification:
    """The verdict and everything that it rests on.

    `reference` and `candidate` name the runtimes, with versions, that ran the original and the IR. `default_precision`
    is what OpenVINO computes in on this device unless told otherwise ("f32", "bf16"); None where that was not found
    out. Rows at f32 and `checks` decide; rows at other precisions are there to be known, and `precisions` sums them up.
    `noise` of the tolerance and errors of rows may be infinite or NaN, which strict JSON has no number for. `located`
    is the first op that differs, where that was searched for and found. `inputs` has the SHA-256 of what was fed, by
    signal and batch; `certificate` what else is needed to run it again, where the caller told.
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
    located: Located | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    certificate: Certificate | None = None

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
    candidate: Path | Contender,
    canonical: "ir.Model | None",
    source: Interface,
    target: Interface,
    *,
    sizes: Mapping[str, int],
    seed: int,
    threads: int,
    worker: Worker | None = None,
    runtime: Runtime = "openvino",
    options: ReadOptions | None = None,
    extra: Sequence[Case] = (),
    tolerance: float | None = None,
    graph_interface: Interface | None = None,
    finite: bool = False,
    others: Mapping[str, Path] | None = None,
    explaining: Explain | None = None,
    on_progress: Progress | None = None,
) -> Verification:
    """Runs the original and the IR on the same signals, and judges the difference by an error budget.

    `source` and `target` are the interfaces of the original and of the IR `candidate` (.xml): the same ports in the
    same order, possibly in other layouts. `canonical` is the graph of the original, with the `graph_interface`, by
    default `target`; without one there is no float64 yardstick. `sizes` gives every open dimension but the batch.
    `runtime` runs the candidate, where it is a path: an IR, an `.onnx` or a Keras file, loaded with the `options`. A
    `worker` that was launched with the original serves for it, and is left running. The tolerance is explained at
    `ovprep.proof.compare.Budget`. With `explaining`, a difference is followed to the first op that differs.

    `extra` cases, such as recordings, are run and judged besides the signals; their names must be their own. A
    `tolerance`, a share of each output's scale, takes the place of the error budget. `others` are IRs of the same model
    by name, as quantised ones: they get rows of their own, which do not decide.

    The IR is run as delivered, and again with its shapes fixed to the inputs' where dimensions are open, since the
    plugin compiles other kernels then; with what final activations take as outputs, too; and at the device's default
    precision where that is another one than f32.

    Raises RuntimeFailure where the original or, at f32, the IR cannot be run at all; also, if outputs must be `finite`,
    where one of the original's is NaN.
    """
    say = on_progress or (lambda text: None)
    notes: list[str] = []
    contender = candidate
    if isinstance(contender, Path):
        contender = Contender("IR", runtime, contender, role="ovprep", options=options or ReadOptions())
    plan = _plan(canonical, source, sizes, seed, extra, looking_through=contender.runtime in _LOOKED_THROUGH)
    with ExitStack() as stack:
        origin = worker or stack.enter_context(Worker.launch(original, threads=threads))
        device = stack.enter_context(Worker.launch(contender, threads=threads))
        say("float32 noise of the model")
        wide = [widened(side, plan.inner) for side in (source, graph_interface or target)]
        yardstick = measure(plan.graph, plan.measured, wide[0], wide[1], threads, notes, plan.chain)
        say("the original")
        run = Original(origin, source, notes, opened=bool(original.options.opened))
        cases = [*run.run_signals(plan.signals), *run.run_extra(extra), *run.run_one_of(plan.lengths)]
        if finite:
            run.require_numbers()
        scales = _scales(run.outputs, cases, extra, yardstick.rounded, len(source.outputs), len(plan.inner))
        budgets = Budgets(yardstick.floors, scales, rounding_of(plan.graph, origin.ready(), scales), tolerance)
        say("the IR")
        subject = Subject(device, contender, source, target, cases, run.outputs, budgets)
        rows, checks = _judge(subject, run, plan, yardstick.rounded)
        plain, default_precision = subject.at_default()
        plain += subject.with_f16_weights() if contender.runtime == "openvino" else []
        plain += [row for name, path in (others or {}).items() for row in subject.of_another(name, path)]
        wanted = explaining is not None and (explaining.always or any(row.passed is False for row in rows))
        pair = explaining.pair(canonical, original, contender) if explaining is not None and wanted else None
        located = search(explaining, pair, rows, cases, source, target, threads=threads, worker=origin, notes=notes)
    everything, names = (*rows, *plain), {port.name for port in source.outputs}
    refuted = any(check.decides and check.passed is False for check in checks)
    found = explain.notes(rows, checks, budgets, source, cases, run.outputs, yardstick.rounded, contender.runtime)
    compared = {row.output for row in rows}
    found += blind_outputs(source, cases, run.outputs, budgets, inner_values(canonical) if canonical else (), compared)
    return Verification(
        passed=all(row.passed is not False for row in rows) and not refuted,
        tolerance=explain.tolerance(budgets, wide[0]),
        reference=origin.ready().version,
        candidate=subject.version,
        default_precision=default_precision,
        seed=seed,
        rows=everything,
        notes=(*found, *notes, *subject.notes),
        checks=tuple(checks),
        precisions=summed_up([row for row in everything if row.output in names]),
        located=located,
        inputs=hashes(cases),
    )


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is run: `graph` is the canonical graph with what its final activations take (`inner`) as outputs, too."""

    graph: "ir.Model | None"
    inner: tuple[Inner, ...]
    signals: list[Case]
    lengths: list[Case]
    shift: Shift | None
    chain: Chain | None
    measured: list[Case]


def _plan(
    canonical: "ir.Model | None",
    source: Interface,
    sizes: Mapping[str, int],
    seed: int,
    extra: Sequence[Case],
    *,
    looking_through: bool,
) -> _Plan:
    from ovprep.graph.cost import receptive_field
    from ovprep.graph.storage import is_large

    signals, lengths = make_cases(source, sizes, seed), other_lengths(source, sizes, seed)
    field = receptive_field(canonical.graph) if canonical is not None else None
    shift = make_shift(source, field, sizes, seed)
    inner: tuple[Inner, ...] = ()
    graph = canonical
    if looking_through and canonical is not None and not is_large(canonical):
        inner = inner_values(canonical)
        graph = with_inner_outputs(canonical, inner) if inner else canonical
    measured = [*signals, *extra, *lengths, *(shift.cases if shift else ())]
    return _Plan(graph, inner, signals, lengths, shift, make_chain(source, sizes, seed), measured)


def _judge(subject: Subject, run: Original, plan: _Plan, translated: Outputs) -> tuple[list[Comparison], list[Check]]:
    """All that decides. The order saves loading the IR more often than needed."""
    rows = subject.at_f32()
    if plan.chain is not None:
        rows += subject.in_a_row(run.in_a_row(plan.chain), plan.chain)
    again, moved = repeated(subject), shifted(subject, plan.shift, translated)
    rows += subject.at_fixed_shapes()
    together = batched(subject, run.outputs)
    rows += subject.before_activations(plan.inner, translated)
    return rows, [together, again, moved]


def _scales(
    wanted: Outputs, cases: Sequence[Case], extra: Sequence[Case], rounded: Outputs, outer: int, inner: int
) -> tuple[float, ...]:
    """Largest magnitudes over the signals: of the original's outputs, and of what final activations take."""
    own = [case.described() for case in cases if case not in extra]
    scales = [scale_of([wanted[case][index] for case in own]) for index in range(outer)]
    scales += [scale_of([rounded[case][outer + index] for case in own if case in rounded]) for index in range(inner)]
    return tuple(scales)
