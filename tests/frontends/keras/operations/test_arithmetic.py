"""Arithmetic between layers against real Keras."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.frontends.keras.operations.table import Function, check_functions
from tests.frontends.keras.support import check_against_keras

ROW = np.array([1.5, -2.0, 0.25, 3.0], np.float32)
COLUMN = np.linspace(-1, 1, 6, dtype=np.float32)[:, None]

OF_TWO: dict[str, list[Function]] = {
    "add": [
        lambda x, y: x + y,
        lambda x, y: x + 2,
        lambda x, y: 2.5 + x,
        lambda x, y: x + ROW,
        lambda x, y: x + COLUMN,
    ],
    "subtract": [lambda x, y: x - y, lambda x, y: 1 - x, lambda x, y: x - 1, lambda x, y: ops.subtract(ROW, x)],
    "multiply": [lambda x, y: x * y, lambda x, y: 2 * x],
    "divide": [lambda x, y: x / (y * y + 1), lambda x, y: 1 / (x * x + 1), lambda x, y: x / 3],
    "divide_no_nan": [lambda x, y: ops.divide_no_nan(x, ops.relu(y)), lambda x, y: ops.divide_no_nan(x, 2.0)],
    "power": [lambda x, y: x**2, lambda x, y: ops.power(ops.absolute(x), y), lambda x, y: ops.power(2.0, x)],
    "maximum": [ops.maximum, lambda x, y: ops.maximum(x, 0.25), lambda x, y: ops.maximum(0, x)],
    "minimum": [ops.minimum, lambda x, y: ops.minimum(x, -0.25), lambda x, y: ops.minimum(ROW, x)],
    "mod": [lambda x, y: x % 0.7, lambda x, y: ops.mod(x, -0.7), lambda x, y: ops.mod(x, y)],
    "floor_divide": [lambda x, y: x // 0.3, lambda x, y: ops.floor_divide(x, y)],
    "hypot": [ops.hypot],
    "logaddexp": [ops.logaddexp, lambda x, y: ops.logaddexp(x, 1.0)],
    "lower rank": [lambda x, y: x + ops.mean(y, axis=1, keepdims=True), lambda x, y: ops.sum(x, axis=(1, 2)) * 2],
    "float64": [lambda x, y: ops.cast(x * ROW.astype(np.float64), "float32") + y],
}

OF_ONE: dict[str, list[Function]] = {
    "absolute": [ops.absolute, abs],
    "negative": [ops.negative, lambda x: -x],
    "sign": [ops.sign],
    "square": [ops.square],
    "rounding": [ops.floor, ops.ceil, ops.round, ops.trunc],
    "circular": [ops.sin, ops.cos, ops.arctan, lambda x: ops.tan(x * 0.3)],
    "arcs": [lambda x: ops.arcsin(ops.tanh(x)), lambda x: ops.arccos(ops.tanh(x)), lambda x: ops.arctanh(x / 10)],
    "hyperbolic": [ops.sinh, ops.cosh, ops.tanh, ops.arcsinh, lambda x: ops.arccosh(x * x + 1.5)],
    "exponential": [ops.exp, ops.expm1, ops.exp2],
    "logarithms": [lambda x: ops.log(x * x + 0.1), lambda x: ops.log1p(x * x), lambda x: ops.log2(x * x + 0.1)],
    "log10": [lambda x: ops.log10(x * x + 0.1)],
    "roots": [lambda x: ops.sqrt(x * x + 0.1), lambda x: ops.rsqrt(x * x + 0.1), ops.cbrt],
    "reciprocal": [lambda x: ops.reciprocal(x * x + 0.5)],
    "erf": [ops.erf],
    "degrees": [ops.deg2rad, ops.rad2deg],
    "clip": [lambda x: ops.clip(x, -0.5, 1), lambda x: ops.clip(x, 0, 6)],
    "stop_gradient": [lambda x: ops.stop_gradient(x) + 1],
}


@pytest.mark.parametrize("name", OF_TWO)
def test_of_two(name: str, tmp_path: Path) -> None:
    check_functions(OF_TWO[name], tmp_path, number=2)


@pytest.mark.parametrize("name", OF_ONE)
def test_of_one(name: str, tmp_path: Path) -> None:
    check_functions(OF_ONE[name], tmp_path)


def test_integers(tmp_path: Path) -> None:
    """Which stay integers, or become floats where Keras has them so."""
    functions: list[Function] = [
        lambda x: x + 1,
        lambda x: x + 0.5,
        lambda x: x * np.array([1, 2, 3, 4]),
        lambda x: x / 2,
        lambda x: x % 3,
        lambda x: x % -3,
        lambda x: ops.absolute(x),
        lambda x: ops.square(-x),
        lambda x: ops.sqrt(ops.absolute(x)),
        lambda x: ops.floor(x),
        lambda x: ops.maximum(x, 1),
        lambda x: ops.clip(x, -2, 2),
        lambda x: ops.cast(x > 0, "int32") + x,
        lambda x: (x > 0) * 2,
        lambda x: ops.round(x) - 1,
    ]
    check_functions(functions, tmp_path, dtype="int32", spread=5.0)


def test_between_layers(tmp_path: Path) -> None:
    """Constants turn with the layout, and weights are found beside operations of the same name as a layer."""
    x = keras.Input((16, 3), name="x")
    y = layers.Conv1D(4, 3, padding="same")(x)
    z = layers.Conv1D(4, 5, padding="same")(y * ROW + 1.0)
    a = ops.add(y, z)
    b = layers.Add()([a, y])
    c = ops.multiply(layers.Multiply()([a, b]), 0.5)
    d = layers.Dense(4)(ops.relu(layers.ReLU()(c) - np.linspace(0, 1, 16, dtype=np.float32)[:, None]))
    source = check_against_keras(keras.Model(x, layers.GlobalAveragePooling1D()(d)), tmp_path)
    names = ("multiply", "add", "subtract")
    constants = [
        value for name, value in source.graph.graph.initializers.items() if name.startswith(names) and "operand" in name
    ]
    assert constants
    assert all(len(value.shape) == 3 for value in constants)


def test_inside_a_model(tmp_path: Path) -> None:
    """A model that is called twice, with operations inside and outside."""
    x, z = keras.Input((9, 4), name="x"), keras.Input((9, 4), name="z")
    inner = keras.Model(z, ops.mean(ops.relu(layers.Conv1D(3, 3)(z) * 2.0), axis=1), name="inner")
    check_against_keras(keras.Model(x, layers.Dense(2)(inner(x) - inner(ops.flip(x, axis=1)))), tmp_path)
