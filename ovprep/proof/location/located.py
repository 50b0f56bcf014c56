"""What a search for the first op that differs has found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["translation", "passes", "IR", "candidate"]

NAMES = {
    "translation": "the translated graph",
    "passes": "the rewritten graph",
    "IR": "the IR",
    "candidate": "the candidate",
}
_EXPLAINED = "that its own inputs do not explain"
_HOW = {
    "translation": _EXPLAINED,
    "passes": "behind which nothing is as it was read",
    "IR": _EXPLAINED,
    "candidate": "behind which nothing is a tensor of the original",
}


@dataclass(frozen=True)
class Located:
    """The first op that gives something else than its own inputs explain.

    side            "translation": the graph as it was read, against the original; "passes": the canonical graph,
                    against that; "IR": the IR, against the canonical graph; "candidate": a model that was not made of
                    the original, against the original
    op, op_type     the op's name and type in that graph
    origin          what it comes from in the original file, in words: "layer 'conv' (Conv1D, layer 2)"
    place, total    which of how many ops of the graph it is, from 1
    region          the ops that the search could not tell apart, by name; `op` is the last of them
    max_abs_error   largest absolute difference of the op's output, from what its inputs give
    share           of the elements that differ by more than the tolerance
    unjudged        ops, by name, that could not be judged, since float64 is beyond them
    reproducer      folder with a minimal example, None where none was written
    """

    side: Side
    op: str
    op_type: str
    origin: str | None
    place: int
    total: int
    region: tuple[str, ...]
    max_abs_error: float
    mean_abs_error: float
    scale: float
    share: float
    tolerance: float
    unjudged: tuple[str, ...]
    reproducer: Path | None = None

    def __str__(self) -> str:
        where = f", from {self.origin}" if self.origin else ""
        before = self.region[:-1]
        others = f", or one of the {len(before)} ops before it" if before else ""
        if len(before) == 1:
            others = f", or {before[0]!r} before it"
        return (
            f"The first op of {NAMES[self.side]} {_HOW[self.side]} is {self.op!r} ({self.op_type}, "
            f"op {self.place} of {self.total}{where}){others}: off by {self.max_abs_error:.2g} at most and "
            f"{self.mean_abs_error:.2g} in the mean, {self.share:.0%} of its values by more than the "
            f"{self.tolerance:.1g} that float32 explains, at a scale of {self.scale:.2g}."
        )
