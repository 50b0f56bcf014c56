"""Dense layers and Flatten, against ONNX Runtime."""

import pytest

from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import GraphBuilder


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize(("channels", "length"), [(6, 10), (8, 8)])
def test_flatten_then_dense(channels: int, length: int, turned: int) -> None:
    """The rows are in the order of channel-first."""
    build = GraphBuilder()
    x = build.input("x", "batch", 4, length)
    y = build.op("Conv", x, build.weights(channels, 4, 3, name="conv.weight"), pads=(1, 1))
    flat = build.op("Flatten", y, axis=1)
    shape = (5, channels * length) if turned else (channels * length, 5)
    build.output(build.op("Gemm", flat, build.weights(*shape), build.weights(5), transB=turned), "y")
    made = check_keras(build.model)
    assert kinds(made) == ["Conv1D", "Flatten", "Dense"]
    assert made.layers[1].name == "conv"


def test_alpha_and_beta() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4)
    y = build.op("Gemm", x, build.weights(4, 3), build.weights(1, 3), alpha=0.5, beta=3.0)
    build.output(build.op("Gemm", y, build.weights(3, 2)), "y")
    assert kinds(check_keras(build.model)) == ["Dense", "Dense"]


@pytest.mark.parametrize("first", [True, False])
def test_the_bias_goes_into_the_dense_layer(first: bool) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", "time", 4)
    product = build.op("MatMul", x, build.weights(4, 3))
    bias = build.weights(3, name="head.bias")
    build.output(build.op("Relu", build.op("Add", *((bias, product) if first else (product, bias)))), "y")
    made = check_keras(build.model, kept=("x", "y"))
    assert kinds(made) == ["Dense", "ReLU"]
    assert made.layers[1].name == "head"
    train_a_step(made)


def test_a_product_that_others_read_keeps_its_bias_behind() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", "time", 4)
    product = build.op("MatMul", x, build.weights(4, 3))
    build.output(build.op("Mul", build.op("Add", product, build.weights(3)), product), "y")
    assert kinds(check_keras(build.model, kept=("x", "y"))) == ["Dense", "Add", "Multiply"]


def test_a_number_for_each_step_is_no_bias() -> None:
    """Of as many steps as units."""
    build = GraphBuilder()
    x = build.input("x", "batch", 3, 4)
    build.output(build.op("Add", build.op("MatMul", x, build.weights(4, 3)), build.weights(3, 1)), "y")
    assert kinds(check_keras(build.model, kept=("x", "y"))) == ["Dense", "Subtract"]


def test_a_dense_over_time() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 8)
    y = build.op("Conv", x, build.weights(6, 4, 1))
    y = build.op("Conv", build.op("MatMul", y, build.weights(8, 8)), build.weights(4, 6, 1))
    build.output(y, "y")
    made = check_keras(build.model, permutes=2)
    assert kinds(made) == ["Conv1D", "Permute", "Dense", "Permute", "Conv1D"]


def test_two_computed_tensors() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 8)
    y = build.op("MatMul", build.op("Transpose", x, perm=(0, 2, 1)), x)
    build.output(y, "y")
    check_keras(build.model, permutes=1, kept=("x", "y"))
