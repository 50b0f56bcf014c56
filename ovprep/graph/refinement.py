"""What a Reshape does to axes: it cuts them into factors and joins factors again, in the same order."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovprep.graph.extents import Extent, Extents

_ONE = Extent(1)


@dataclass(frozen=True)
class Refinement:
    """The factors of which the axes of two shapes are made, in the order of the elements.

    sizes: of each factor. before, after: for each axis of the two shapes, the places of its factors in `sizes`; none
    for an axis of size one.
    """

    sizes: Extents
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]


def refine(before: Extents, after: Extents) -> Refinement | None:
    """The fewest factors that both shapes of one tensor are made of, or None where their sizes do not nest.

    [N, 24, 8] and [N, 24, 2, 4] are made of N, 24, 2, 4; [24, N, 8] and [24, 2 * N, 4] of 24, N, 2, 4.
    """
    sizes: list[Extent] = []
    parts: list[list[list[int]]] = [[[] for _ in before], [[] for _ in after]]
    left, right = _rests(before), _rests(after)
    while left and right:
        (axis, size), (other_axis, other) = left.pop(), right.pop()
        rest, other_rest = quotient(size, other), quotient(other, size)
        if rest is None and other_rest is None:
            return None
        parts[0][axis].append(len(sizes))
        parts[1][other_axis].append(len(sizes))
        sizes.append(other if rest is not None else size)
        if rest is not None and rest != _ONE:
            left.append((axis, rest))
        elif other_rest is not None and other_rest != _ONE:
            right.append((other_axis, other_rest))
    if left or right:
        return None
    return Refinement(tuple(sizes), *(tuple(map(tuple, one)) for one in parts))


def reshape_target(source: Extents | None, wanted: Extents) -> list[int] | None:
    """The wanted sizes for a Reshape, with 0 for an open one that stays where it is and -1 for one more."""
    target = []
    for axis, size in enumerate(wanted):
        stays = source is not None and axis < len(source) and source[axis] == size
        target.append(size.number if size.number is not None else 0 if stays else -1)
    return target if target.count(-1) <= 1 else None


def _rests(sizes: Sequence[Extent]) -> list[tuple[int, Extent]]:
    """The axes that have factors, the last first."""
    return [(axis, size) for axis, size in enumerate(sizes) if size != _ONE][::-1]


def quotient(size: Extent, divisor: Extent) -> Extent | None:
    """How many times one size is another, or None where that is not a whole number whatever the open size is."""
    if size == divisor:
        return _ONE
    if divisor.number is not None:
        exact = divisor.number > 0 and size.plus % divisor.number == 0
        return size.divided(divisor.number) if exact else None
    times = size.times // divisor.times if size.of == divisor.of else 0
    return Extent(times) if times > 0 and divisor * times == size else None
