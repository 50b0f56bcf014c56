"""Ops with a number for each axis, and reductions, once the axis of size one is gone."""

import numpy as np
import pytest

from ovprep.graph.constants import array_of, ints_of
from tests.graphs import FEW_ULP
from tests.layout.rules.support import ints
from tests.passes.unit_axis.support import AXES, dropped, is_lowered, widened


@pytest.mark.parametrize("axis", AXES)
def test_pad(axis: int) -> None:
    numbers = ints(*widened(axis, 0, 1, 2, one=0), *widened(axis, 0, 3, 4, one=0))
    node = dropped(axis, "Pad", numbers)
    assert is_lowered(node)
    assert ints_of(node, "", 1) == (0, 1, 2, 0, 3, 4)


@pytest.mark.parametrize("axis", AXES)
def test_pad_that_keeps_the_size_by_moving_the_sample_stays(axis: int) -> None:
    """One zero before and minus one behind: the size is one, and the sample is gone."""
    numbers = ints(*widened(axis, 0, 0, 0, one=1), *widened(axis, 0, 0, 0, one=-1))
    assert not is_lowered(dropped(axis, "Pad", numbers))


@pytest.mark.parametrize("axis", AXES)
def test_slice_of_all_axes(axis: int) -> None:
    starts, ends = ints(*widened(axis, 0, 1, 2, one=0)), ints(*widened(axis, 9, 3, -1, one=9))
    node = dropped(axis, "Slice", starts, ends, ints(0, 1, 2, 3), ints(*widened(axis, 1, 1, 2)))
    assert is_lowered(node)
    assert [ints_of(node, "", index) for index in range(1, 5)] == [(0, 1, 2), (9, 3, -1), (0, 1, 2), (1, 1, 2)]
    assert is_lowered(dropped(axis, "Slice", starts, ends))


@pytest.mark.parametrize("axis", AXES)
def test_slice_of_some_axes(axis: int) -> None:
    node = dropped(axis, "Slice", ints(3), ints(6), ints(5 - axis - 4))
    assert is_lowered(node)
    assert ints_of(node, "", 3) == (2,)


@pytest.mark.parametrize("axis", AXES)
def test_slice_of_the_axis_alone_is_none(axis: int) -> None:
    dropped(axis, "Slice", ints(0), ints(1), ints(axis))


@pytest.mark.parametrize("axis", AXES)
def test_tile(axis: int) -> None:
    node = dropped(axis, "Tile", ints(*widened(axis, 1, 2, 3)))
    assert is_lowered(node)
    assert ints_of(node, "", 1) == (1, 2, 3)
    assert not is_lowered(dropped(axis, "Tile", ints(*widened(axis, 1, 2, 3, one=2))))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize(mode: str, axis: int) -> None:
    scales = np.array(widened(axis, 1, 1, 3), np.float32)
    node = dropped(axis, "Resize", None, scales, mode=mode, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert np.array_equal(np.ravel(array_of(node.inputs[2])), [1, 1, 3])


@pytest.mark.parametrize("axis", AXES)
def test_resize_to_sizes(axis: int) -> None:
    node = dropped(axis, "Resize", None, None, ints(*widened(axis, 2, 3, 5)), mode="linear", tolerance=FEW_ULP)
    assert is_lowered(node)
    assert np.array_equal(np.ravel(array_of(node.inputs[3])), [2, 3, 5])


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("op_type", ["ReduceMean", "ReduceMax", "ReduceL2"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduction(keepdims: int, op_type: str, axis: int) -> None:
    both = dropped(axis, op_type, ints(2, 3), keepdims=keepdims, tolerance=FEW_ULP)
    assert is_lowered(both)
    assert ints_of(both, "axes", 1) == (2,)
    channels = dropped(axis, op_type, ints(1), keepdims=keepdims, tolerance=FEW_ULP)
    assert is_lowered(channels) == bool(keepdims)
    alone = dropped(axis, op_type, ints(axis), keepdims=keepdims, tolerance=FEW_ULP)
    assert not is_lowered(alone)
