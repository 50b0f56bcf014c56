"""The two layouts of a tensor, and the Transposes between them.

At rank 3 they are NCW and NWC, at rank 4 NCHW and NHWC. One permutation leads from NCW to NWC and back; at rank 4 there
are two, so to turn a tensor one must know which layout it is in.
"""

from enum import Enum


class Orientation(Enum):
    """Where the channels are; the word is what reports say."""

    FIRST = "channel-first"
    LAST = "channel-last"

    @property
    def other(self) -> "Orientation":
        """The other one."""
        return Orientation.LAST if self is Orientation.FIRST else Orientation.FIRST


FIRST, LAST = Orientation.FIRST, Orientation.LAST
RANKS = (3, 4)
"""The ranks whose layout is decided: one or two spatial axes."""
SWAP = (0, 2, 1)
"""NWC to NCW and back; its own inverse, so a label, never this permutation, says which is which."""
_TURNS = {FIRST: (0, 2, 3, 1), LAST: (0, 3, 1, 2)}
"""From NCHW, and from NHWC, to the other one."""


def turn_of(rank: int, written: Orientation | None) -> tuple[int, ...]:
    """The permutation that brings a tensor of a rank to its other layout; at rank 3 it is one for both."""
    if rank == 3:
        return SWAP
    if rank != 4 or written is None:
        raise ValueError(f"a tensor of rank {rank}, {written}, has no other layout")
    return _TURNS[written]


def turned_from(perm: tuple[int, ...]) -> Orientation | None:
    """The layout at rank 4 that a permutation leads away from, None where it is not between the two layouts."""
    return next((orientation for orientation, turn in _TURNS.items() if turn == perm), None)
