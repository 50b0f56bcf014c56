"""Verifies and times a conversion; one process with the original serves both, since TensorFlow is slow to start."""

import dataclasses
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import onnx_ir as ir

from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Benchmark
from ovprep.errors import RuntimeFailure, UnsupportedError, VerificationError
from ovprep.frontends.source import Source
from ovprep.graph.chance import first_random
from ovprep.graph.cost import receptive_field
from ovprep.graph.storage import save_model
from ovprep.interface import Interface
from ovprep.options import ReadOptions
from ovprep.proof.inputs.demand import Demand
from ovprep.proof.location.searching import Explain
from ovprep.proof.verify import Verification, verify
from ovprep.tasks.inspection import default_sizes
from ovprep.tasks.verifying.difference import kept
from ovprep.workers.contender import Contender, Runtime
from ovprep.workers.conversion import DirectConversion
from ovprep.workers.process import Worker


@dataclass(frozen=True)
class Candidate:
    """A conversion under examination: the original, its graph in canonical form, and the model made of it.

    `runtime` runs that model: an IR, the graph itself as ONNX, or a Keras file, which is loaded with the `options`.
    `demand` is what the caller asks besides. `difference` is where an example of a difference goes, None for nowhere;
    `explain` asks how close each op is even where nothing differs.
    """

    source: Source
    original: Interface
    graph: ir.Model
    interface: Interface
    model: Path
    runtime: Runtime = "openvino"
    options: ReadOptions = field(default_factory=ReadOptions)
    demand: Demand = field(default_factory=Demand)
    difference: Path | None = None
    explain: bool = False

    def sizes(self) -> dict[str, int]:
        """Sizes for the open axes of the original."""
        return default_sizes(self.original, receptive_field(self.graph.graph))

    def contenders(self) -> tuple[Contender, Contender, Contender, Contender]:
        """The original, OpenVINO's direct conversion of it, and the IR at f32 and at the device's default precision."""
        path, layouts = self.source.path, tuple(port.layout for port in self.interface.inputs)
        options = self.source.options
        return (
            Contender("original", self.source.runtime, path, options=options),
            Contender("direct conversion", "openvino", path, role="direct", options=options),
            Contender("ovprep", "openvino", self.model, role="ovprep", input_layouts=layouts),
            Contender("ovprep, default precision", "openvino", self.model, "default", "ovprep", layouts),
        )


def examine(
    candidate: Candidate,
    *,
    verifying: bool,
    seconds: float | None,
    threads: int,
    seed: int,
    on_stage: Callable[[str], None],
) -> tuple[Verification | None, Benchmark | None]:
    """Verifies, then times for `seconds` (None: not at all).

    Raises VerificationError where the IR is not equal to the original, RuntimeFailure where one of them cannot be run.
    """
    if verifying:
        require_repeatable(candidate.source)
    if not verifying and seconds is None:
        return None, None
    original, direct, ours, at_default = candidate.contenders()
    verification = measured = None
    with ExitStack() as stack:
        worker = stack.enter_context(Worker.launch(original, threads=threads))
        rival: Contender | DirectConversion = direct
        if seconds is not None and direct.needs_conversion:  # it starts another TensorFlow: let it, meanwhile
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
            rival = stack.enter_context(DirectConversion(direct, folder, threads=threads))
        if verifying:
            on_stage("verifying against the original")
            with _way_out(worker):
                refusal = refusal_of(candidate.source, worker)
            if refusal is not None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
                original = stand_in(candidate.source, folder)
                worker = stack.enter_context(Worker.launch(original, threads=threads))
            with _way_out(worker):
                verification = _verify(candidate, original, worker, threads, seed, refusal)
        if seconds is not None:
            on_stage("timing")
            measured = benchmark(
                ours,
                (original, rival, at_default),
                candidate.original,
                sizes=candidate.sizes(),
                seconds=seconds,
                threads=threads,
                seed=seed,
                worker=worker,
                anatomy=True,
                interruptible=True,
            )
    return verification, measured


def refusal_of(source: Source, worker: Worker) -> str | None:
    """Why no Keras at hand loads a file of Keras 1 or 2; None where the original runs, or may go on loading.

    Raises RuntimeFailure where such a file does not run for another reason.
    """
    # A file of Keras 3 may hold what is newer than the Keras at hand, and than ovprep: that must not pass unseen.
    if not re.match(r"keras [12](\.|$)", source.framework):
        return None
    try:
        worker.ready()
    except RuntimeFailure as error:
        if worker.import_ms is not None and worker.alive:
            return str(error).rstrip(".")
        raise
    return None


@contextmanager
def _way_out(worker: Worker) -> Iterator[None]:
    """Says what to do where the original cannot be loaded."""
    try:
        yield
    except RuntimeFailure as error:
        if worker.loaded is not None:
            raise
        raise RuntimeFailure(
            f"The original does not run, so that nothing can be proven: {error} "
            "Repair it, or convert it unproven with --no-verify --no-benchmark."
        ) from error


def stand_in(source: Source, folder: Path) -> Contender:
    """The graph as it was read, before any pass, for an original that nothing loads any more."""
    path = folder / "as_read.onnx"
    save_model(source.graph, path)
    return Contender("graph as read", "onnxruntime", path)


def _verify(
    candidate: Candidate, contender: Contender, worker: Worker, threads: int, seed: int, refusal: str | None
) -> Verification:
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        found = verify(
            contender,
            candidate.model,
            candidate.graph,
            candidate.original,
            candidate.interface,
            sizes=candidate.sizes(),
            seed=seed,
            threads=threads,
            worker=worker,
            runtime=candidate.runtime,
            options=candidate.options,
            extra=candidate.demand.cases,
            tolerance=candidate.demand.tolerance,
            explaining=_explain(candidate, Path(scratch), refusal),
        )
        if candidate.difference is not None:
            found = kept(found, candidate.difference)
    found = dataclasses.replace(found, notes=(*candidate.demand.notes, *found.notes))
    if refusal is not None:
        found = proven_on_stand_in(found, refusal)
    if not found.passed:
        raise VerificationError(_failure(found))
    return found


def _explain(candidate: Candidate, scratch: Path, refusal: str | None) -> Explain | None:
    """What to search with; None where the result is no graph of ops that could be watched."""
    if candidate.runtime not in ("openvino", "onnxruntime"):
        return None
    as_read = candidate.source.graph if refusal is None else None  # else it is the original itself
    return Explain(as_read, scratch if candidate.difference is not None else None, candidate.explain)


def proven_on_stand_in(found: Verification, refusal: str) -> Verification:
    """The verification with a note that not the original itself was run."""
    reference = f"the graph as read, in {found.reference} ({refusal})"
    note = (
        "No Keras at hand loads the original, so the IR was compared with the graph as ovprep read it: this proves "
        "the conversion, not the reading."
    )
    if "tf_keras is not installed" in refusal:
        note += " Install tf_keras, which loads most files of Keras 2, to compare with the original itself."
    return dataclasses.replace(found, reference=reference, notes=(note, *found.notes))


def _failure(found: Verification) -> str:
    notes = " ".join(found.notes)
    return f"The result is not equal to the original: {found.failure()} Nothing was written. {notes}"


def require_repeatable(source: Source) -> None:
    drawing = first_random(source.graph)
    if drawing is not None:
        raise UnsupportedError(
            f"{drawing.name!r} ({drawing.op_type}) draws random numbers, so that not even the original equals itself: "
            "export the model without it, or convert with --no-verify."
        )
