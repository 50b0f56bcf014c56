"""Sizes that depend on an open one."""

import pytest

from ovprep.graph.extents import Extent, minus, product_of

TIME, BATCH = Extent(0, 1, "time"), Extent(0, 1, "batch")


def test_sums() -> None:
    assert Extent(3, 2, "time") == TIME * 2 + 3
    assert TIME + TIME == TIME * 2
    assert TIME + BATCH is None
    assert Extent(2) + Extent(3) == Extent(5)


def test_what_cancels_is_a_number() -> None:
    assert minus(TIME * 2 + 3, TIME * 2) == Extent(3)  # type: ignore[arg-type]
    assert Extent(0) == TIME * 0
    assert minus(TIME, BATCH) is None


@pytest.mark.parametrize(("number", "wanted"), [(7, 3), (-7, -3), (6, 3), (-1, 0)])
def test_numbers_are_divided_towards_zero(number: int, wanted: int) -> None:
    assert Extent(number).divided(2) == Extent(wanted)


def test_open_sizes_are_divided_where_it_is_exact() -> None:
    assert Extent(4, 2, "time").divided(2) == Extent(2, 1, "time")
    assert Extent(3, 2, "time").divided(2) is None
    assert Extent(4, 1, "time").divided(2) is None
    assert TIME.divided(0) is None
    assert Extent(4).divided(0) is None


def test_numbers() -> None:
    assert Extent(4).number == 4
    assert TIME.number is None
    assert product_of([Extent(4), Extent(3)]) == 12
    assert product_of([Extent(4), TIME]) is None
    assert product_of([]) == 1


@pytest.mark.parametrize(
    ("number", "divisor", "wanted"), [(2**62 + 1, 1, 2**62 + 1), (7, -2, -3), (10**400, 1, 10**400)]
)
def test_large_numbers_are_divided_exactly(number: int, divisor: int, wanted: int) -> None:
    assert Extent(number).divided(divisor) == Extent(wanted)
