"""Arithmetic: functions of one number or two, element by element."""

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, operation
from ovprep.frontends.keras.operations.operands import (
    BOOL,
    FLOAT,
    INT32,
    common_type,
    floats,
    given_tensor,
    matched,
    scalar,
    tensor,
    type_of,
)

_OF_TWO = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Power": "Pow", "Maximum": "Max", "Minimum": "Min"}

_OF_FLOATS = {
    "Arccos": "Acos",
    "Arccosh": "Acosh",
    "Arcsin": "Asin",
    "Arcsinh": "Asinh",
    "Arctan": "Atan",
    "Arctanh": "Atanh",
    "Ceil": "Ceil",
    "Cos": "Cos",
    "Cosh": "Cosh",
    "Erf": "Erf",
    "Exp": "Exp",
    "Floor": "Floor",
    "Log": "Log",
    "Reciprocal": "Reciprocal",
    "Sin": "Sin",
    "Sinh": "Sinh",
    "Sqrt": "Sqrt",
    "Tan": "Tan",
    "Tanh": "Tanh",
}
"""Integers become floats first."""


def _binary(op_type: str) -> LayerRule:
    def rule(layer: Layer, x1: Any, x2: Any) -> ir.Value:
        dtype = common_type(layer, x1, x2)
        if dtype == BOOL:
            raise layer.unsupported("computes with truth values")
        if op_type == "Pow" and dtype != FLOAT:
            raise layer.unsupported("raises integers to a power")
        return layer.build.op(op_type, *matched(layer, x1, x2, dtype=dtype))

    return rule


def _unary(op_type: str) -> LayerRule:
    return lambda layer, x: layer.build.op(op_type, floats(layer, x))


for _name, _op_type in _OF_TWO.items():
    operation(_name)(_binary(_op_type))
for _name, _op_type in _OF_FLOATS.items():
    operation(_name)(_unary(_op_type))


