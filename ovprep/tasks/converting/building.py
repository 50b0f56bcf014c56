"""From a normalised graph to an IR that was verified and timed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import onnx_ir as ir

from ovprep import __version__
from ovprep.bench.results import Benchmark
from ovprep.errors import VerificationError
from ovprep.frontends.source import Source
from ovprep.interface import Interface
from ovprep.passes.defects.row import Defect
from ovprep.passes.pipeline import Normalization
from ovprep.proof.inputs.demand import Demand
from ovprep.proof.verify import Verification
from ovprep.tasks.arguments import Progress
from ovprep.tasks.converting.cost_gate import drop_losing_rewrites
from ovprep.tasks.converting.rank import Chosen, choose_rank
from ovprep.tasks.converting.request import Request
from ovprep.tasks.converting.target import Target, spelled
from ovprep.tasks.examine import Candidate, examine


@dataclass(frozen=True)
class Written:
    """An IR: its ops by type, what wrote it, and ops that the target's version does not know, in words."""

    ops: dict[str, int]
    openvino: str
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Built:
    """The form of the model that became the IR, and what was found out about it."""

    chosen: Chosen
    written: Written
    verification: Verification | None
    benchmark: Benchmark | None

    def caveats(self, target: Target) -> tuple[str, ...]:
        """What the report must say of the target, in sentences."""
        found = list(target.caveats(self.written.openvino))
        if target.version is not None and self.written.unknown:
            ops = ", ".join(self.written.unknown)
            found.append(f"OpenVINO {spelled(target.version)} cannot read this IR, since it does not know {ops}.")
        need = target.needed_rank(self.chosen.graph.graph)
        if target.version is not None and need is not None and need.chosen != self.chosen.rank.chosen:
            found.append(f"{need.why}.")
        return tuple(found)


class _Timing(TypedDict):
    threads: int
    seed: int
    on_stage: Progress


def build(
    source: Source,
    graph: ir.Model,
    normalization: Normalization,
    request: Request,
    defects: Sequence[Defect],
    demand: Demand,
    folder: Path,
    difference: Path,
) -> Built:
    """Leaves out rewrites that lose, chooses the rank, writes the IR to a folder, verifies it and times it.

    `demand` is what the caller asks of the verification. Without a benchmark nothing is left out. Where the IR differs,
    an example of it goes to `difference`.

    Where rank 4 was chosen for its speed and is not equal to the original, rank 3 takes its place.

    Raises VerificationError where the IR is not equal, RuntimeFailure where it or the original cannot be run.
    """
    interface = normalization.interface
    timing: _Timing = {"threads": request.threads, "seed": request.seed, "on_stage": request.say}

    def write(form: ir.Model, place: Path) -> Written:
        return _write(source, form, interface, request.target, place, request.keep_f32)

    def finish(chosen: Chosen) -> Built:
        request.say("writing the IR")
        written = write(chosen.graph, folder)
        candidate = Candidate(
            source,
            normalization.original,
            chosen.graph,
            interface,
            folder / "model.xml",
            demand=demand,
            difference=difference,
            explain=request.explain,
        )
        found = examine(candidate, verifying=request.verify, seconds=request.budget, **timing)
        return Built(chosen, written, *found)

    if request.benchmark:
        graph, normalization = drop_losing_rewrites(
            source.graph, graph, normalization, request.interface, defects, write, **timing
        )
    chosen = choose_rank(graph, normalization, request.rank, write, target=request.target, defects=defects, **timing)
    try:
        return finish(chosen)
    except VerificationError as error:
        return finish(chosen.fallen_back(error))


def _write(
    source: Source, graph: ir.Model, interface: Interface, target: Target, folder: Path, keep_f32: bool
) -> Written:
    from ovprep.emit.openvino import count_ops, save_ir, to_openvino, version_at_hand
    from ovprep.emit.versions import fit

    model = to_openvino(graph, interface)
    version = target.version if target.is_older_than(version_at_hand()) else None
    unknown = fit(model, version) if version is not None else ()
    info = {"version": __version__, "source": source.path.name, "source_sha256": source.sha256}
    save_ir(model, folder, info, keep_f32=keep_f32)
    return Written(count_ops(model), version_at_hand(), unknown)
