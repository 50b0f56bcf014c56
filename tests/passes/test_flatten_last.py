"""What a Conv gives is flattened as channel-last, and the Dense behind follows."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.emit.compiled import moves_when_compiled
from ovprep.graph.interface import interface_of
from ovprep.passes.flatten_last import flatten_channel_last
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of

CHANNELS, WIDTH = 5, 7
Body = Callable[[GraphBuilder, ir.Value], ir.Value]


def conv(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Conv", x, build.weights(CHANNELS, CHANNELS, 3), pads=(1, 1))


def dense(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """Weights of either sign, each row its own, so that an order that is not theirs shows."""
    rows = list(x.shape or ())[1]
    assert isinstance(rows, int)
    return build.op("MatMul", x, build.constant(build.rng.normal(size=(rows, 3)).astype(np.float32), "dense"))


def flattened(body: Body, op_type: str = "Reshape", batch: int | str = 2) -> GraphBuilder:
    build = GraphBuilder()
    x = body(build, build.input("x", batch, CHANNELS, WIDTH))
    flat = build.op("Flatten", x) if op_type == "Flatten" else build.op("Reshape", x, build.ints(0, -1))
    build.output(dense(build, flat), "y")
    return build


BEHIND: dict[str, Body] = {
    "conv": conv,
    "relu": lambda build, x: build.op("Relu", conv(build, x)),
    "pool": lambda build, x: build.op("MaxPool", conv(build, x), kernel_shape=(2,)),
    "residual": lambda build, x: build.op("Add", conv(build, x), conv(build, x)),
    "scaled": lambda build, x: build.op("Mul", build.weights(CHANNELS, 1), conv(build, x)),
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("op_type", ["Reshape", "Flatten"])
def test_behind_a_convolution(name: str, op_type: str) -> None:
    build = flattened(BEHIND[name], op_type)
    applied(flatten_channel_last, build.model, 16 * FEW_ULP)
    assert ops_of(build.model)[-3:] == ["Transpose", op_type, "MatMul"]


def softmax(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Softmax", conv(build, x), axis=2)


@pytest.mark.parametrize("body", [lambda build, x: x, softmax], ids=["input", "softmax"])
def test_not_behind_others(body: Body) -> None:
    assert applied(flatten_channel_last, flattened(body).model) is None


def test_not_where_the_batch_is_open() -> None:
    assert applied(flatten_channel_last, flattened(conv, batch="batch").model) is None


def test_not_where_the_order_shows() -> None:
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, CHANNELS, WIDTH))
    build.output(build.op("Reshape", x, build.ints(0, -1)), "y")
    assert applied(flatten_channel_last, build.model) is None


def test_nothing_is_reordered_for_it() -> None:
    def moved(model: ir.Model) -> int:
        found = moves_when_compiled(model, interface_of(model), {})
        assert found.reason is None
        return sum(move.bytes for move in found.moves)

    build = flattened(conv)
    before = moved(build.model)
    flatten_channel_last(build.model)
    assert before - moved(build.model) == 2 * CHANNELS * WIDTH * 4


def test_reshapes_to_other_ranks_stay() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 12), build.weights(6, 4, 3))
    build.output(build.op("Reshape", x, build.ints(2, 6, 1, 10)), "y")
    assert applied(flatten_channel_last, build.model) is None
