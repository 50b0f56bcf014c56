"""Unfolded axes whose parts are taken one by one become a Split."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.parts import split_unfolded
from tests.graphs import GraphBuilder, listing
from tests.passes.support import applied, normalized, ops_of


def unfolded(*dims: int | str, target: tuple[int, ...]) -> tuple[GraphBuilder, ir.Value]:
    build = GraphBuilder()
    return build, build.op("Reshape", build.input("x", *dims), build.ints(*target))


def take(build: GraphBuilder, x: ir.Value, index: int, axis: int) -> ir.Value:
    return build.op("Gather", x, build.constant(np.int64(index)), axis=axis)


def together(build: GraphBuilder, *parts: ir.Value) -> None:
    """An output that shows which part is which."""
    for number, part in enumerate(parts):
        build.output(build.op("Relu", part), f"y{number}")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (-1, 0), (1, 2)])
def test_parts_in_any_order(order: tuple[int, ...]) -> None:
    build, x = unfolded("batch", 5, 12, target=(0, 5, 3, 4))
    together(build, *(take(build, x, index, 2) for index in order))
    assert applied(split_unfolded, build.model) is not None
    assert ops_of(build.model) == ["Split", *["Relu"] * len(order)]


@pytest.mark.parametrize("target", [(0, 0, 3, 4), (-1, 5, 3, 4), (0, -1, 3, 4)])
def test_however_the_shape_is_written(target: tuple[int, ...]) -> None:
    build, x = unfolded("batch", 5, 12, target=target)
    together(build, take(build, x, 0, -2), take(build, x, 2, 2))
    applied(split_unfolded, build.model)
    assert "Split" in ops_of(build.model)


@pytest.mark.parametrize(
    ("dims", "target", "axis", "why"),
    [
        (("batch", 5, 12), (0, 5, 3, 4), 3, "another axis"),
        (("batch", 5, 12), (0, 3, 5, 4), 2, "unfolds no last axis"),
        ((2, 6, 12), (4, 3, 3, 4), 2, "moves what stands before it"),
    ],
)
def test_not(dims: tuple[int | str, ...], target: tuple[int, ...], axis: int, why: str) -> None:
    build, x = unfolded(*dims, target=target)
    together(build, take(build, x, 0, axis), take(build, x, 1, axis))
    assert applied(split_unfolded, build.model) is None, why


def test_not_where_another_op_reads_the_whole() -> None:
    build, x = unfolded("batch", 5, 12, target=(0, 5, 3, 4))
    together(build, take(build, x, 0, 2), take(build, x, 1, 2), x)
    assert applied(split_unfolded, build.model) is None


def test_not_one_part_alone() -> None:
    build, x = unfolded("batch", 5, 12, target=(0, 5, 3, 4))
    together(build, take(build, x, 1, 2))
    assert applied(split_unfolded, build.model) is None


def test_the_split_runs_in_either_layout() -> None:
    """Behind a convolution in NCW nothing is transposed but the interface."""
    build = GraphBuilder()
    conv = build.op("Conv", build.input("x", "batch", 2, 6), build.weights(12, 2, 3), pads=(1, 1))
    x = build.op("Reshape", build.op("Transpose", conv, perm=(0, 2, 1)), build.ints(0, 6, 3, 4))
    one, two = take(build, x, 0, 2), take(build, x, 2, 2)
    y = build.op("Transpose", build.op("Mul", one, two), perm=(0, 2, 1))
    build.output(build.op("Conv", y, build.weights(3, 4, 3), pads=(1, 1)), "y")
    assert normalized(build.model).layout.transposes_after == 2, listing(build.model)


def test_as_pytorch_exports_an_attention() -> None:
    """The parts come first in its graph, by a Transpose that is merged once layouts are placed."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 5, 8), perm=(1, 0, 2))
    projected = build.op("MatMul", x, build.weights(8, 12))
    unfolded = build.op("Unsqueeze", build.op("Reshape", projected, build.ints(5, -1, 3, 4)), build.ints(0))
    parts = build.op("Squeeze", build.op("Transpose", unfolded, perm=(3, 1, 2, 0, 4)), build.ints(3))
    together(build, *(build.op("Transpose", take(build, parts, index, 0), perm=(1, 0, 2)) for index in range(3)))
    normalized(build.model)
    assert ops_of(build.model) == ["MatMul", "Split", "Relu", "Relu", "Relu"]
