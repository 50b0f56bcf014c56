"""LSTM, GRU and RNN with PyTorch's gates and biases, against ONNX Runtime."""

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.errors import UnsupportedError
from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import FEW_ULP, GraphBuilder

GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
SIZE, CHANNELS = 5, 4
TOLERANCE = 8 * FEW_ULP
"""Sixteen steps, each on what the last one gave."""


def weights(build: GraphBuilder, op: str, ways: int, channels: int = CHANNELS, bias: bool = True) -> list[ir.Value]:
    gates = GATES[op] * SIZE
    shapes = [(ways, gates, channels), (ways, gates, SIZE), *([(ways, 2 * gates)] if bias else [])]
    return [build.constant(build.rng.normal(0, 0.5, shape).astype("float32"), "weights") for shape in shapes]


def recurrence(
    build: GraphBuilder, x: ir.Value, op: str, way: str = "forward", bias: bool = True, **attributes: Any
) -> tuple[ir.Value, ...]:
    ways = 2 if way == "bidirectional" else 1
    given = weights(build, op, ways, bias=bias)
    outputs = 3 if op == "LSTM" else 2
    return build.ops(op, x, *given, outputs=outputs, hidden_size=SIZE, direction=way, **attributes)


def time_first(build: GraphBuilder) -> ir.Value:
    """`[N, C, W]` to `[W, N, C]`."""
    return build.op("Transpose", build.input("x", "batch", CHANNELS, "time"), perm=(2, 0, 1))


def batch_first(build: GraphBuilder, sequence: ir.Value, ways: int = 1) -> ir.Value:
    """`[W, D, N, H]` to `[N, D*H, W]`, as PyTorch does it."""
    turned = build.op("Transpose", sequence, perm=(0, 2, 1, 3))
    joined = build.op("Reshape", turned, build.ints(0, 0, ways * SIZE))
    return build.op("Transpose", joined, perm=(1, 2, 0))


@pytest.mark.parametrize(
    ("op", "attributes", "expected"),
    [
        ("LSTM", {}, "LSTM"),
        ("GRU", {"linear_before_reset": 1}, "GRU"),  # PyTorch's
        ("GRU", {"linear_before_reset": 0}, "GRU"),
        ("RNN", {}, "SimpleRNN"),
        ("RNN", {"activations": ["Relu"]}, "SimpleRNN"),
        ("LSTM", {"activations": ["Sigmoid", "Softsign", "Softsign"]}, "LSTM"),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_whole_sequences(op: str, attributes: dict[str, Any], expected: str, bias: bool) -> None:
    build = GraphBuilder()
    sequence, *_ = recurrence(build, time_first(build), op, bias=bias, **attributes)
    build.output(batch_first(build, sequence), "y")
    made = check_keras(build.model, TOLERANCE)
    assert kinds(made) == [expected]
    assert made.layers[-1].use_bias == bias
    if bias and not attributes:
        train_a_step(made)


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_both_directions_stacked(op: str) -> None:
    build = GraphBuilder()
    attributes = {"linear_before_reset": 1} if op == "GRU" else {}
    first, *_ = recurrence(build, time_first(build), op, "bidirectional", **attributes)
    joined = build.op("Reshape", build.op("Transpose", first, perm=(0, 2, 1, 3)), build.ints(0, 0, 2 * SIZE))
    given = weights(build, op, 2, channels=2 * SIZE)
    second = build.ops(op, joined, *given, outputs=1, hidden_size=SIZE, direction="bidirectional", **attributes)[0]
    build.output(batch_first(build, second, 2), "y")
    assert kinds(check_keras(build.model, TOLERANCE)) == ["Bidirectional", "Bidirectional"]


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_backwards(op: str) -> None:
    build = GraphBuilder()
    sequence, *_ = recurrence(build, time_first(build), op, "reverse")
    build.output(batch_first(build, sequence), "y")
    assert kinds(check_keras(build.model, TOLERANCE)) == [op, "Flip"]


@pytest.mark.parametrize("way", ["forward", "reverse"])
def test_the_last_state_alone(way: str) -> None:
    build = GraphBuilder()
    _, last, _ = recurrence(build, time_first(build), "LSTM", way)
    build.output(build.op("Squeeze", last, build.ints(0)), "y")
    made = check_keras(build.model, TOLERANCE)
    assert kinds(made) == ["LSTM"]
    assert not made.layers[-1].return_sequences


@pytest.mark.parametrize("way", ["forward", "bidirectional"])
def test_all_outputs(way: str) -> None:
    """States are `[D, N, H]`, which is no layout of channels and time."""
    build = GraphBuilder()
    ways = 2 if way == "bidirectional" else 1
    sequence, last, cell = recurrence(build, time_first(build), "LSTM", way)
    build.output(batch_first(build, sequence, ways), "y")
    for value, name in ((last, "h"), (cell, "c")):
        turned = build.op("Transpose", value, perm=(1, 0, 2))
        build.output(build.op("Reshape", turned, build.ints(0, ways * SIZE)), name)
    check_keras(build.model, TOLERANCE, permutes=4)


@pytest.mark.parametrize("way", ["forward", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_first_states_that_are_computed(op: str, way: str) -> None:
    build = GraphBuilder()
    ways = 2 if way == "bidirectional" else 1
    x, first = time_first(build), build.input("h", "batch", ways * SIZE)
    cut = build.op("Reshape", first, build.ints(0, ways, SIZE))
    state = build.op("Transpose", cut, perm=(1, 0, 2))
    states = [state, build.op("Mul", state, build.constant(np.float32(0.5)))] if op == "LSTM" else [state]
    made = build.ops(op, x, *weights(build, op, ways), None, *states, outputs=1, hidden_size=SIZE, direction=way)
    build.output(batch_first(build, made[0], ways), "y")
    check_keras(build.model, TOLERANCE, permutes=1)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"clip": 3.0}, "has the attribute clip"),
        ({"input_forget": 1}, "couples its gates"),
        ({"activations": ["Sigmoid", "Tanh", "Relu"]}, "has other activations for cells than for states"),
        ({"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "has the activations HardSigmoid, Tanh, Tanh"),
    ],
)
def test_what_keras_has_not_is_refused(attributes: dict[str, Any], why: str) -> None:
    build = GraphBuilder()
    sequence, *_ = recurrence(build, time_first(build), "LSTM", **attributes)
    build.output(batch_first(build, sequence), "y")
    with pytest.raises(UnsupportedError, match=why):
        check_keras(build.model)
