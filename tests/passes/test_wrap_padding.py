"""Circular padding becomes a Concat."""

import numpy as np
import pytest

from ovprep.passes.wrap_padding import unroll_wrap_padding
from tests.graphs import GraphBuilder, check, feeds_of, run


@pytest.mark.parametrize(
    ("pads", "axes"),
    [
        ((0, 0, 2, 0, 0, 1), None),
        ((0, 0, 8, 0, 0, 0), None),
        ((0, 0, 0, 0, 0, 3), None),
        ((0, 1, 2, 0, 3, 1), None),
        ((2, 1), (-1,)),
        ((2, 1, 0, 3), (2, 1)),
    ],
    ids=str,
)
def test_what_is_at_the_other_end(pads: tuple[int, ...], axes: tuple[int, ...] | None) -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4, 8)
    where = () if axes is None else (None, build.ints(*axes))
    build.output(build.op("Pad", x, build.ints(*pads), *where, mode="wrap"), "y")
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    change = unroll_wrap_padding(build.model)
    check(build.model)
    assert change is not None
    assert change.summary == "wrote 1 circular Pad as a Concat"
    assert "Pad" not in {node.op_type for node in build.graph}
    np.testing.assert_array_equal(run(build.model, feeds)[0], wanted[0])


def test_an_open_axis() -> None:
    build = GraphBuilder()
    build.output(build.op("Pad", build.input("x", "batch", 4, "time"), build.ints(0, 0, 2, 0, 0, 1), mode="wrap"), "y")
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    unroll_wrap_padding(build.model)
    check(build.model)
    np.testing.assert_array_equal(run(build.model, feeds)[0], wanted[0])


@pytest.mark.parametrize(
    ("pads", "mode"), [((0, 0, 9, 0, 0, 0), "wrap"), ((0, 0, -1, 0, 0, 0), "wrap"), ((0, 0, 1, 0, 0, 1), "reflect")]
)
def test_other_padding_stays(pads: tuple[int, ...], mode: str) -> None:
    build = GraphBuilder()
    build.output(build.op("Pad", build.input("x", 2, 4, 8), build.ints(*pads), mode=mode), "y")
    assert unroll_wrap_padding(build.model) is None
    assert [node.op_type for node in build.graph] == ["Pad"]
