"""Multiply-accumulates and parameters against numbers worked out by hand, the receptive field against brute force."""

from fractions import Fraction
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovprep.graph.cost import ReceptiveField, count_parameters, macs_of, receptive_field
from tests.graphs import GraphBuilder, run

WIDTH = 128
ROUNDING = 1e-5
"""Of values about 1, far below what a sample of 10 changes."""


def test_macs_of_convolutions() -> None:
    build = GraphBuilder()
    x = build.input("x", 1, 8, 100)
    build.op("Conv", x, build.weights(16, 8, 3), build.weights(16))
    build.op("Conv", x, build.weights(16, 2, 3), group=4, strides=(2,), pads=(1, 1))
    build.op("Conv", x, build.weights(8, 1, 5), group=8, dilations=(4,), pads=(16, 0))
    build.op("ConvTranspose", x, build.weights(8, 4, 5), strides=(2,))
    build.op("ConvTranspose", x, build.weights(8, 2, 5), strides=(2,), group=2)
    counts = [16 * 98 * 8 * 3, 16 * 50 * 2 * 3, 8 * 100 * 5, 100 * 8 * 4 * 5, 100 * 8 * 2 * 5]
    assert [macs_of(node) for node in build.graph] == counts
    assert count_parameters(build.graph) == 16 * 8 * 3 + 16 + 16 * 2 * 3 + 8 * 5 + 8 * 4 * 5 + 8 * 2 * 5


def test_macs_of_products_and_recurrence() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 10, 8)
    build.op("MatMul", x, build.weights(8, 3))
    build.op("MatMul", x, build.op("Transpose", x, perm=(0, 2, 1)))
    flat = build.input("flat", 2, 8)
    build.op("Gemm", flat, build.weights(5, 8), transB=1)
    build.op("Gemm", flat, build.weights(2, 5), transA=1)
    build.ops("LSTM", x, build.weights(1, 16, 8), build.weights(1, 16, 4), outputs=1, hidden_size=4)
    build.op("Relu", x)
    counts = [2 * 10 * 8 * 3, 0, 2 * 10 * 8 * 10, 2 * 8 * 5, 8 * 2 * 5, 2 * 10 * (16 * 8 + 16 * 4), 0]
    assert sorted(macs_of(node) for node in build.graph) == sorted(counts)


def test_integers_are_no_parameters() -> None:
    build = GraphBuilder()
    build.op("Reshape", build.op("Mul", build.input("x", 2, 4), build.weights(4)), build.ints(4, 2))
    assert count_parameters(build.graph) == 4


def seen(build: GraphBuilder, y: ir.Value) -> int:
    """The widest span of input samples that one step of the output changes with."""
    build.output(y, "y")
    base = np.random.default_rng(0).uniform(0.1, 0.9, (1, 1, WIDTH)).astype(np.float32)
    impulses = np.repeat(base, WIDTH + 1, axis=0)
    impulses[np.arange(WIDTH), 0, np.arange(WIDTH)] += 10
    outputs = run(build.model, {"x": impulses})[0]
    changed = (np.abs(outputs[:WIDTH] - outputs[WIDTH]) > ROUNDING).any(axis=1)  # input sample, output step
    spans = [np.ptp(np.flatnonzero(column)) + 1 for column in changed.T if column.any()]
    return int(max(spans))


Layer = tuple[str, dict[str, Any]]


def stack(layers: list[Layer]) -> tuple[GraphBuilder, ir.Value]:
    build = GraphBuilder()
    x = build.input("x", "batch", 1, WIDTH)
    for op_type, given_attributes in layers:
        attributes = dict(given_attributes)
        if op_type == "Resize":
            scales = build.constant(np.array([1, 1, attributes.pop("factor")], np.float32))
            x = build.op("Resize", x, None, scales, **attributes)
        elif op_type in ("Conv", "ConvTranspose"):
            x = build.op(op_type, x, build.weights(1, 1, attributes.pop("kernel")), **attributes)
        else:
            x = build.op(op_type, x, **attributes)
    return build, x


def convs() -> st.SearchStrategy[Layer]:
    small = st.integers(1, 3)
    return st.builds(lambda k, d, s: ("Conv", {"kernel": k, "dilations": (d,), "strides": (s,)}), small, small, small)


def pools() -> st.SearchStrategy[Layer]:
    return st.builds(lambda k, s: ("AveragePool", {"kernel_shape": (k,), "strides": (s,)}), *[st.integers(1, 3)] * 2)


def transposes() -> st.SearchStrategy[Layer]:
    extra, strides = st.integers(0, 3), st.integers(1, 3)
    return st.builds(lambda e, s: ("ConvTranspose", {"kernel": s + e, "strides": (s,)}), extra, strides)


def plain_convs() -> st.SearchStrategy[Layer]:
    return st.builds(lambda k, d: ("Conv", {"kernel": k, "dilations": (d,)}), *[st.integers(1, 3)] * 2)


@settings(max_examples=60)
@given(st.lists(convs() | pools(), min_size=1, max_size=3))
def test_downsampling_stacks_against_brute_force(layers: list[Layer]) -> None:
    build, y = stack(layers)
    field = receptive_field(build.graph)
    assert (field.samples if field else 1) == seen(build, y)


@settings(max_examples=60)
@given(st.lists(plain_convs() | transposes(), min_size=1, max_size=3))
def test_upsampling_stacks_against_brute_force(layers: list[Layer]) -> None:
    build, y = stack(layers)
    field = receptive_field(build.graph)
    assert (field.samples if field else 1) == seen(build, y)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", ["asymmetric", "half_pixel"])
def test_resize_against_brute_force(kernel: int, factor: int, mode: str, coordinates: str) -> None:
    floor = {"nearest_mode": "floor"} if mode == "nearest" and coordinates == "asymmetric" else {}
    resize = {"factor": factor, "mode": mode, "coordinate_transformation_mode": coordinates, **floor}
    build, y = stack([("Resize", resize), ("Conv", {"kernel": kernel})])
    field = receptive_field(build.graph)
    assert field is not None
    assert field == ReceptiveField(seen(build, y), Fraction(1, factor))


def test_hop_is_the_product_of_the_strides() -> None:
    build, _ = stack([("Conv", {"kernel": 5, "strides": (4,)}), ("MaxPool", {"kernel_shape": (2,), "strides": (2,)})])
    assert receptive_field(build.graph) == ReceptiveField(5 + 4, Fraction(8))


def test_resize_by_sizes_and_downwards() -> None:
    build = GraphBuilder()
    sizes = build.ints(1, 1, WIDTH // 2)
    build.op("Resize", build.input("x", 1, 1, WIDTH), None, None, sizes, mode="nearest")
    assert receptive_field(build.graph) == ReceptiveField(1, Fraction(2))


def test_branches_see_what_the_widest_of_them_sees() -> None:
    build = GraphBuilder()
    x = build.input("x", 1, 1, WIDTH)
    wide = build.op("Conv", x, build.weights(1, 1, 7), pads=(3, 3))
    narrow = build.op("Conv", x, build.weights(1, 1, 3), pads=(1, 1))
    build.op("Conv", build.op("Add", narrow, wide), build.weights(1, 1, 3))
    assert receptive_field(build.graph) == ReceptiveField(9, Fraction(1))


def test_a_model_without_convolutions_has_none() -> None:
    build = GraphBuilder()
    build.op("Relu", build.input("x", 1, 1, WIDTH))
    assert receptive_field(build.graph) is None
