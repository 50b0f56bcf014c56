"""Ops that give samples another shape, against ONNX Runtime."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.errors import UnsupportedError
from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds
from tests.graphs import FEW_ULP, GraphBuilder


def convolved(channels: int = 8, length: Dim = 12) -> tuple[GraphBuilder, ir.Value]:
    build = GraphBuilder()
    return build, build.op("Conv", build.input("x", "batch", 4, length), build.weights(channels, 4, 3))


@pytest.mark.parametrize("length", [12, "time"])
def test_a_row_of_views_is_one_layer(length: Dim) -> None:
    build, x = convolved(length=length)
    x = build.op("Squeeze", build.op("GlobalMaxPool", x), build.ints(2))
    x = build.op("Unsqueeze", build.op("Reshape", x, build.ints(0, 2, 4)), build.ints(1))
    x = build.op("Reshape", x, build.ints(0, 8))
    build.output(build.op("Gemm", x, build.weights(8, 3)), "y")
    assert kinds(check_keras(build.model)) == ["Conv1D", "GlobalMaxPooling1D", "Flatten", "Dense"]


def test_a_permute_in_the_middle_stays_where_it_is_meant() -> None:
    build, x = convolved()
    turned = build.op("Transpose", x, perm=(0, 2, 1))
    build.output(build.op("Conv", turned, build.weights(3, 10, 3)), "y")
    assert kinds(check_keras(build.model, permutes=1)) == ["Conv1D", "Permute", "Conv1D"]


def test_a_residual_that_adds_a_transposed_branch() -> None:
    build, x = convolved(10)
    added = build.op("Add", x, build.op("Transpose", x, perm=(0, 2, 1)))
    build.output(build.op("Conv", added, build.weights(3, 10, 3)), "y")
    check_keras(build.model, permutes=2)  # one would do: the solver takes the first of equally large Transposes


def test_a_reshape_across_channels_and_time() -> None:
    build, x = convolved()
    cut = build.op("Reshape", x, build.ints(0, 4, 20))
    build.output(build.op("Conv", cut, build.weights(3, 4, 3)), "y")
    check_keras(build.model, permutes=2)


def test_a_flatten_that_is_an_output_keeps_its_order() -> None:
    build, x = convolved(10)
    build.output(build.op("Flatten", x), "y")
    assert kinds(check_keras(build.model, permutes=1)) == ["Conv1D", "Permute", "Flatten"]


def test_heads_that_are_joined_with_the_batch() -> None:
    """`[N, 10, 8]` to `[2 * N, 10, 4]` and back."""
    build, x = convolved()
    x = build.op("Reshape", build.op("Transpose", x, perm=(0, 2, 1)), build.ints(0, 10, 2, 4))
    heads = build.op("Reshape", build.op("Transpose", x, perm=(0, 2, 1, 3)), build.ints(-1, 10, 4))
    scores = build.op("Softmax", build.op("MatMul", heads, build.op("Transpose", heads, perm=(0, 2, 1))))
    mixed = build.op("Reshape", build.op("MatMul", scores, heads), build.ints(-1, 2, 10, 4))
    joined = build.op("Reshape", build.op("Transpose", mixed, perm=(0, 2, 1, 3)), build.ints(-1, 10, 8))
    build.output(build.op("Conv", build.op("Transpose", joined, perm=(0, 2, 1)), build.weights(3, 8, 1)), "y")
    check_keras(build.model, 4 * FEW_ULP, permutes=4)


def test_the_length_as_a_number() -> None:
    build, x = convolved(length="time")
    length = build.op("Cast", build.op("Gather", build.op("Shape", x), build.constant(np.array(2))), to=1)
    build.output(build.op("Div", x, length), "y")
    build.output(build.op("Relu", x), "z")
    check_keras(build.model, permutes=1)


@pytest.mark.parametrize("shape", [(1, 8, 10), (8, 10), (10,)])
def test_expand(shape: tuple[int, ...]) -> None:
    build = GraphBuilder()
    x = build.op("GlobalMaxPool", build.op("Conv", build.input("x", 1, 4, 12), build.weights(8, 4, 3)))
    y = build.op("Expand", x, build.ints(*shape))
    build.output(build.op("Conv", y, build.weights(2, 8, 1)), "y")
    check_keras(build.model, permutes=2)


def test_tile() -> None:
    build, x = convolved()
    build.output(build.op("Conv", build.op("Tile", x, build.ints(1, 2, 3)), build.weights(2, 16, 1)), "y")
    check_keras(build.model, permutes=2)


def test_a_shape_that_is_computed_is_refused() -> None:
    build = GraphBuilder()
    x, shape = build.input("x", "batch", 4, 12), build.input("shape", 3, dtype=np.int64)
    build.output(build.op("Reshape", x, shape), "y")
    with pytest.raises(UnsupportedError, match="Reshape node 'Reshape' has shape that are not constant"):
        check_keras(build.model)
