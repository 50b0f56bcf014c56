"""Ops that add, drop, move or join axes, once the axis of size one is gone."""

import onnx_ir as ir
import pytest

from ovprep.graph.constants import int_of, ints_of
from ovprep.passes.unit_axis.drop import drop_unit_axis
from tests.graphs import GraphBuilder
from tests.layout.rules.support import ints
from tests.passes.support import applied, ops_of
from tests.passes.unit_axis.support import AXES, dropped, is_lowered, pooled

PERMS = [(0, 2, 3, 1), (0, 3, 2, 1), (0, 3, 1, 2), (2, 0, 3, 1), (3, 1, 0, 2), (1, 0, 2, 3)]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("perm", PERMS)
def test_transpose(perm: tuple[int, ...], axis: int) -> None:
    node = dropped(axis, "Transpose", perm=perm)
    if perm[0] == axis:  # it would be the batch
        assert not is_lowered(node)
        return
    left = [one for one in perm if one != axis]
    if left == sorted(left):  # and is gone
        assert node.op_type == "Identity"
        return
    assert is_lowered(node)
    assert ints_of(node, "perm") == tuple(one - (one > axis) for one in left)


def test_transpose_without_an_order() -> None:
    assert is_lowered(dropped(2, "Transpose"))


@pytest.mark.parametrize("axis", AXES)
def test_squeeze_is_gone(axis: int) -> None:
    build = GraphBuilder()
    low = build.op("Squeeze", pooled(build, axis), build.ints(axis - 4))
    build.output(build.op("Relu", low), "y")
    applied(drop_unit_axis, build.model)
    assert ops_of(build.model) == ["Squeeze", "MaxPool", "Relu"]


@pytest.mark.parametrize("axis", AXES)
def test_squeeze_of_two_axes(axis: int) -> None:
    build = GraphBuilder()
    x = build.op("ReduceMax", pooled(build, axis), build.ints(1), keepdims=1)
    node = build.op("Squeeze", x, build.ints(axis, 1)).producer()
    assert node is not None
    build.output(node.outputs[0], "y")
    applied(drop_unit_axis, build.model)
    assert is_lowered(node)
    assert ints_of(node, "axes", 1) == (1,)


@pytest.mark.parametrize("axis", AXES)
def test_unsqueeze_never_comes(axis: int) -> None:
    build = GraphBuilder()
    x = build.op("Unsqueeze", build.input("x", 2, 3, 8), build.ints(axis - 4))
    x = build.op("MaxPool", x, kernel_shape=(1, 2) if axis == 2 else (2, 1))
    build.output(build.op("Squeeze", x, build.ints(axis)), "y")
    change = applied(drop_unit_axis, build.model)
    assert change is not None
    assert change.summary == "dropped an axis of size one around 3 ops"
    assert ops_of(build.model)[0] == "MaxPool"


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("target", [(2, 24), (0, -1), (-1, 24), (6, -1), (2, 3, 2, 4)])
def test_reshape(target: tuple[int, ...], axis: int) -> None:
    node = dropped(axis, "Reshape", ints(*target))
    assert is_lowered(node)
    assert ints_of(node, "", 1) == target


def test_reshape_with_sizes_from_behind_the_axis() -> None:
    """A 0 in the last place stands for the time, which moves to the place before."""
    assert not is_lowered(dropped(2, "Reshape", ints(1, 3, 2, 0)))


@pytest.mark.parametrize("axis", AXES)
def test_reshape_that_makes_the_axis(axis: int) -> None:
    build = GraphBuilder()
    target = (2, 3, 1, -1) if axis == 2 else (2, 3, -1, 1)
    x = build.op("Reshape", build.input("x", 6, 8), build.ints(*target))
    build.output(build.op("MaxPool", x, kernel_shape=(1, 2) if axis == 2 else (2, 1)), "y")
    applied(drop_unit_axis, build.model)
    assert ops_of(build.model) == ["Reshape", "MaxPool", "Unsqueeze"]
    assert ints_of(build.graph[0], "", 1) == (2, 3, -1)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("first", "wanted"), [(1, 1), (2, 2), (3, 2), (4, 3), (-3, 1), (0, 0)])
def test_flatten(first: int, wanted: int, axis: int) -> None:
    node = dropped(axis, "Flatten", axis=first)
    assert is_lowered(node)
    assert int_of(node, "axis", 9) == wanted + (axis == 3 and first == 3)


def test_open_axes_keep_their_names() -> None:
    build = GraphBuilder()
    x = build.op("MaxPool", build.input("x", "batch", 3, 1, "time"), kernel_shape=(1, 1))
    build.output(build.op("Relu", x), "y")
    applied(drop_unit_axis, build.model)
    first = build.graph[0].outputs[0].shape
    assert first is not None
    assert first[0] == ir.SymbolicDim("batch")
    assert len(first) == 3
