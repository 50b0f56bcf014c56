"""Proof that an IR computes what the original computes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.verify import explain
from ovprep.verify.arrays import Array
from ovprep.verify.cases import Case, make_cases
from ovprep.verify.certificate import Certificate, hashes
from ovprep.verify.compare import Budget, Comparison, scale_of
from ovprep.verify.contender import Contender, Runtime
from ovprep.verify.explain import Tolerance
from ovprep.verify.process import Worker
from ovprep.verify.rounding import rounding_of
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
    of rows may be infinite or NaN, which strict JSON has no number for. `inputs` has the SHA-256 of what was fed, by
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
    inputs: Mapping[str, str] = field(default_factory=dict)
    certificate: Certificate | None = None

    @property
    def worst(self) -> Comparison:
        """The row at f32 that comes closest to its tolerance, or exceeds it by most."""
        judged = [row for row in self.rows if row.tolerance is not None]
        return max(judged, key=lambda row: row.max_abs_error / row.tolerance if row.tolerance else row.max_abs_error)


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
    extra: Sequence[Case] = (),
    tolerance: float | None = None,
    graph_interface: Interface | None = None,
    finite: bool = False,
    on_progress: Progress | None = None,
) -> Verification:
    """Runs the original and the IR on the same signals, and judges the difference by an error budget.

    `source` and `target` are the interfaces of the original and of the IR `candidate` (.xml): the same ports in the
    same order, possibly in other layouts; a candidate that has them in another order is a wired contender. `canonical`
    is the graph of the original, with the `graph_interface`, by default `target`; without one, float32 noise is not
    yardstick. `sizes` gives every open dimension but the batch. `runtime` runs the candidate, where it is a path. A
    `worker` that was launched with the original serves for it, and is left running. The tolerance is explained at
    `ovprep.verify.compare.Budget`.

    `extra` cases, such as recordings, are run and judged besides the signals; their names must be their own. A
    `tolerance`, a share of each output's scale, takes the place of the error budget.

    The IR is run as delivered, and again with its shapes fixed to the inputs' where dimensions are open, since the
    plugin compiles other kernels then; at f32, and at the device's default precision where that is another one.

    Raises RuntimeFailure where the original or, at f32, the IR cannot be run at all; also, if outputs must be `finite`,
    where one of the original's is NaN.
    """
    say = on_progress or (lambda text: None)
    cases = [*make_cases(source, sizes, seed), *extra]
    notes: list[str] = []
    with ExitStack() as stack:
        origin = worker or stack.enter_context(Worker.launch(original, threads=threads))
        contender = candidate
        if isinstance(contender, Path):
            contender = Contender("IR", runtime, contender, role="ovprep")
        device = stack.enter_context(Worker.launch(contender, threads=threads))
        say("float32 noise of the model")
        yardstick = measure(canonical, cases, source, graph_interface or target, threads, notes)
        say("the original")
        wanted, cases = _run_original(origin, cases, notes, opened=bool(original.options.opened))
        if finite:
            _require_numbers(wanted, source)
        scales = _scales(wanted, source)
        budget = Budget(yardstick.noise, scales, rounding_of(canonical, origin.ready(), scales), tolerance)
        say("the IR")
        subject = Subject(device, contender, source, target, cases, wanted, budget)
        rows = subject.at_f32()
        version = device.ready().version
        plain, default_precision = subject.at_default()
    return Verification(
        passed=all(row.passed for row in rows),
        tolerance=explain.tolerance(budget, source),
        reference=origin.ready().version,
        candidate=version,
        default_precision=default_precision,
        seed=seed,
        rows=(*rows, *plain),
        notes=(*explain.notes(rows, plain, budget, source, wanted, yardstick.rounded), *notes, *subject.notes),
        inputs=hashes(cases),
    )


def _require_numbers(wanted: Outputs, source: Interface) -> None:
    for case, arrays in wanted.items():
        for array, port in zip(arrays, source.outputs, strict=True):
            if array.dtype.kind == "f" and np.isnan(array).any():
                raise RuntimeFailure(
                    f"The original's output {port.name!r} holds NaN for {case}, with which nothing can be compared."
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
