"""Moves: what "the other data format" is for one tensor, and how shapes, axes and arrays follow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FIRST, LAST = "channels_first", "channels_last"


@dataclass(frozen=True)
class Axes:
    """The axes in another order: axis i of the moved tensor is axis perm[i] of the written one."""

    perm: tuple[int, ...]

    def axis(self, axis: int) -> int:
        """The place of a written axis (as Keras counts, from either end) in the moved tensor, from 0."""
        return self.perm.index(axis % len(self.perm))

    def shape(self, items: Sequence[Any]) -> tuple[Any, ...]:
        """A shape, or anything else with one item per axis, in the moved order."""
        return tuple(items[i] for i in self.perm)

    def array(self, array: Array) -> Array:
        """A constant of the written tensor's rank, moved."""
        return array.transpose(self.perm)

    @property
    def inverse(self) -> Axes:
        """The way back."""
        return Axes(tuple(self.perm.index(i) for i in range(len(self.perm))))

    def then(self, other: Axes) -> Axes:
        """Both moves, this one first."""
        return Axes(other.shape(self.perm))

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves."""
        return self.perm == tuple(range(len(self.perm)))


@dataclass(frozen=True)
class Features:
    """A flattened tensor `[N, F]` whose rows were flattened in another order: moved[:, i] is written[:, order[i]]."""

    order: tuple[int, ...]

    def array(self, array: Array) -> Array:
        """A constant whose last axis is the features, or broadcasts along them."""
        return array if array.shape[-1] == 1 else array[..., list(self.order)]

    def along(self, axis: int) -> Along:
        """How an array follows that has the features along this axis."""
        return Along(((axis, self.order),))

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves."""
        return self.order == tuple(range(len(self.order)))


@dataclass(frozen=True)
class Along:
    """The entries of an array in another order along some of its axes: (axis, order) each."""

    orders: tuple[tuple[int, tuple[int, ...]], ...]

    def array(self, array: Array) -> Array:
        """The array in that order."""
        for axis, order in self.orders:
            array = array.take(list(order), axis=axis)
        return array


Move = Axes | Features


def move_between(source: str, rank: int) -> Axes:
    """The move of a tensor `[N, ..., ]` from the data format `source` to the other one."""
    channel_last = Axes((0, *range(2, rank), 1))
    return channel_last if source == FIRST else channel_last.inverse


def lifted(move: Axes) -> Axes:
    """The move of one step, for the tensor `[N, T, ..., ]` of all steps."""
    return Axes((0, 1, *(axis + 1 for axis in move.perm[1:])))


def lowered(move: Move | None) -> Axes | None:
    """The move of one step; None where the steps themselves move."""
    if not isinstance(move, Axes) or len(move.perm) < 4 or move.perm[1] != 1:
        return None
    return Axes((0, *(axis - 1 for axis in move.perm[2:])))


def other_format(data_format: str) -> str:
    """channels_first for channels_last, and back."""
    return LAST if data_format == FIRST else FIRST


def without(perm: Iterable[int], dropped: Iterable[int]) -> Axes:
    """What remains of a permutation when written axes are dropped."""
    gone = set(dropped)
    kept = [axis for axis in perm if axis not in gone]
    places = sorted(kept)
    return Axes(tuple(places.index(axis) for axis in kept))


def keeps_elements(written_in: Sequence[int | None], written_out: Sequence[int | None],
                   move_in: Move | None, move_out: Move | None) -> bool:  # fmt: skip
    """Whether reshaping the moved input gives the moved output, element by element (None: that side is as written).

    An open axis is tried with two sizes that are prime to the others.
    """
    for open_size in (7, 11):
        shapes = sized(written_in, written_out, open_size)
        if shapes is None:
            return False
        before, after = (np.arange(np.prod(shape)).reshape(shape) for shape in shapes)
        if not np.array_equal(moved(before, move_in).ravel(), moved(after, move_out).ravel()):
            return False
    return True


def moved(array: Array, move: Move | None) -> Array:
    """The array in the order of the move; as it is where there is none."""
    return array if move is None else move.array(array)


def sized(
    written_in: Sequence[int | None], written_out: Sequence[int | None], open_size: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The two shapes of a reshape at batch 1, one open axis on either side filled in; None where that is unclear."""
    before = (1, *(open_size if size is None else size for size in written_in[1:]))
    known = int(np.prod([size for size in written_out[1:] if size is not None]))
    total = int(np.prod(before))
    if list(written_in[1:]).count(None) > 1 or list(written_out[1:]).count(None) > 1 or total % max(known, 1):
        return None
    after = (1, *(total // known if size is None else size for size in written_out[1:]))
    return (before, after) if np.prod(after) == total else None


def flattened(written: Sequence[int | None], move: Axes) -> Features | None:
    """The order of the features when a moved tensor of this written shape is flattened; None where an axis is open."""
    sizes = [size for size in written[1:] if size is not None]
    if len(sizes) != len(written) - 1:
        return None
    order = move.array(np.arange(int(np.prod(sizes))).reshape(1, *sizes)).ravel()
    return Features(tuple(order.tolist()))


def keras_axis(axis: int, move: Axes, source: str) -> int:
    """The axis in the moved tensor, as a person writes it: the channels are 1 or -1, others count from the same end.

    Nothing is lost: the way back gives the number that was written.
    """
    rank, place = len(move.perm), move.axis(axis)
    is_channel = (axis % rank, place) == ((1, rank - 1) if source == FIRST else (rank - 1, 1))
    from_the_end = (axis < 0) != is_channel
    return place - rank if from_the_end else place
