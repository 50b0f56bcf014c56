"""Rank 3 or rank 4: builds both forms where the model gives a reason to, times them, and keeps the faster."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import onnx_ir as ir

from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Benchmark
from ovprep.errors import UnsupportedError
from ovprep.graph.cost import receptive_field
from ovprep.inspection import default_sizes
from ovprep.options import Rank
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.table import DEFECTS
from ovprep.passes.pipeline import Normalization, PassReport
from ovprep.passes.rank.lift import lift_to_rank_4, reason_to_lift
from ovprep.verify.contender import Contender

SECONDS = 1.5
"""Of measuring: enough for the differences that are worth a rank, which begin at a few percent."""

Emit = Callable[[ir.Model, Path], object]
"""Writes the IR of a graph to a folder."""


@dataclass(frozen=True)
class RankChoice:
    """The rank of the IR's body, and the reason in words."""

    chosen: Literal[3, 4]
    why: str


@dataclass(frozen=True)
class Chosen:
    """The graph at the rank that was chosen, and what was done to it in all."""

    graph: ir.Model
    normalization: Normalization
    rank: RankChoice


def choose_rank(
    graph: ir.Model,
    normalization: Normalization,
    rank: Rank,
    emit: Emit,
    *,
    threads: int,
    seed: int,
    defects: Sequence[Defect] = DEFECTS,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Chosen:
    """The normalised graph at rank 3 as it is, or lifted to rank 4, as asked for or as measured ("auto").

    A model stays at rank 3 where not its whole body can be lifted, and where the difference is within noise.
    """

    def at_rank_3(why: str) -> Chosen:
        return Chosen(graph, normalization, RankChoice(3, why))

    if rank == 3:
        return at_rank_3("as asked for")
    reason = reason_to_lift(graph)
    if rank == "auto" and reason is None:
        return at_rank_3("no op of this model is known to run faster at rank 4")
    high = graph.clone()
    change = lift_to_rank_4(high)
    if isinstance(change, str):
        return at_rank_3(f"it cannot be lifted to rank 4: {change}")
    done = replace(normalization, passes=(*normalization.passes, PassReport(lift_to_rank_4.__name__, change)))
    done = done.without_defects(high, defects)
    if rank == 4:
        return Chosen(high, done, RankChoice(4, "as asked for"))
    on_stage("timing rank 3 and rank 4")
    try:
        measured = _race(graph, high, normalization, emit, threads, seed)
    except UnsupportedError as error:
        return at_rank_3(f"OpenVINO does not read it at rank 4: {error}")
    faster, seen = _judged(measured)
    why = f"{reason} may run faster at rank 4; {seen}"
    return Chosen(high, done, RankChoice(4, why)) if faster else at_rank_3(why)


def _race(
    low: ir.Model, high: ir.Model, normalization: Normalization, emit: Emit, threads: int, seed: int
) -> Benchmark:
    layouts = tuple(port.layout for port in normalization.interface.inputs)
    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        contenders = []
        for label, graph in (("rank 3", low), ("rank 4", high)):
            folder = Path(scratch) / label[-1]
            folder.mkdir()
            emit(graph, folder)
            contenders.append(Contender(label, "openvino", folder / "model.xml", "f32", "ovprep", layouts))
        return benchmark(
            contenders[0],
            contenders[1:],
            normalization.original,
            sizes=default_sizes(normalization.original, receptive_field(low.graph)),
            seconds=SECONDS,
            threads=threads,
            seed=seed,
        )


def _judged(measured: Benchmark) -> tuple[bool, str]:
    """Whether rank 4 is faster beyond noise, and what was seen, in words."""
    pair = measured.pairs[0]
    if pair.ratio is None:
        reason = next((entry.reason for entry in measured.contestants if entry.reason), None)
        return False, f"timing failed: {reason}"
    faster = pair.verdict == "slower"  # which is what the baseline, rank 3, is
    words = {"slower": "faster", "faster": "slower", "equal within 2%": "equal within 2%"}
    found = words.get(pair.verdict, "a difference within noise")
    return faster, (
        f"it takes {pair.ratio:.2f} [{pair.low:.2f}, {pair.high:.2f}] of the time that rank 3 takes, "
        f"{found}, at batch 1 and f32"
    )
