"""Pointwise convolutions become products with the weights on the left, away from other convolutions alone."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes import left_products
from ovprep.passes.left_products import multiply_from_left
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, normalized, ops_of

SWAP = (0, 2, 1)
WIDTH, CHANNELS = 24, 16


def pointwise(build: GraphBuilder, x: ir.Value, channels: int, filters: int, *, bias: bool = True) -> ir.Value:
    """Weights of either sign, so that a product the wrong way round shows."""
    weights = build.constant(build.rng.normal(size=(filters, channels, 1)).astype(np.float32), "weights")
    offset = (build.constant(build.rng.normal(size=filters).astype(np.float32), "bias"),) if bias else ()
    return build.op("Conv", x, weights, *offset)


def norm(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("LayerNormalization", x, build.weights(CHANNELS), axis=-1)


def rewritten(build: GraphBuilder, y: ir.Value) -> list[str]:
    build.output(y, "y")
    applied(multiply_from_left, build.model, 16 * FEW_ULP)
    return ops_of(build.model)


@pytest.mark.parametrize("bias", [False, True])
def test_between_normalisations(bias: bool) -> None:
    build = GraphBuilder()
    x = norm(build, build.input("x", "batch", WIDTH, CHANNELS))
    y = norm(build, pointwise(build, x, WIDTH, 5, bias=bias))
    wanted = ["LayerNormalization", "MatMul", *(["Add"] if bias else []), "LayerNormalization"]
    assert rewritten(build, y) == wanted


def test_two_with_a_residual_connection() -> None:
    """As in an MLP-Mixer: x + Conv(Gelu(Conv(norm(x)))), from the interface to the interface."""
    build = GraphBuilder()
    x = build.input("x", "batch", WIDTH, CHANNELS)
    inner = build.op("Gelu", pointwise(build, norm(build, x), WIDTH, 8))
    y = build.op("Add", x, pointwise(build, inner, 8, WIDTH))
    assert rewritten(build, y).count("MatMul") == 2


def test_a_long_row_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[ir.Node] = []

    def is_pointwise(node: ir.Node, original: Callable[[ir.Node], bool] = left_products._is_pointwise) -> bool:
        looked.append(node)
        return original(node)

    monkeypatch.setattr(left_products, "_is_pointwise", is_pointwise)
    build = GraphBuilder()
    x = norm(build, build.input("x", "batch", WIDTH, CHANNELS))
    for _ in range(50):
        x = pointwise(build, build.op("Relu", x), WIDTH, WIDTH, bias=False)
    build.output(norm(build, x), "y")
    multiply_from_left(build.model)
    assert ops_of(build.model).count("MatMul") == 50
    assert len(looked) <= 3 * 102


def beside(op_type: str, **attributes: object) -> Callable[[GraphBuilder, ir.Value], ir.Value]:
    return lambda build, x: build.op(op_type, x, **attributes)


def conv(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Conv", x, build.weights(WIDTH, WIDTH, 3), pads=(1, 1))


@pytest.mark.parametrize("neighbour", [conv, beside("MaxPool", kernel_shape=(1,)), beside("Transpose", perm=SWAP)])
@pytest.mark.parametrize("first", [False, True])
def test_not_beside_what_is_channel_last_in_memory(
    neighbour: Callable[[GraphBuilder, ir.Value], ir.Value], first: bool
) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", WIDTH, WIDTH)
    if first:
        y = pointwise(build, build.op("Relu", neighbour(build, x)), WIDTH, WIDTH)
    else:
        y = neighbour(build, build.op("Relu", pointwise(build, x, WIDTH, WIDTH)))
    assert "MatMul" not in rewritten(build, y)


@pytest.mark.parametrize(
    "attributes", [{"strides": (2,)}, {"pads": (1, 0)}, {"group": 2}], ids=["stride", "padding", "groups"]
)
def test_not_what_is_more_than_a_product(attributes: dict[str, object]) -> None:
    build = GraphBuilder()
    x = norm(build, build.input("x", "batch", WIDTH, CHANNELS))
    channels = WIDTH // 2 if "group" in attributes else WIDTH
    y = build.op("Conv", x, build.weights(WIDTH, channels, 1), **attributes)
    assert "MatMul" not in rewritten(build, y)


def test_a_mixer_has_no_transpose_and_no_convolution_left() -> None:
    """Dense over time between Transposes, as PyTorch and Keras write the mixing of tokens."""
    build = GraphBuilder()
    x = norm(build, build.input("x", "batch", WIDTH, CHANNELS))
    mixed = build.op("MatMul", build.op("Transpose", x, perm=SWAP), build.weights(WIDTH, 9))
    mixed = build.op("MatMul", build.op("Gelu", mixed), build.weights(9, WIDTH))
    mixed = build.op("Transpose", mixed, perm=SWAP)
    build.output(norm(build, build.op("Add", build.op("Relu", x), mixed)), "y")
    normalized(build.model)
    assert set(ops_of(build.model)) == {"LayerNormalization", "MatMul", "Gelu", "Add", "Relu"}
