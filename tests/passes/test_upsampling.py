"""Repetition along an axis, written as a Resize."""

from typing import Any

import numpy as np
import pytest

from ovprep.passes.upsampling import name_upsampling
from tests.graphs import GraphBuilder
from tests.passes.support import applied, normalized, ops_of

SWAP = (0, 2, 1)
SIZES = [(1, 5, 3), (3, 5, 3), (3, 4, 4), (1, 4, 4), ("batch", 5, 3), ("batch", "time", 3)]
Dims = tuple[Any, Any, int]


def repeated(dims: Dims, axis: int, times: int, dtype: Any = np.float32) -> GraphBuilder:
    """As TensorFlow writes `repeat`."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", *dims, dtype=dtype))
    repeats = [times if place == axis + 1 else 1 for place in range(4)]
    new = axis + 1 if times > 2 else axis - 3
    x = build.op("Tile", build.op("Unsqueeze", x, build.ints(new)), build.ints(*repeats))
    target = [-1 if isinstance(size, str) else size for size in dims]
    target[0] = 0 if axis else -1
    target[axis] = dims[axis] * times if isinstance(dims[axis], int) else -1
    build.output(build.op("Reshape", x, build.ints(*target)), "y")
    return build


@pytest.mark.parametrize("dims", SIZES)
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("times", [2, 3, 7])
def test_repetition_is_upsampling(dims: Dims, axis: int, times: int) -> None:
    if dims[1] == "time" and axis == 2:
        pytest.skip("the target would have to compute a size")
    build = repeated(dims, axis, times)
    change = applied(name_upsampling, build.model)
    assert change is not None
    assert change.summary == "wrote 1 repetition as a Resize"
    assert ops_of(build.model) == ["Relu", "Resize"]


def test_axis_that_a_transpose_made() -> None:
    """As TFLite writes it for a batch of one."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 1, 1, 5, 3), perm=(0, 2, 1, 3))
    build.output(build.op("Reshape", build.op("Tile", x, build.ints(1, 1, 2, 1)), build.ints(1, 10, 3)), "y")
    assert applied(name_upsampling, build.model) is not None
    assert ops_of(build.model) == ["Transpose", "Squeeze", "Resize"]


def test_what_is_no_upsampling_stays() -> None:
    assert applied(name_upsampling, repeated((2, 4, 3), 0, 2).model) is None  # of the batch
    assert applied(name_upsampling, repeated((2, 4, 3), 1, 2, np.float64).model) is None
    build = GraphBuilder()
    x = build.op("Tile", build.op("Unsqueeze", build.input("x", 2, 4, 3), build.ints(2)), build.ints(1, 1, 2, 1))
    build.output(build.op("Reshape", x, build.ints(2, 4, 6)), "y")  # along the channels, all of them once more
    assert applied(name_upsampling, build.model) is None
    build = GraphBuilder()
    x = build.op("Tile", build.op("Unsqueeze", build.input("x", 2, 4, 3), build.ints(2)), build.ints(1, 2, 2, 1))
    build.output(build.op("Reshape", x, build.ints(2, 16, 3)), "y")
    assert applied(name_upsampling, build.model) is None


@pytest.mark.parametrize("dims", SIZES[:-1])
def test_it_runs_between_convolutions(dims: Dims) -> None:
    build = GraphBuilder()
    batch, length, channels = dims
    x = build.op("Transpose", build.input("x", *dims), perm=SWAP)
    x = build.op("Conv", x, build.weights(4, channels, 3), pads=(1, 1))
    x = build.op("Unsqueeze", build.op("Transpose", x, perm=SWAP), build.ints(2))
    x = build.op("Reshape", build.op("Tile", x, build.ints(1, 1, 2, 1)), build.ints(-1, 2 * length, 4))
    x = build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(2, 4, 3), pads=(1, 1))
    build.output(build.op("Transpose", x, perm=SWAP), "y")
    assert normalized(build.model).layout.transposes_after == 2
    assert ops_of(build.model) == ["Transpose", "Conv", "Resize", "Conv", "Transpose"]
    sizes = build.graph[2].outputs[0].shape
    assert sizes is not None
    assert str(sizes[0]) == str(batch)