@operation("Divide", "TrueDivide")
def divide(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """Of floats, also where integers are given."""
    return layer.build.op("Div", *matched(layer, x1, x2, least=FLOAT))


@operation("DivideNoNan")
def divide_no_nan(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """Zero where the divisor is."""
    build = layer.build
    above, below = matched(layer, x1, x2, least=FLOAT)
    zero, one = (scalar(layer, number, below) for number in (0.0, 1.0))
    none = build.op("Equal", below, zero)
    return build.op("Where", none, zero, build.op("Div", above, build.op("Where", none, one, below)))


@operation("FloorDivide")
def floor_divide(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """The quotient, rounded down."""
    if common_type(layer, x1, x2) != FLOAT:
        raise layer.unsupported("divides integers without a remainder")
    return layer.build.op("Floor", divide(layer, x1, x2))


@operation("Mod")
def mod(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """The remainder, with the sign of the divisor."""
    dtype, build = common_type(layer, x1, x2, least=INT32), layer.build
    above, below = matched(layer, x1, x2, dtype=dtype)
    if dtype != FLOAT:
        return build.op("Mod", above, below)
    rest = build.op("Mod", above, below, fmod=1)  # with the sign of the dividend
    turned = build.op("Less", build.op("Mul", rest, below), scalar(layer, 0.0, below))
    return build.op("Where", turned, build.op("Add", rest, below), rest)


@operation("SquaredDifference")
def squared_difference(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """(x1 - x2)²; a function of TensorFlow that Keras lacks."""
    return square(layer, layer.build.op("Sub", *matched(layer, x1, x2, least=INT32)))


@operation("Hypot")
def hypot(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """sqrt(x1² + x2²)."""
    squares = [layer.build.op("Mul", x, x) for x in matched(layer, x1, x2, least=FLOAT)]
    return layer.build.op("Sqrt", layer.build.op("Add", *squares))


@operation("Logaddexp")
def logaddexp(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """log(exp(x1) + exp(x2)), as the larger one and what the smaller one adds."""
    build, operands = layer.build, matched(layer, x1, x2, least=FLOAT)
    distance = build.op("Abs", build.op("Sub", *operands))
    return build.op("Add", build.op("Max", *operands), build.op("Softplus", build.op("Neg", distance)))


def _of_numbers(op_type: str) -> LayerRule:
    """Integers stay integers."""

    def rule(layer: Layer, x: Any) -> ir.Value:
        if type_of(layer, given_tensor(layer, x)) == BOOL:
            raise layer.unsupported("computes with truth values")
        return layer.build.op(op_type, x)

    return rule


for _name, _op_type in {"Absolute": "Abs", "Abs": "Abs", "Negative": "Neg", "Sign": "Sign"}.items():
    operation(_name)(_of_numbers(_op_type))


@operation("Square")
def square(layer: Layer, x: Any) -> ir.Value:
    """x²."""
    if type_of(layer, given_tensor(layer, x)) == BOOL:
        raise layer.unsupported("computes with truth values")
    return layer.build.op("Mul", x, x)


@operation("Round")
def round_(layer: Layer, x: Any, decimals: int = 0) -> ir.Value:
    """Halves to the even number."""
    if decimals != 0:
        raise layer.unsupported("rounds to decimals")
    return x if type_of(layer, given_tensor(layer, x)) != FLOAT else layer.build.op("Round", x)


@operation("Trunc")
def trunc(layer: Layer, x: Any) -> ir.Value:
    """Towards zero."""
    if type_of(layer, given_tensor(layer, x)) != FLOAT:
        return given_tensor(layer, x)
    return layer.build.op("Mul", layer.build.op("Sign", x), layer.build.op("Floor", layer.build.op("Abs", x)))


@operation("Rsqrt")
def rsqrt(layer: Layer, x: Any) -> ir.Value:
    """1 / sqrt(x)."""
    return layer.build.op("Reciprocal", layer.build.op("Sqrt", floats(layer, x)))


@operation("Log1p")
def log1p(layer: Layer, x: Any) -> ir.Value:
    """log(1 + x)."""
    x = floats(layer, x)
    return layer.build.op("Log", layer.build.op("Add", x, scalar(layer, 1.0, x)))


@operation("Expm1")
def expm1(layer: Layer, x: Any) -> ir.Value:
    """exp(x) - 1."""
    power = layer.build.op("Exp", floats(layer, x))
    return layer.build.op("Sub", power, scalar(layer, 1.0, power))


def _scaled(factor: float, before: str | None, after: str | None) -> LayerRule:
    def rule(layer: Layer, x: Any) -> ir.Value:
        x = floats(layer, x)
        x = layer.build.op(before, x) if before else x
        x = layer.build.op("Mul", x, scalar(layer, factor, x))
        return layer.build.op(after, x) if after else x

    return rule


operation("Log10")(_scaled(1 / math.log(10), "Log", None))
operation("Log2")(_scaled(1 / math.log(2), "Log", None))
operation("Exp2")(_scaled(math.log(2), None, "Exp"))
operation("Deg2rad")(_scaled(math.pi / 180, None, None))
operation("Rad2deg")(_scaled(180 / math.pi, None, None))


@operation("Cbrt")
def cbrt(layer: Layer, x: Any) -> ir.Value:
    """The cube root, with the sign of x."""
    x = floats(layer, x)
    root = layer.build.op("Pow", layer.build.op("Abs", x), scalar(layer, 1 / 3, x))
    return layer.build.op("Mul", layer.build.op("Sign", x), root)


@operation("Clip")
def clip(layer: Layer, x: Any, x_min: Any, x_max: Any) -> ir.Value:
    """Not below `x_min`, then not above `x_max`; either may be a tensor."""
    dtype = common_type(layer, x, x_min, x_max, least=INT32)
    low, high = (np.ndim(bound) == 0 and not isinstance(bound, ir.Value) for bound in (x_min, x_max))
    if dtype == FLOAT and low and high:
        bounds = [tensor(layer, bound, FLOAT) for bound in (x_min, x_max)]
        return layer.build.op("Clip", floats(layer, x), *bounds)
    x, floor, ceiling = matched(layer, x, x_min, x_max, dtype=dtype)
    return layer.build.op("Min", layer.build.op("Max", x, floor), ceiling)


@operation("Copy", "StopGradient", "Conjugate", "Conj", "Real")
def unchanged(layer: Layer, x: Any = None, variable: Any = None) -> ir.Value:
    """What does nothing at inference, to real numbers."""
    return given_tensor(layer, variable if x is None else x)
