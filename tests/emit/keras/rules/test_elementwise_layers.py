"""Ops on one tensor or several, against ONNX Runtime."""

import numpy as np
import onnx
import pytest

from ovprep.emit.keras.rules.elementwise import BINARY, UNARY
from ovprep.errors import UnsupportedError
from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import FEW_ULP, GraphBuilder

_BOUNDED = {
    "Acos": (-0.9, 0.9),
    "Asin": (-0.9, 0.9),
    "Atanh": (-0.9, 0.9),
    "Acosh": (1.1, 4),
    "Log": (0.1, 4),
    "Sqrt": (0.1, 4),
}
_LOGICAL = {"And", "Or", "Xor"}
_WHOLE = {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}
FLOAT, BOOL, INT = (onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL, onnx.TensorProto.INT64)


@pytest.mark.parametrize("op", sorted(set(UNARY) - {"Not"}))
def test_unary(op: str) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 400)
    value = build.op("Cast", build.op(op, x), to=FLOAT) if op == "IsNaN" else build.op(op, x)
    build.output(value, "y")
    low, high = _BOUNDED.get(op, (-1.4, 1.4))
    numbers = np.linspace(low, high, 400, dtype=np.float32)[None]
    check_keras(build.model, 4 * FEW_ULP, feeds={"x": numbers})


def test_rounding_of_halves() -> None:
    build = GraphBuilder()
    build.output(build.op("Round", build.input("x", "batch", 6)), "y")
    check_keras(build.model, 0, feeds={"x": np.array([[0.5, 1.5, 2.5, -0.5, -1.5, -2.5]], np.float32)})


@pytest.mark.parametrize("op", sorted(BINARY))
def test_binary(op: str) -> None:
    build = GraphBuilder()
    x, z = build.input("x", "batch", 3, 12), build.input("z", "batch", 3, 12)
    kind = BOOL if op in _LOGICAL else INT if op in _WHOLE else None
    one, other = (value if kind is None else build.op("Cast", value, to=kind) for value in (x, z))
    if op == "Pow":
        one = build.op("Abs", one)
    build.output(build.op("Cast", build.op(op, one, other), to=FLOAT), "y")
    check_keras(build.model, 4 * FEW_ULP, kept=("x", "y", "z"))


def test_not() -> None:
    build = GraphBuilder()
    x = build.op("Cast", build.input("x", "batch", 3), to=BOOL)
    build.output(build.op("Cast", build.op("Not", x), to=FLOAT), "y")
    check_keras(build.model)


@pytest.mark.parametrize(
    ("op", "layer"),
    [
        ("Add", "Add"),
        ("Mul", "Multiply"),
        ("Sub", "Subtract"),
        ("Max", "Maximum"),
        ("Min", "Minimum"),
        ("Mean", "Average"),
    ],
)
def test_branches_meet_in_layers(op: str, layer: str) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, "time")
    branches = [build.op("Conv", x, build.weights(6, 4, taps), pads=(taps // 2, taps // 2)) for taps in (1, 3)]
    build.output(build.op(op, *branches), "y")
    made = check_keras(build.model)
    assert kinds(made) == ["Conv1D", "Conv1D", layer]
    train_a_step(made) if op == "Add" else None


def test_squeeze_and_excite() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(6, 4, 3))
    gate = build.op("GlobalAveragePool", x)
    gate = build.op("Sigmoid", build.op("Conv", gate, build.weights(6, 6, 1)))
    build.output(build.op("Mul", x, gate), "y")
    assert kinds(check_keras(build.model)) == ["Conv1D", "GlobalAveragePooling1D", "Conv1D", "Activation", "Multiply"]


def test_constants_per_channel_and_per_step() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(10, 4, 3))
    x = build.op("Add", build.op("Mul", x, build.weights(10, 1)), build.weights(10))
    build.output(build.op("Sub", build.weights(1, 10, 10), build.op("Div", x, build.weights())), "y")
    check_keras(build.model)


@pytest.mark.parametrize("channels", [10, 7])
@pytest.mark.parametrize("op", ["Add", "Sub"])
def test_one_number_for_each_step_of_as_many_as_channels(op: str, channels: int) -> None:
    """Which Keras, with TensorFlow, takes for a bias of the channels where it adds them."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(channels, 4, 3))
    shares = build.op("ReduceMax", x, build.ints(1), keepdims=1)
    build.output(build.op(op, build.op(op, x, shares), build.weights(10)), "y")
    made = check_keras(build.model)
    if op == "Add" and channels == 7:
        assert kinds(made)[-2:] == ["Add", "Add"]


@pytest.mark.parametrize("bounds", [(0.0, 6.0), (-0.3, 0.4), (None, 0.2), (0.1, None), (0.0, -0.5)])
def test_clip(bounds: tuple[float | None, float | None]) -> None:
    build = GraphBuilder()
    low, high = (None if bound is None else build.constant(np.float32(bound)) for bound in bounds)
    build.output(build.op("Clip", build.input("x", "batch", 30), low, high), "y")
    assert ("ReLU" in kinds(check_keras(build.model))) == (bounds == (0.0, 6.0))


def test_whole_numbers_are_divided_towards_zero() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 7, dtype=np.int64)
    build.output(build.op("Div", x, build.constant(np.array(3, np.int64))), "y")
    build.output(build.op("Mod", x, build.constant(np.array(3, np.int64))), "z")
    check_keras(build.model, 0, feeds={"x": np.array([[-7, -3, -1, 0, 1, 5, 7]])})


def test_where() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 5)
    positive = build.op("Greater", x, build.constant(np.float32(0)))
    build.output(build.op("Where", positive, x, build.weights(5)), "y")
    check_keras(build.model)


def test_what_is_not_exact_is_refused() -> None:
    build = GraphBuilder()
    build.output(build.op("Mod", build.input("x", "batch", 5), build.weights(), fmod=1), "y")
    with pytest.raises(UnsupportedError, match="Mod node 'Mod' takes the sign of the number"):
        check_keras(build.model)
