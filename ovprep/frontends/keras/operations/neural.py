"""Convolution, pooling and normalisation as operations: the rules of the layers, given the operation's arguments."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, operation, rule_for
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.operations.functions import function
from ovprep.frontends.keras.operations.operands import (
    Array,
    array_in,
    axes_in,
    axis_in,
    floats,
    given_tensor,
    scalar,
    tensor,
    type_of,
    wholes,
)
from ovprep.frontends.keras.operations.reducing import mean, var
from ovprep.frontends.keras.weights import LayerWeights


def as_layer(layer: Layer, family: str, x: Any, config: Mapping[str, Any], **weights: Array) -> ir.Value:
    """What the layer `family` + 1D or 2D does with that configuration and those weights."""
    x = floats(layer, x)
    axes = len(layer.shape(x)) - 2
    if axes not in (1, 2):
        raise layer.unsupported(f"works on {axes} spatial axes")
    spec = LayerConfig(layer.spec.name, family.replace("*", f"{axes}D"), config, layer.spec.position)
    stored = LayerWeights(layer.spec.name, tuple(weights), tuple(weights.values()))
    result = rule_for(spec)(Layer(spec, stored, layer.build, layer.scene), x)
    assert isinstance(result, ir.Value)
    return result


def _kernel(layer: Layer, x: Any, operand: Any) -> Array:
    if isinstance(operand, ir.Value):
        raise layer.unsupported("computes its kernel")
    kernel = array_in(layer, operand)
    if kernel.ndim != len(layer.shape(given_tensor(layer, x))):
        raise layer.unsupported(f"has a kernel of rank {kernel.ndim}")
    return kernel.astype(np.float32)


def _lists(**arguments: Any) -> dict[str, Any]:
    """Arguments as a configuration has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}


def _window(family: str) -> LayerRule:
    def rule(
        layer: Layer, inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: Any = None
    ) -> ir.Value:
        given = _lists(pool_size=pool_size, strides=strides, padding=padding, data_format=data_format)
        return as_layer(layer, family, inputs, given)

    return rule


operation("MaxPool")(_window("MaxPooling*"))
operation("AveragePool")(_window("AveragePooling*"))


