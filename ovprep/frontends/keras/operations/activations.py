"""The activation functions of `keras.ops.nn`."""

from typing import Any

import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, operation
from ovprep.frontends.keras.operations.operands import FLOAT, axis_in, given_tensor, scalar, type_of

_PLAIN = {
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "TanhShrink": "tanh_shrink",
}


def _activated(layer: Layer, x: Any) -> ir.Value:
    """The input, which must be floats."""
    if type_of(layer, given_tensor(layer, x)) != FLOAT:
        raise layer.unsupported("is an activation of integers")
    return given_tensor(layer, x)


def _plain(name: str) -> LayerRule:
    return lambda layer, x: activate(layer, _activated(layer, x), name)


for _class_name, _name in _PLAIN.items():
    operation(_class_name)(_plain(_name))


def _number(layer: Layer, value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise layer.unsupported(f"is called with {what}={value!r}")
    return float(value)


@operation("LeakyRelu")
def leaky_relu(layer: Layer, x: Any, negative_slope: Any = 0.2) -> ir.Value:
    """Slope `negative_slope` below zero."""
    return layer.build.op("LeakyRelu", _activated(layer, x), alpha=_number(layer, negative_slope, "negative_slope"))


@operation("Elu")
def elu(layer: Layer, x: Any, alpha: Any = 1.0) -> ir.Value:
    """alpha * (exp(x) - 1) below zero."""
    return layer.build.op("Elu", _activated(layer, x), alpha=_number(layer, alpha, "alpha"))


@operation("Celu")
def celu(layer: Layer, x: Any, alpha: Any = 1.0) -> ir.Value:
    """alpha * (exp(x / alpha) - 1) below zero."""
    return layer.build.op("Celu", _activated(layer, x), alpha=_number(layer, alpha, "alpha"))


@operation("Gelu")
def gelu(layer: Layer, x: Any, approximate: Any = True) -> ir.Value:
    """By tanh where `approximate`, else exactly."""
    return layer.build.op("Gelu", _activated(layer, x), approximate="tanh" if approximate else "none")


@operation("SoftShrink")
def soft_shrink(layer: Layer, x: Any, threshold: Any = 0.5) -> ir.Value:
    """Nearer to zero by the threshold, and zero within it."""
    bound = _number(layer, threshold, "threshold")
    return layer.build.op("Shrink", _activated(layer, x), lambd=bound, bias=bound)


@operation("HardShrink")
def hard_shrink(layer: Layer, x: Any, threshold: Any = 0.5) -> ir.Value:
    """Zero within the threshold."""
    return layer.build.op("Shrink", _activated(layer, x), lambd=_number(layer, threshold, "threshold"), bias=0.0)


@operation("Threshold")
def threshold_(layer: Layer, x: Any, threshold: Any, default_value: Any) -> ir.Value:
    """`default_value` where it is not above the threshold."""
    x = _activated(layer, x)
    above = layer.build.op("Greater", x, scalar(layer, _number(layer, threshold, "threshold"), x))
    return layer.build.op("Where", above, x, scalar(layer, _number(layer, default_value, "default_value"), x))


@operation("Squareplus")
def squareplus(layer: Layer, x: Any, b: Any = 4) -> ir.Value:
    """(x + sqrt(x² + b)) / 2."""
    x, build = _activated(layer, x), layer.build
    root = build.op("Sqrt", build.op("Add", build.op("Mul", x, x), scalar(layer, _number(layer, b, "b"), x)))
    return build.op("Mul", build.op("Add", x, root), scalar(layer, 0.5, x))


@operation("Glu")
def glu(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """The first half times the sigmoid of the second."""
    place = axis_in(layer, axis, len(layer.shape(_activated(layer, x))))
    if layer.size(x, place) % 2:
        raise layer.unsupported("halves an odd number with glu")
    value, gate = layer.build.ops("Split", x, outputs=2, axis=place, num_outputs=2)
    return layer.build.op("Mul", value, layer.build.op("Sigmoid", gate))


@operation("Softmax")
def softmax(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """Over one axis."""
    if not is_whole(axis):
        raise layer.unsupported(f"is called with axis={axis!r}")
    return layer.build.op("Softmax", _activated(layer, x), axis=axis_in(layer, axis, len(layer.shape(x))))


@operation("LogSoftmax")
def log_softmax(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """The logarithm of softmax, over one axis."""
    if not is_whole(axis):
        raise layer.unsupported(f"is called with axis={axis!r}")
    return layer.build.op("LogSoftmax", _activated(layer, x), axis=axis_in(layer, axis, len(layer.shape(x))))


@operation("Sparsemax")
def sparsemax(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """Over the last axis."""
    if axis_in(layer, axis, len(layer.shape(_activated(layer, x)))) != len(layer.shape(x)) - 1:
        raise layer.unsupported("takes sparsemax over an axis that is not the last")
    return activate(layer, x, "sparsemax")
