"""From a normalised graph to an IR that was verified and timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from ovprep import __version__
from ovprep.bench.results import Benchmark
from ovprep.cost_gate import drop_losing_rewrites
from ovprep.errors import VerificationError
from ovprep.examine import Candidate, examine
from ovprep.frontends.source import Source
from ovprep.interface import Interface
from ovprep.options import InterfaceOptions, Rank
from ovprep.passes.defects.row import Defect
from ovprep.passes.pipeline import Normalization
from ovprep.rank import Chosen, choose_rank
from ovprep.target import Target, spelled
from ovprep.verify.demand import Demand
from ovprep.verify.verify import Verification


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


def build(
    source: Source,
    graph: ir.Model,
    normalization: Normalization,
    options: InterfaceOptions | None,
    rank: Rank,
    target: Target,
    defects: Sequence[Defect],
    folder: Path,
    *,
    verifying: bool,
    demand: Demand,
    seconds: float | None,
    threads: int,
    seed: int,
    on_stage: Callable[[str], None],
) -> Built:
    """Leaves out rewrites that lose, chooses the rank, writes the IR to a folder, verifies it and times it.

    `demand` is what the caller asks of the verification. `seconds` is the budget of the benchmark, None for none; then
    nothing is left out either.

    Where rank 4 was chosen for its speed and is not equal to the original, rank 3 takes its place.

    Raises VerificationError where the IR is not equal, RuntimeFailure where it or the original cannot be run.
    """
    interface = normalization.interface

    def write(form: ir.Model, place: Path) -> Written:
        return _write(source, form, interface, target, place)

    def finish(chosen: Chosen) -> Built:
        on_stage("writing the IR")
        written = write(chosen.graph, folder)
        candidate = Candidate(
            source, normalization.original, chosen.graph, interface, folder / "model.xml", demand=demand
        )
        found = examine(candidate, verifying=verifying, seconds=seconds, threads=threads, seed=seed, on_stage=on_stage)
        return Built(chosen, written, *found)

    if seconds is not None:
        graph, normalization = drop_losing_rewrites(
            source.graph, graph, normalization, options, defects, write, threads=threads, seed=seed, on_stage=on_stage
        )
    chosen = choose_rank(
        graph, normalization, rank, write, target=target, defects=defects, threads=threads, seed=seed, on_stage=on_stage
    )
    try:
        return finish(chosen)
    except VerificationError as error:
        return finish(chosen.fallen_back(error))


def _write(source: Source, graph: ir.Model, interface: Interface, target: Target, folder: Path) -> Written:
    from ovprep.emit.openvino import count_ops, save_ir, to_openvino, version_at_hand
    from ovprep.emit.versions import fit

    model = to_openvino(graph, interface)
    version = target.version if target.is_older_than(version_at_hand()) else None
    unknown = fit(model, version) if version is not None else ()
    save_ir(model, folder, {"version": __version__, "source": source.path.name, "source_sha256": source.sha256})
    return Written(count_ops(model), version_at_hand(), unknown)
