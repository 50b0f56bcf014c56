"""Activation functions by their Keras names, and the layers that are one.

Formulas are those of Keras 3 (keras.activations), which differ from Keras 2 in `hard_sigmoid`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.masks import above_half
from ovprep.frontends.keras.layers.registry import layer, rule_for
from ovprep.frontends.keras.legacy import HARD_SIGMOID
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.weights import LayerWeights

Activation = Callable[[Layer, ir.Value], ir.Value]

_WEIGHTLESS_LAYERS = ("Activation", "ELU", "LeakyReLU", "ReLU", "Softmax")
"""Layers that may be another's activation. PReLU may not: its weights are part of the other's, and .h5 loses them."""


def activate(layer: Layer, x: ir.Value, activation: Any) -> ir.Value:
    """Applies the `activation` entry of a configuration: a name, a serialised function or layer, or none.

    Raises UnsupportedError, naming the layer, where the function is not one of Keras' own.
    """
    if activation is None:
        return x
    if isinstance(activation, Mapping) and isinstance(activation.get("config"), Mapping):
        return _activate_with_layer(layer, x, str(activation.get("class_name")), activation["config"])
    name = str(activation.get("config") if isinstance(activation, Mapping) else activation)
    function = _ACTIVATIONS.get(name)
    if function is None:
        raise UnsupportedError(f"Layer {layer.spec} uses the activation {name!r}, which is not one of Keras' own.")
    return function(layer, x)


def _activate_with_layer(layer: Layer, x: ir.Value, class_name: str, config: Mapping[str, Any]) -> ir.Value:
    if class_name not in _WEIGHTLESS_LAYERS:
        raise layer.unsupported(f"has a {class_name} layer as its activation")
    name = f"{layer.spec.name}/{class_name}"
    spec = LayerConfig(name, class_name, config, layer.spec.position)
    result = rule_for(spec)(Layer(spec, LayerWeights(name, None, ()), layer.build, layer.scene), x)
    assert isinstance(result, ir.Value)
    return result


def _op(op_type: str, **attributes: float | int | str) -> Activation:
    return lambda layer, x: layer.build.op(op_type, x, **attributes)


def _linear(layer: Layer, x: ir.Value) -> ir.Value:
    return x


def _scalar(layer: Layer, value: float) -> ir.Value:
    return layer.constant(value, "scalar")


def _clip(layer: Layer, x: ir.Value, low: float | None, high: float | None) -> ir.Value:
    bounds = [None if bound is None else _scalar(layer, bound) for bound in (low, high)]
    return layer.build.op("Clip", x, *bounds)


def _silu(layer: Layer, x: ir.Value) -> ir.Value:
    return layer.build.op("Mul", x, layer.build.op("Sigmoid", x))


def _log_sigmoid(layer: Layer, x: ir.Value) -> ir.Value:
    negative = layer.build.op("Neg", x)
    return layer.build.op("Neg", layer.build.op("Softplus", negative))


def _tanh_shrink(layer: Layer, x: ir.Value) -> ir.Value:
    return layer.build.op("Sub", x, layer.build.op("Tanh", x))


def _glu(layer: Layer, x: ir.Value) -> ir.Value:
    if layer.size(x, -1) % 2:
        raise layer.unsupported("halves an odd number of channels with glu")
    value, gate = layer.build.ops("Split", x, outputs=2, axis=-1, num_outputs=2)
    return layer.build.op("Mul", value, layer.build.op("Sigmoid", gate))


def _sparse_plus(layer: Layer, x: ir.Value) -> ir.Value:
    """0 below -1, (x + 1)² / 4 up to 1, then x."""
    build = layer.build
    root = build.op("Add", _clip(layer, x, -1.0, 1.0), _scalar(layer, 1.0))
    parabola = build.op("Mul", build.op("Mul", root, root), _scalar(layer, 0.25))
    return build.op("Add", parabola, build.op("Relu", build.op("Sub", x, _scalar(layer, 1.0))))


def _squareplus(layer: Layer, x: ir.Value) -> ir.Value:
    """(x + sqrt(x² + 4)) / 2."""
    build = layer.build
    root = build.op("Sqrt", build.op("Add", build.op("Mul", x, x), _scalar(layer, 4.0)))
    return build.op("Mul", build.op("Add", x, root), _scalar(layer, 0.5))


def _sparsemax(layer: Layer, x: ir.Value) -> ir.Value:
    """Keras' reading of Martins and Astudillo, 2016, algorithm 1, over the last axis.

    The threshold there is the last partial sum of the support, less one, over its size. Keras (3.15, all backends) adds
    up all partial sums of the support; the model was trained with that, so it is what we compute.
    """
    build, size = layer.build, layer.size(x, -1)
    ranked, _ = build.ops("TopK", x, build.ints(size, name="k"), outputs=2, axis=-1)
    last = build.ints(-1, name="axes")
    cumulative = build.op("CumSum", ranked, build.constant(np.int64(-1), "axis"))
    excess = build.op("Sub", cumulative, _scalar(layer, 1.0))
    counts = layer.constant(np.arange(1, size + 1).reshape((1,) * (len(layer.shape(x)) - 1) + (size,)), "counts")
    support = build.op("Greater", ranked, build.op("Div", excess, counts))
    inside = build.op("Cast", support, to=int(ir.DataType.FLOAT))
    total = build.op("ReduceSum", build.op("Mul", cumulative, inside), last, keepdims=1)
    number = build.op("ReduceSum", inside, last, keepdims=1)
    threshold = build.op("Div", build.op("Sub", total, _scalar(layer, 1.0)), number)
    return build.op("Relu", build.op("Sub", x, threshold))


_ACTIVATIONS: Mapping[str, Activation] = {
    "celu": _op("Celu"),
    "elu": _op("Elu"),
    "exponential": _op("Exp"),
    "gelu": _op("Gelu"),
    "glu": _glu,
    HARD_SIGMOID: _op("HardSigmoid", alpha=0.2, beta=0.5),
    "hard_shrink": _op("Shrink", lambd=0.5, bias=0.0),
    "hard_sigmoid": _op("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_silu": _op("HardSwish"),
    "hard_swish": _op("HardSwish"),
    "hard_tanh": lambda layer, x: _clip(layer, x, -1.0, 1.0),
    "leaky_relu": _op("LeakyRelu", alpha=0.2),
    "linear": _linear,
    "log_sigmoid": _log_sigmoid,
    "log_softmax": _op("LogSoftmax", axis=-1),
    "mish": _op("Mish"),
    "relu": _op("Relu"),
    "relu6": lambda layer, x: _clip(layer, x, 0.0, 6.0),
    "selu": _op("Selu"),
    "sigmoid": _op("Sigmoid"),
    "silu": _silu,
    "soft_shrink": _op("Shrink", lambd=0.5, bias=0.5),
    "softmax": _op("Softmax", axis=-1),
    "softplus": _op("Softplus"),
    "softsign": _op("Softsign"),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _op("HardSigmoid", alpha=0.5, beta=0.5),
    "sparsemax": _sparsemax,
    "squareplus": _squareplus,
    "swish": _silu,
    "tanh": _op("Tanh"),
    "tanh_shrink": _tanh_shrink,
}


@layer("Activation")
def activation(layer: Layer, x: ir.Value) -> ir.Value:
    """The function that the configuration names."""
    return activate(layer, x, layer.get("activation", "linear"))


@layer("ReLU")
def relu(layer: Layer, x: ir.Value) -> ir.Value:
    """`max_value` caps; what is not above `threshold` becomes `negative_slope * (x - threshold)`."""
    build = layer.build
    slope, threshold = layer.number("negative_slope", 0.0), layer.number("threshold", 0.0)
    top = None if layer.get("max_value") is None else layer.number("max_value")
    if not threshold:
        y = build.op("LeakyRelu", x, alpha=slope) if slope else build.op("Relu", x)
        return y if top is None else _clip(layer, y, None, top)
    y = build.op("ThresholdedRelu", x, alpha=threshold)
    y = y if top is None else _clip(layer, y, None, top)
    if not slope:
        return y
    below = build.op("Relu", build.op("Sub", _scalar(layer, threshold), x))
    return build.op("Sub", y, build.op("Mul", below, _scalar(layer, slope)))


@layer("LeakyReLU")
def leaky_relu(layer: Layer, x: ir.Value) -> ir.Value:
    """Slope `negative_slope` below zero."""
    return layer.build.op("LeakyRelu", x, alpha=layer.number("negative_slope", 0.3))


@layer("ELU")
def elu(layer: Layer, x: ir.Value) -> ir.Value:
    """`alpha * (exp(x) - 1)` below zero."""
    return layer.build.op("Elu", x, alpha=layer.number("alpha", 1.0))


@layer("Softmax")
def softmax(layer: Layer, x: ir.Value, *, mask: ir.Value | None = None) -> ir.Value:
    """Over one axis, or over several together; where a mask is false the result is zero."""
    if mask is None:
        return _softmax(layer, x)
    build, rank = layer.build, len(layer.shape(x))
    low, zero = (layer.constant(np.full((1,) * rank, number), name) for number, name in ((-1e9, "low"), (0, "zero")))
    inside = above_half(layer, layer.tensor(mask, "mask"))
    return build.op("Where", inside, _softmax(layer, build.op("Where", inside, x, low)), zero)


def _softmax(layer: Layer, x: ir.Value) -> ir.Value:
    rank, given = len(layer.shape(x)), layer.get("axis", -1)
    build = layer.build
    if not isinstance(given, list) or len(given) == 1:
        return build.op("Softmax", x, axis=layer.axis(rank))
    axes = [axis for axis in given if is_whole(axis) and -rank <= axis < rank]
    if not given or len(axes) < len(given):
        raise layer.invalid("axis")
    over = build.ints(*sorted({axis % rank for axis in axes}), name="axes")
    powers = build.op("Exp", build.op("Sub", x, build.op("ReduceMax", x, over, keepdims=1)))
    return build.op("Div", powers, build.op("ReduceSum", powers, over, keepdims=1))


@layer("PReLU")
def prelu(layer: Layer, x: ir.Value) -> ir.Value:
    """A slope of its own for each place; one along each of `shared_axes`."""
    shape = layer.shape(x)
    shared = layer.get("shared_axes", [])
    if not isinstance(shared, list) or not all(is_whole(axis) and 0 < axis < len(shape) for axis in shared):
        raise layer.invalid("shared_axes")
    slopes = tuple(1 if axis in shared else layer.size(x, axis) for axis in range(1, len(shape)))
    alpha = layer.take(alpha=slopes)["alpha"]
    return layer.build.op("PRelu", x, layer.constant(alpha[None], "alpha"))
