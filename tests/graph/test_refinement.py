"""What a Reshape does to axes, by their sizes alone: the order of elements leaves no choice."""

import numpy as np
import pytest

from ovprep.graph.extents import Extent
from ovprep.graph.refinement import refine, reshape_target

N, W = Extent(0, 1, "batch"), Extent(0, 1, "time")
Sizes = tuple[int | Extent, ...]


def extents(sizes: Sizes) -> tuple[Extent, ...]:
    return tuple(size if isinstance(size, Extent) else Extent(size) for size in sizes)


CASES: list[tuple[Sizes, Sizes, Sizes]] = [
    ((N, 24, 8), (N, 24, 2, 4), (N, 24, 2, 4)),
    ((24, N, 8), (24, N * 2, 4), (24, N, 2, 4)),
    ((N * 2, 24), (N, 2, 24), (N, 2, 24)),
    ((N, 6, 4), (N, 4, 6), ()),
    ((N, 4, 6), (N, 2, 12), (N, 2, 2, 6)),
    ((N, 1, 6), (N, 6, 1, 1), (N, 6)),
    ((N, W, 6), (N, W, 2, 3), (N, W, 2, 3)),
    ((N, W), (W, N), ()),
    ((N, 6), (N, 5), ()),
    ((N, 6), (N, 6, 2), ()),
]


@pytest.mark.parametrize(("before", "after", "factors"), CASES)
def test_factors(before: Sizes, after: Sizes, factors: Sizes) -> None:
    found = refine(extents(before), extents(after))
    if not factors:
        assert found is None
        return
    assert found is not None
    assert found.sizes == extents(factors)
    for parts in (found.before, found.after):
        assert [place for axis in parts for place in axis] == list(range(len(factors)))


@pytest.mark.parametrize(("before", "after"), [((2, 12, 5), (4, 6, 5)), ((8, 3, 1), (2, 4, 3)), ((2, 6), (12,))])
def test_the_factors_of_an_axis_multiply_to_it(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    found = refine(extents(before), extents(after))
    assert found is not None
    for sizes, parts in ((before, found.before), (after, found.after)):
        numbers = [size.number or 0 for size in found.sizes]
        assert sizes == tuple(int(np.prod([numbers[place] for place in axis], dtype=int)) for axis in parts)


def test_targets() -> None:
    assert reshape_target((N, Extent(8)), (N, Extent(2), Extent(4))) == [0, 2, 4]
    assert reshape_target((N, Extent(8)), (Extent(8), N)) == [8, -1]
    assert reshape_target((N, W), (W, N)) is None
