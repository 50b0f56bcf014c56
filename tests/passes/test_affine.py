"""Scales and shifts go into the linear op before them."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.affine import fold_affine
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run

SWAP = (0, 2, 1)
Linear = Callable[[GraphBuilder, bool], ir.Value]


def conv(build: GraphBuilder, biased: bool) -> ir.Value:
    bias = build.weights(4) if biased else None
    return build.op("Conv", build.input("x", 4, 4, 6), build.weights(4, 4, 3), bias, pads=(1, 0), dilations=(1,))


def grouped(build: GraphBuilder, biased: bool) -> ir.Value:
    bias = build.weights(4) if biased else None
    return build.op("Conv", build.input("x", 4, 4, 6), build.weights(4, 1, 3), bias, pads=(1, 0), group=4)


def conv_transpose(build: GraphBuilder, biased: bool) -> ir.Value:
    bias = build.weights(4) if biased else None
    return build.op("ConvTranspose", build.input("x", 4, 4, 2), build.weights(4, 4, 2), bias, strides=(2,))


def gemm(build: GraphBuilder, biased: bool) -> ir.Value:
    return build.op("Gemm", build.input("x", 4, 4), build.weights(4, 4), build.weights(4) if biased else None)


def gemm_of_rows(build: GraphBuilder, biased: bool) -> ir.Value:
    bias = build.weights(1, 4) if biased else None
    return build.op("Gemm", build.input("x", 4, 4), build.weights(4, 4), bias, transB=1)


def dense(build: GraphBuilder, biased: bool) -> ir.Value:
    product = build.op("MatMul", build.input("x", 4, 4, 4), build.weights(4, 4))
    return build.op("Add", product, build.weights(4)) if biased else product


def folded(build: GraphBuilder, output: ir.Value) -> str:
    """The listing after the pass, which computes the same."""
    build.output(output, "y")
    check(build.model)
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    fold_affine(build.model)
    check(build.model)
    for found, expected in zip(run(build.model, feeds), wanted, strict=True):
        assert difference(found, expected) <= FEW_ULP
    return "\n".join(line.split(":")[0] for line in listing(build.model).splitlines())


def per_channel(build: GraphBuilder, value: ir.Value) -> ir.Value:
    """Four different numbers along the channels of a linear op's output."""
    producer = value.producer()
    assert producer is not None
    assert value.shape is not None
    last = len(value.shape) == 2 or producer.op_type in ("MatMul", "Add")
    numbers = np.array([2, 0.5, 3, 1.25], np.float32) + len(build.graph)
    return build.constant(numbers if last else numbers.reshape(4, 1), "numbers")


@pytest.mark.parametrize("linear", [conv, grouped, conv_transpose, gemm, gemm_of_rows, dense])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("op_types", [("Mul", "Add"), ("Add", "Mul"), ("Sub", "Div"), ("Div", "Sub", "Mul", "Add")])
def test_every_linear_op(linear: Linear, biased: bool, op_types: tuple[str, ...]) -> None:
    build = GraphBuilder()
    first = value = linear(build, biased)
    for op_type in op_types:
        value = build.op(op_type, value, per_channel(build, first))
    names = folded(build, value)
    op_type = build.graph[0].op_type
    assert names.splitlines() == ([op_type, "MatMul/Add"] if op_type == "MatMul" else [op_type])


def test_a_transposed_convolution_in_groups_stays() -> None:
    """Its weights hold the outputs of one group only: `[C, F / groups, k]`."""
    build = GraphBuilder()
    x = build.op("ConvTranspose", build.input("x", 2, 4, 4), build.weights(4, 2, 2), group=2)
    assert folded(build, build.op("Add", x, build.constant(np.float32(3)))) == "ConvTranspose\nAdd"


def test_constant_on_the_left_of_a_difference() -> None:
    build = GraphBuilder()
    x = conv(build, True)
    assert folded(build, build.op("Sub", per_channel(build, x), x)) == "Conv"


def test_scalars_count_for_all_channels() -> None:
    build = GraphBuilder()
    x = build.op("Mul", conv(build, False), build.constant(np.float32(3)))
    assert folded(build, build.op("Add", build.constant(np.ones((1, 1, 1), np.float32)), x)) == "Conv"


def test_a_transpose_stays_behind_the_convolution() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Mul", conv(build, True), build.weights(4, 1)), perm=SWAP)
    assert folded(build, build.op("Add", x, build.weights(4))) == "Conv\nConv/Transpose"


def test_two_transposes_stay_none() -> None:
    build = GraphBuilder()
    x = build.op("Mul", build.op("Transpose", conv(build, True), perm=SWAP), build.weights(4))
    x = build.op("Transpose", x, perm=SWAP)
    assert folded(build, build.op("Add", x, build.weights(4, 1))) == "Conv"


def test_scale_along_time_stays() -> None:
    """As many samples as channels: which axis it is, its place alone tells."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 4), build.weights(4, 4, 1))
    assert folded(build, build.op("Mul", x, build.weights(4))) == "Conv\nMul"


def test_scale_per_sample_of_a_dense_stays() -> None:
    build = GraphBuilder()
    assert folded(build, build.op("Mul", gemm(build, True), build.weights(4, 1))) == "Gemm\nMul"


def test_bias_per_sample_of_a_gemm_keeps_the_scale_behind() -> None:
    build = GraphBuilder()
    x = build.op("Gemm", build.input("x", 4, 4), build.weights(4, 4), build.weights(4, 1))
    assert folded(build, build.op("Mul", x, build.weights(4))) == "Gemm\nMul"


def test_weights_of_a_gemm_that_scales_stay() -> None:
    build = GraphBuilder()
    x = build.op("Gemm", build.input("x", 4, 4), build.weights(4, 4), build.weights(4), alpha=0.5)
    assert folded(build, build.op("Mul", x, build.weights(4))) == "Gemm\nMul"


def test_a_constant_that_makes_a_larger_tensor_stays() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 1, 4, 4), build.weights(1, 4, 4))
    assert folded(build, build.op("Mul", x, build.weights(4, 1))) == "Conv\nMul"


def test_a_division_by_the_output_stays() -> None:
    build = GraphBuilder()
    x = conv(build, True)
    assert folded(build, build.op("Div", build.weights(4, 1), x)) == "Conv\nDiv"


def test_output_or_second_reader_ends_the_chain() -> None:
    build = GraphBuilder()
    x = build.output(build.op("Mul", conv(build, True), build.weights(4, 1)), "scaled")
    assert folded(build, build.op("Add", x, build.weights(4, 1))) == "Conv\nAdd"
    build = GraphBuilder()
    x = conv(build, True)
    assert folded(build, build.op("Mul", x, x)) == "Conv\nMul"


def test_shared_weights_are_not_touched() -> None:
    build = GraphBuilder()
    x, weights = build.input("x", 2, 4, 6), build.weights(4, 4, 3)
    scaled = build.op("Mul", build.op("Conv", x, weights), build.weights(4, 1))
    build.output(build.op("Conv", x, weights), "plain")
    assert folded(build, scaled) == "Conv\nConv_1"


def test_bias_of_a_dense_alone_stays() -> None:
    build = GraphBuilder()
    assert folded(build, dense(build, True)) == "MatMul\nAdd"
