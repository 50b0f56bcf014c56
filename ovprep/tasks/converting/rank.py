"""Rank 3 or rank 4: builds both forms where the model gives a reason to, times them, and keeps the faster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from ovprep.bench.results import Benchmark
from ovprep.errors import UnsupportedError, VerificationError
from ovprep.options import Rank
from ovprep.passes.defects.row import Defect
from ovprep.passes.defects.table import DEFECTS
from ovprep.passes.pipeline import Normalization, PassReport
from ovprep.passes.rank.axes import lower_reflecting_pads
from ovprep.passes.rank.lift import lift_to_rank_4, reason_to_lift
from ovprep.tasks.converting.race import Emit, failure_by_default, race
from ovprep.tasks.converting.target import RankChoice, Target

SECONDS = (1.5, 6.0)
"""Of measuring: enough for the differences that are worth a rank, which begin at a few percent; then once more, for
longer, where other work on the machine hides them."""

_CPU = Target()


@dataclass(frozen=True)
class Chosen:
    """The graph at the rank that was chosen, and what was done to it in all.

    `fallback` is the form at rank 3 where nothing but speed chose rank 4.
    """

    graph: ir.Model
    normalization: Normalization
    rank: RankChoice
    fallback: "Chosen | None" = None

    def fallen_back(self, error: VerificationError) -> "Chosen":
        """The form at rank 3 instead of this one, which is not equal to the original; raises the error if none."""
        if self.fallback is None:
            raise error
        why = f"{self.rank.why}; but at rank 4 it is not equal to the original: {error}"
        return replace(self.fallback, rank=RankChoice(3, why))


def choose_rank(
    graph: ir.Model,
    normalization: Normalization,
    rank: Rank,
    emit: Emit,
    *,
    target: Target = _CPU,
    threads: int,
    seed: int,
    defects: Sequence[Defect] = DEFECTS,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Chosen:
    """The normalised graph at rank 3 as it is, or lifted to rank 4, as asked for or as measured ("auto").

    A model stays at rank 3 where not its whole body can be lifted, and where the difference is within noise. What the
    `target` needs comes before speed.
    """
    need = target.needed_rank(graph.graph)
    asked = "as asked for" if need is None or need.chosen == rank else f"as asked for, although {need.why}"

    def at_rank_3(why: str) -> Chosen:
        return Chosen(graph, normalization, RankChoice(3, why))

    if rank == 3:
        return at_rank_3(asked)
    if rank == "auto" and need is not None and need.chosen == 3:
        return at_rank_3(need.why)
    reason = need.why if need is not None else reason_to_lift(graph)
    if rank == "auto" and reason is None:
        return at_rank_3("no op of this model is known to run faster at rank 4")
    high = graph.clone()
    change = lift_to_rank_4(high)
    if isinstance(change, str):
        why = f"it cannot be lifted to rank 4: {change}"
        return at_rank_3(why if need is None else f"{need.why}, but {why}")
    if target.pads_at_rank_3:
        lower_reflecting_pads(high)
    done = replace(normalization, passes=(*normalization.passes, PassReport(lift_to_rank_4.__name__, change)))
    done = done.without_defects(high, defects)
    if rank == 4:
        return Chosen(high, done, RankChoice(4, asked))
    if need is not None:
        return Chosen(high, done, need)
    on_stage("timing rank 3 and rank 4")
    try:
        measured = _race(graph, high, normalization, emit, threads, seed)
    except UnsupportedError as error:
        return at_rank_3(f"OpenVINO does not read it at rank 4: {error}")
    faster, seen = _judged(measured)
    why = f"{reason} may run faster at rank 4; {seen}"
    failure = failure_by_default(high, normalization, emit, threads=threads) if faster else None
    if failure is not None:
        return at_rank_3(f"{why}; but at rank 4 it does not run at the device's default precision: {failure}")
    low = at_rank_3(why)
    return Chosen(high, done, RankChoice(4, why), low) if faster else low


def _race(
    low: ir.Model, high: ir.Model, normalization: Normalization, emit: Emit, threads: int, seed: int
) -> Benchmark:
    forms = {"rank 3": low, "rank 4": high}
    for seconds in SECONDS:
        measured = race(forms, normalization, emit, seconds=seconds, threads=threads, seed=seed)
        if measured.pairs[0].ratio is None or measured.pairs[0].verdict != "cannot tell":
            break
    return measured


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