def _convolution(family: str) -> LayerRule:
    def rule(
        layer: Layer,
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> ir.Value:
        array = _kernel(layer, inputs, kernel)
        given = _lists(strides=strides, padding=padding, data_format=data_format, dilation_rate=dilation_rate)
        given |= {"kernel_size": list(array.shape[:-2]), "use_bias": False}
        if family == "DepthwiseConv*":
            given["depth_multiplier"] = array.shape[-1]
        else:
            given["filters"] = array.shape[-1]
        return as_layer(layer, family, inputs, given, kernel=array)

    return rule


operation("Conv")(_convolution("Conv*"))
operation("DepthwiseConv")(_convolution("DepthwiseConv*"))


@operation("LayerNorm")
def layer_norm(
    layer: Layer, x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None, **options: Any
) -> ir.Value:
    """To mean zero and variance one along the axes; then `gamma` and `beta`, which stand for the last of them."""
    if any(options.values()):
        raise layer.unsupported("is called with rms_scaling")
    x, build = floats(layer, x), layer.build
    axes = list(axes_in(layer, axis, len(layer.shape(x))))
    spread = build.op("Add", var(layer, x, axes, keepdims=True), scalar(layer, 1e-7 if epsilon is None else epsilon, x))
    y = build.op("Div", build.op("Sub", x, mean(layer, x, axes, keepdims=True)), build.op("Sqrt", spread))
    y = y if gamma is None else build.op("Mul", y, tensor(layer, gamma, type_of(layer, x), len(layer.shape(x))))
    return y if beta is None else build.op("Add", y, tensor(layer, beta, type_of(layer, x), len(layer.shape(x))))


@operation("RMSNorm")
def rms_norm(layer: Layer, x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> ir.Value:
    """Over the root of the mean square along the axes; then `scale`, which stands for the last of them."""
    x, build = floats(layer, x), layer.build
    axes = list(axes_in(layer, axis, len(layer.shape(x))))
    squares = mean(layer, build.op("Mul", x, x), axes, keepdims=True)
    root = build.op("Sqrt", build.op("Add", squares, scalar(layer, 1e-7 if epsilon is None else epsilon, x)))
    y = build.op("Div", x, root)
    return y if scale is None else build.op("Mul", y, tensor(layer, scale, type_of(layer, x), len(layer.shape(x))))


@operation("BatchNorm")
def batch_norm(
    layer: Layer,
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any = None,
    scale: Any = None,
    *,
    axis: Any,
    epsilon: Any = 1e-3,
) -> ir.Value:
    """By given moments of each channel."""
    x, build = floats(layer, x), layer.build
    rank = len(layer.shape(x))
    spread = [1] * rank
    spread[axis_in(layer, axis, rank)] = -1

    def row(operand: Any) -> ir.Value:
        if isinstance(operand, ir.Value):
            raise layer.unsupported("computes its moments")
        return layer.constant(array_in(layer, operand).reshape(spread), "moment")

    y = build.op("Sub", x, row(mean))
    root = build.op("Sqrt", build.op("Add", row(variance), scalar(layer, epsilon, x)))
    y = build.op("Div", y, root)
    y = y if scale is None else build.op("Mul", y, row(scale))
    return y if offset is None else build.op("Add", y, row(offset))


def _old_format(layer: Layer, data_format: Any) -> str:
    if data_format not in (None, "NWC", "NHWC", "NCW", "NCHW"):
        raise layer.unsupported(f"has the data format {data_format!r}")
    return "channels_first" if data_format in ("NCW", "NCHW") else "channels_last"


def _old_padding(layer: Layer, padding: Any) -> str:
    if padding not in ("SAME", "VALID"):
        raise layer.unsupported(f"pads by {padding!r}")
    return str(padding).lower()


def _spatial(layer: Layer, numbers: Any, data_format: Any, axes: int) -> list[int]:
    """TensorFlow takes a number, one for each spatial axis, or one for each axis, of which the batch has 1."""
    given = list(wholes(layer, 1 if numbers is None else numbers, "numbers"))
    if len(given) == axes + 2:
        outer = (0, 1) if _old_format(layer, data_format) == "channels_first" else (0, axes + 1)
        if any(given[place] != 1 for place in outer):
            raise layer.unsupported(f"moves by {given}")
        return [number for place, number in enumerate(given) if place not in outer]
    return given


def _old_pool(family: str) -> LayerRule:
    def rule(layer: Layer, input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None) -> ir.Value:  # noqa: A002
        axes = len(layer.shape(given_tensor(layer, input))) - 2
        given = {
            "pool_size": _spatial(layer, ksize, data_format, axes),
            "strides": _spatial(layer, strides, data_format, axes),
            "padding": _old_padding(layer, padding),
            "data_format": _old_format(layer, data_format),
        }
        return as_layer(layer, family, input, given)

    return rule


function("nn.max_pool1d", "nn.max_pool2d", "nn.max_pool", "nn.max_pool_v2")(_old_pool("MaxPooling*"))
function("nn.avg_pool1d", "nn.avg_pool2d", "nn.avg_pool", "nn.avg_pool_v2")(_old_pool("AveragePooling*"))


@function("nn.conv1d", "nn.conv2d", "nn.convolution")
def conv(
    layer: Layer,
    input: Any,  # noqa: A002 (the name in TensorFlow)
    filters: Any,
    stride: Any = None,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    use_cudnn_on_gpu: Any = None,
) -> ir.Value:
    """A constant kernel `[*k, C, filters]`."""
    axes = len(layer.shape(given_tensor(layer, input))) - 2
    rule = _convolution("Conv*")
    result = rule(
        layer,
        input,
        filters,
        strides=_spatial(layer, stride if strides is None else strides, data_format, axes),
        padding=_old_padding(layer, padding),
        data_format=_old_format(layer, data_format),
        dilation_rate=_spatial(layer, dilations, data_format, axes),
    )
    assert isinstance(result, ir.Value)
    return result
