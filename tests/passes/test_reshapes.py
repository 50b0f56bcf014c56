"""Reshapes that move axes of size one are called what they are."""

import pytest

from ovprep.graph.constants import ints_of
from ovprep.passes.reshapes import name_reshapes
from tests.graphs import GraphBuilder
from tests.passes.support import applied, ops_of

Sizes = tuple[int | str, ...]


def reshaped(before: Sizes, *target: int) -> GraphBuilder:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", *before))
    build.output(build.op("Reshape", x, build.ints(*target)), "y")
    return build


DRAWINGS: list[tuple[Sizes, tuple[int, ...], str, tuple[int, ...]]] = [
    (("batch", 1, 8, 4), (0, 8, 4), "Squeeze", (1,)),
    (("batch", 8, 1, 4), (-1, 8, 4), "Squeeze", (2,)),
    (("batch", 4, 1, 1), (0, 4, 1), "Squeeze", (3,)),
    (("batch", 4, 1, 1), (0, 4), "Squeeze", (2, 3)),
    ((1, 1, 8, 4), (1, 8, 4), "Squeeze", (1,)),
    (("batch", 8, 4), (0, 8, 1, 4), "Unsqueeze", (2,)),
    (("batch", 8, 4), (-1, 1, 8, 4), "Unsqueeze", (1,)),
    ((1, 8, 4), (1, 1, 8, 4), "Unsqueeze", (1,)),
    (("batch", 8), (0, 1, 8), "Unsqueeze", (1,)),
    (("batch", "time", 4), (0, 0, 1, 4), "Unsqueeze", (2,)),
    (("batch", 1, 8), (0, 8, 1), "Transpose", (0, 2, 1)),
    (("batch", 8, 1), (0, 1, 8), "Transpose", (0, 2, 1)),
    (("batch", 1, 8, 4), (0, 8, 1, 4), "Transpose", (0, 2, 1, 3)),
]


@pytest.mark.parametrize(("before", "target", "op_type", "numbers"), DRAWINGS)
def test_drawing(before: Sizes, target: tuple[int, ...], op_type: str, numbers: tuple[int, ...]) -> None:
    build = reshaped(before, *target)
    assert applied(name_reshapes, build.model) is not None
    assert ops_of(build.model) == ["Relu", op_type]
    assert (ints_of(build.graph[1], "perm") or ints_of(build.graph[1], "axes", 1)) == numbers


def test_squeeze_and_transpose() -> None:
    """What a convolution to one channel, `[N, 1, 1, W]`, becomes as `[N, W, 1]`."""
    build = reshaped(("batch", 1, 1, 8), 0, 8, 1)
    applied(name_reshapes, build.model)
    assert ops_of(build.model) == ["Relu", "Squeeze", "Transpose"]
    assert ints_of(build.graph[1], "axes", 1) == (2,)


OTHERS: list[tuple[Sizes, tuple[int, ...]]] = [
    ((2, 8, 4), (2, 32)),
    ((2, 1, 8, 4), (2, 4, 8)),
    ((2, 8, 4), (2, 8, 2, 2)),
    ((1, 8, 4), (8, 1, 4)),  # would move the batch
    (("batch", "time", 1), (-1, 1)),
    (("batch", 1, 6), (0, 2, 3)),
]


@pytest.mark.parametrize(("before", "target"), OTHERS)
def test_other_reshapes_stay(before: Sizes, target: tuple[int, ...]) -> None:
    build = reshaped(before, *target)
    assert applied(name_reshapes, build.model) is None
    assert ops_of(build.model) == ["Relu", "Reshape"]
