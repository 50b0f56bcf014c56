"""Flatten, whose order goes into the weights behind it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.layout.rules import Free, ruling_of
from tests.graphs import FEW_ULP, GraphBuilder
from tests.layout.rules.support import check_move, floats, ints, reason, reason_of

Tail = Callable[[GraphBuilder, ir.Value, int], ir.Value]
SIZES = [(3, 5), (4, 4), (2, 8), (1, 5), (5, 1)]
"""Also a batch of two with two features, and one value only."""


def dense(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("MatMul", x, build.weights(features, 4))


def gemm(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("Gemm", x, build.weights(features, 4), build.weights(4), alpha=0.5)


def gemm_of_rows(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("Gemm", x, build.weights(4, features), build.weights(4), transB=1)


def scaled(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    x = build.op("Mul", x, build.weights(features))
    x = build.op("Sub", build.weights(1, features), x)
    x = build.op("Div", x, build.constant(np.float32(3)))
    return gemm_of_rows(build, build.op("Add", x, build.weights(1)), features)


def activated(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return dense(build, build.op("Clip", build.op("Relu", x), None, build.constant(np.float32(0.5))), features)


def two_heads(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("Add", dense(build, build.op("Sigmoid", x), features), gemm_of_rows(build, x, features))


def square(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    """As many units as features: the axis of the weights that is permuted cannot be told by its size."""
    return build.op("Gemm", dense_to(build, x, features, features), build.weights(features, 3))


def dense_to(build: GraphBuilder, x: ir.Value, features: int, units: int) -> ir.Value:
    return build.op("MatMul", x, build.weights(features, units))


def square_rows(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("Gemm", x, build.weights(features, features), transB=1)


def shared(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    """One weight, read once in the order of the flattened values and once in an order of its own."""
    weights, other = build.weights(features, features), build.input("other", 2, features)
    return build.op("Add", build.op("MatMul", x, weights), build.op("MatMul", other, weights))


def normed(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    statistics = [build.weights(features) for _ in range(4)]
    return dense(build, build.op("BatchNormalization", x, *statistics), features)


TAILS: list[Tail] = [dense, gemm, gemm_of_rows, scaled, activated, two_heads, square, square_rows, shared, normed]


def flattened(build: GraphBuilder, op_type: str, attributes: dict[str, Any], target: list[int], *dims: Any) -> ir.Value:
    x = build.input("x", *dims)
    return build.op(op_type, x, *([build.constant(ints(*target))] if target else []), **attributes)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(("a", "b"), SIZES)
def test_the_weights_behind_take_the_order(tail: Tail, a: int, b: int) -> None:
    build = GraphBuilder()
    build.output(tail(build, flattened(build, "Flatten", {}, [], 2, a, b), a * b), "y")
    check_move(build.model, FEW_ULP)


SPELLINGS: list[tuple[str, dict[str, Any], list[int]]] = [
    ("Flatten", {"axis": 1}, []),
    ("Flatten", {"axis": -2}, []),
    ("Reshape", {}, [0, -1]),
    ("Reshape", {}, [0, 16]),
    ("Reshape", {}, [-1, 16]),
    ("Reshape", {}, [2, -1]),
    ("Reshape", {}, [2, 16]),
]


@pytest.mark.parametrize(("op_type", "attributes", "target"), SPELLINGS)
def test_every_spelling_of_the_batch(op_type: str, attributes: dict[str, Any], target: list[int]) -> None:
    build = GraphBuilder()
    build.output(dense(build, flattened(build, op_type, attributes, target, 2, 4, 4), 16), "y")
    check_move(build.model, FEW_ULP)


@pytest.mark.parametrize(("op_type", "attributes", "target"), SPELLINGS[:5])
def test_open_batch(op_type: str, attributes: dict[str, Any], target: list[int]) -> None:
    build = GraphBuilder()
    build.output(gemm_of_rows(build, flattened(build, op_type, attributes, target, "batch", 4, 4), 16), "y")
    check_move(build.model, FEW_ULP)


CROSSING: list[tuple[str, dict[str, Any], list[int]]] = [
    ("Flatten", {"axis": 0}, []),
    ("Flatten", {"axis": 2}, []),
    ("Flatten", {"axis": -1}, []),
    ("Reshape", {}, [-1, 4]),
    ("Reshape", {}, [8, 4]),
    ("Reshape", {}, [0, 2, 8]),
    ("Reshape", {}, [0, 4, 4]),
    ("Reshape", {}, [-1]),
    ("Reshape", {}, [1, -1]),
]


@pytest.mark.parametrize(("op_type", "attributes", "target"), CROSSING)
def test_reshape_across_axes_pins(op_type: str, attributes: dict[str, Any], target: list[int]) -> None:
    build = GraphBuilder()
    build.output(flattened(build, op_type, attributes, target, 2, 4, 4), "y")
    assert reason_of(build.graph[0]) == "reshapes across the layout's axes"


def why_not(tail: Tail) -> str:
    build = GraphBuilder()
    build.output(tail(build, flattened(build, "Flatten", {}, [], 2, 4, 4), 16), "y")
    return reason_of(build.graph[0])


def test_refusals() -> None:
    def computed(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
        return dense(build, build.op("Mul", x, build.input("gate", 2, features)), features)

    def transposed(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
        return build.op("Gemm", x, build.weights(2, 4), transA=1)

    def lifted(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
        return dense(build, build.op("Add", x, build.weights(1, 1, features)), features)

    def second(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
        return build.op("MatMul", build.weights(4, 2), x)

    assert why_not(lambda build, x, features: x) == "flattens, and the flattened values are an output of the model"
    relu = why_not(lambda build, x, features: build.op("Relu", x))
    assert relu == "flattens, and the flattened values are an output of the model"
    assert why_not(lambda build, x, features: build.op("Softmax", x)) == "flattens, and Softmax reads their order"
    assert why_not(computed) == "flattens, and Mul reads their order"
    assert why_not(transposed) == "flattens, and Gemm reads their order"
    assert why_not(lifted) == "flattens, and Add reads their order"
    assert why_not(second) == "flattens, and MatMul reads their order"


def test_open_axis_and_computed_target_pin() -> None:
    build = GraphBuilder()
    build.output(build.op("Reshape", build.input("x", 2, "time", 4), build.ints(0, -1)), "y")
    assert reason_of(build.graph[0]) == "flattens an open axis"
    build = GraphBuilder()
    target = build.input("target", 2, dtype=np.int64)
    build.output(build.op("Reshape", build.input("x", 2, 4, 4), target), "y")
    assert reason_of(build.graph[0]) == "reshapes across the layout's axes"
    assert reason("Flatten", {}, floats(2, 4, 4)) == "works on a constant"


def test_one_channel_has_one_order() -> None:
    """Nothing behind needs to know: even an output may follow."""
    build = GraphBuilder()
    build.output(flattened(build, "Flatten", {}, [], 2, 1, 5), "y")
    assert isinstance(ruling_of(build.graph[0]), Free)
    check_move(build.model)
