"""Reshapes that join two spatial axes, or cut one in two."""

import pytest

from ovprep.layout.orientation import FIRST, LAST, Orientation
from tests.graphs import GraphBuilder
from tests.layout.rules.support import Ints, build_op, check_images, check_move, ints, reason, reason_of

JOINED: list[tuple[tuple[int, ...], tuple[int, ...], Orientation | None]] = [
    # dims, target, the layout from which the rule lets go
    ((3, 2, 3, 5), (0, 2, -1), FIRST),
    ((3, 2, 3, 5), (0, 0, -1), FIRST),
    ((3, 2, 3, 5), (3, 2, 15), FIRST),
    ((3, 2, 3, 5), (-1, 2, 15), FIRST),
    ((1, 4, 4, 4), (0, 4, -1), FIRST),
    ((3, 4, 4, 4), (0, 4, 16), FIRST),
    ((3, 2, 3, 5), (0, -1, 5), LAST),
    ((3, 2, 3, 5), (0, 6, -1), LAST),
    ((1, 4, 4, 4), (1, 16, 4), LAST),
    ((3, 4, 4, 4), (-1, 16, 4), LAST),
    ((3, 4, 1, 4), (0, 4, 4), None),
    ((3, 4, 1, 4), (-1, 4, 4), None),
]


@pytest.mark.parametrize(("dims", "target", "only"), JOINED)
def test_two_axes_become_one_and_back(dims: tuple[int, ...], target: tuple[int, ...], only: Orientation | None) -> None:
    check_images("Reshape", {}, dims, ints(*target), only=only)
    joined = build_op("Reshape", {}, dims, ints(*target)).outputs[0].shape
    assert joined is not None
    low = tuple(dim for dim in joined if isinstance(dim, int))
    check_images("Reshape", {}, low, ints(*dims), only=only)
    check_images("Reshape", {}, low, ints(-1, *dims[1:]), only=only)


def test_open_axes() -> None:
    for written, dims, target in [
        (FIRST, ("batch", 3, "time", 5), (0, 3, -1)),
        (LAST, ("batch", "time", 5, 3), (0, -1, 3)),
        (FIRST, ("batch", 3, "time"), (0, 3, -1, 2)),
        (LAST, ("batch", "time", 3), (0, -1, 2, 3)),
    ]:
        build = GraphBuilder()
        build.output(build.op("Reshape", build.input("x", *dims), build.ints(*target)), "y")
        check_move(build.model, written=written)


@pytest.mark.parametrize(
    ("dims", "target"),
    [
        ((3, 4, 4, 4), (0, 8, 8)),
        ((3, 2, 3, 5), (0, 3, 10)),
        ((3, 4, 4, 4), (4, 3, 16)),
        ((3, 4, 4, 4), (12, 4, 4)),
        ((3, 4, 4, 4), (-1, 4, 8)),
        ((3, 2, 8), (0, 4, 2, 2)),
        ((3, 4, 4), (0, 4, 0, 1)),
    ],
)
def test_what_moves_the_channels_pins(dims: tuple[int, ...], target: tuple[int, ...]) -> None:
    assert reason("Reshape", {}, dims, ints(*target)) == "reshapes across the layout's axes"


def test_computed_target_pins() -> None:
    node = build_op("Reshape", {}, (3, 4, 4, 4), Ints(3))
    assert reason_of(node) in ("reshapes across the layout's axes", "the rank of one of its tensors is not known")
