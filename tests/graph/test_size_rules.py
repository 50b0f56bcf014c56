"""What ops make of sizes, also of those that are open."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from tests.graphs import GraphBuilder

BATCH = Extent(0, 1, "batch")


def dims_of_last(build: GraphBuilder) -> tuple[Extent, ...] | None:
    known = ShapeValues()
    for node in build.graph:
        known.learn(node)
    return known.dims(build.graph[-1].outputs[0])


def batch_of(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Gather", build.op("Shape", x), build.ints(0))


def test_rest_of_a_multiple_of_an_open_size() -> None:
    """`[4 * N, 8]` as `[N, -1]`, with the number N taken from a shape."""
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 8)
    rows = build.op("Relu", build.op("Reshape", x, build.ints(-1, 8)))
    target = build.op("Concat", batch_of(build, x), build.ints(-1), axis=0)
    build.op("Reshape", rows, target)
    assert dims_of_last(build) == (BATCH, Extent(32))


def test_rest_of_sizes_that_do_not_divide_is_its_own() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, "time")
    other = batch_of(build, build.input("other", "more", 4))
    build.op("Reshape", x, build.op("Concat", other, build.ints(-1), axis=0))
    found = dims_of_last(build)
    assert found is not None
    assert found[1].number is None
    assert found[1].of not in ("batch", "time")


@pytest.mark.parametrize(("axis", "wanted"), [(0, (3, 4)), (1, (BATCH, 3)), (-1, (BATCH, 3))])
def test_gather(axis: int, wanted: tuple[Extent | int, ...]) -> None:
    build = GraphBuilder()
    build.op("Gather", build.input("x", "batch", 4), build.ints(0, 0, 0), axis=axis)
    assert dims_of_last(build) == tuple(Extent(size) if isinstance(size, int) else size for size in wanted)


def test_gather_of_one_and_of_a_table() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 8)
    build.op("Gather", x, build.constant(np.int64(1)), axis=1)
    assert dims_of_last(build) == (BATCH, Extent(8))
    build.op("Gather", x, build.constant(np.zeros((2, 3), np.int64)), axis=1)
    assert dims_of_last(build) == (BATCH, Extent(2), Extent(3), Extent(8))


@pytest.mark.parametrize("rows", [0, 1])
def test_gemm(rows: int) -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", "batch", 4, 5), build.ints(-1, 5))
    build.op("Gemm", x, build.weights(*((7, 5) if rows else (5, 7))), transB=rows)
    assert dims_of_last(build) == (BATCH * 4, Extent(7))
