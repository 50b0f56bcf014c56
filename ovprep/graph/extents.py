"""Sizes of axes as far as they are known: numbers, or multiples of an open size plus a number."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """`times * of + plus`, where `of` stands for an open size; a plain number where `times` is 0.

    Two extents that are equal are the same size whatever the open sizes are. Two that differ may still be.
    """

    plus: int
    times: int = 0
    of: Hashable = None

    def __add__(self, other: Extent | int) -> Extent | None:
        """The sum, or None where it has more than one open size."""
        if isinstance(other, int):
            return Extent(self.plus + other, self.times, self.of)
        if self.times and other.times and self.of != other.of:
            return None
        times = self.times + other.times
        return Extent(self.plus + other.plus, times, (self.of if self.times else other.of) if times else None)

    def __mul__(self, factor: int) -> Extent:
        return Extent(self.plus * factor, self.times * factor, self.of if factor else None)

    def divided(self, divisor: int) -> Extent | None:
        """The quotient where it is exact, or where numbers are divided as ONNX does: towards zero."""
        if not self.times and divisor:
            quotient = abs(self.plus) // abs(divisor)
            return Extent(quotient if (self.plus < 0) == (divisor < 0) else -quotient)
        if not divisor or self.plus % divisor or self.times % divisor:
            return None
        return Extent(self.plus // divisor, self.times // divisor, self.of)

    @property
    def number(self) -> int | None:
        """The number that it is, or None where it depends on an open size."""
        return None if self.times else self.plus


def minus(one: Extent, other: Extent) -> Extent | None:
    """The difference, or None where it has more than one open size."""
    return one + other * -1


def product_of(extents: Iterable[Extent]) -> int | None:
    """The product, or None where one of them is open."""
    numbers = [extent.number for extent in extents]
    return None if None in numbers else math.prod(number for number in numbers if number is not None)


Extents = tuple[Extent, ...]
"""The sizes of all axes of a tensor."""
