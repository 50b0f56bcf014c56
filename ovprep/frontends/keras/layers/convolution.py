"""Conv1D, DepthwiseConv1D, SeparableConv1D, Conv1DTranspose."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.registry import Layer, layer
from ovprep.frontends.keras.layers.spatial import from_ncw, padding_of, to_ncw
from ovprep.frontends.keras.weights import Array


@layer("Conv1D")
def conv1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Kernel `[k, C/groups, filters]` becomes `[filters, C/groups, k]`; dilation and groups stay attributes."""
    layer.expect_rank(x, 3)
    filters, groups = layer.whole("filters", least=1), layer.whole("groups", 1, least=1)
    kernel, channels = layer.whole("kernel_size", least=1), _channels(layer, x)
    if channels % groups or filters % groups:
        raise layer.invalid("groups")
    weights = layer.take(kernel=(kernel, channels // groups, filters), **_bias_shape(layer, filters))
    y = _conv(layer, to_ncw(layer, x), weights["kernel"].transpose(2, 1, 0), weights.get("bias"), groups)
    return _finish(layer, y)


@layer("DepthwiseConv1D")
def depthwise_conv1d(layer: Layer, x: ir.Value) -> ir.Value:
    """A convolution with one group per channel: output channel `c * multiplier + m` sees input channel `c`."""
    layer.expect_rank(x, 3)
    kernel, channels, multiplier = _depthwise_sizes(layer, x)
    weights = layer.take(kernel=(kernel, channels, multiplier), **_bias_shape(layer, channels * multiplier))
    y = _conv(layer, to_ncw(layer, x), _depthwise(weights["kernel"]), weights.get("bias"), groups=channels)
    return _finish(layer, y)


@layer("SeparableConv1D")
def separable_conv1d(layer: Layer, x: ir.Value) -> ir.Value:
    """A depthwise convolution, then a pointwise one."""
    layer.expect_rank(x, 3)
    kernel, channels, multiplier = _depthwise_sizes(layer, x)
    filters = layer.whole("filters", least=1)
    weights = layer.take(
        depthwise_kernel=(kernel, channels, multiplier),
        pointwise_kernel=(1, channels * multiplier, filters),
        **_bias_shape(layer, filters),
    )
    depthwise = _conv(layer, to_ncw(layer, x), _depthwise(weights["depthwise_kernel"]), None, groups=channels)
    pointwise = layer.constant(weights["pointwise_kernel"].transpose(2, 1, 0), "pointwise_kernel")
    return _finish(layer, layer.build.op("Conv", depthwise, pointwise, _bias(layer, weights.get("bias"))))


@layer("Conv1DTranspose")
def conv1d_transpose(layer: Layer, x: ir.Value) -> ir.Value:
    """Kernel `[k, filters, C]` becomes `[C, filters, k]`; padding and output length are those of TensorFlow.

    TensorFlow computes the gradient of a convolution that would have made the input from an output of the wanted
    length: full length `(W - 1) * stride + reach + 1`, less what "same" padding had added.
    """
    layer.expect_rank(x, 3)
    filters, kernel = layer.whole("filters", least=1), layer.whole("kernel_size", least=1)
    (stride, dilation), channels = _steps(layer), _channels(layer, x)
    weights = layer.take(kernel=(kernel, filters, channels), **_bias_shape(layer, filters))
    surplus = _transpose_surplus(layer, (kernel - 1) * dilation + 1, stride)
    before = max(surplus, 0) // 2
    y = layer.build.op(
        "ConvTranspose",
        to_ncw(layer, x),
        layer.constant(weights["kernel"].transpose(2, 1, 0), "kernel"),
        _bias(layer, weights.get("bias")),
        strides=(stride,),
        dilations=(dilation,),
        pads=(before, max(surplus, 0) - before),
        output_padding=(max(-surplus, 0),),
    )
    return _finish(layer, y)


def _transpose_surplus(layer: Layer, extent: int, stride: int) -> int:
    """How many samples the full result is longer than the wanted one (negative: shorter)."""
    padding = None if layer.get("output_padding") is None else layer.whole("output_padding", least=0)
    if padding is not None and padding >= stride:
        raise layer.invalid("output_padding")
    if layer.choice("padding", ("valid", "same")) == "valid":
        return -(max(extent, stride) - extent if padding is None else padding)
    if padding is None:
        return extent - stride
    return extent - extent % 2 - padding


def _conv(layer: Layer, ncw: ir.Value, kernel: Array, bias: Array | None, groups: int) -> ir.Value:
    stride, dilation = _steps(layer)
    return layer.build.op(
        "Conv",
        ncw,
        layer.constant(kernel, "kernel"),
        _bias(layer, bias),
        strides=(stride,),
        dilations=(dilation,),
        group=groups,
        **padding_of(layer, ncw, kernel.shape[2], stride, dilation, causal=True),
    )


def _finish(layer: Layer, ncw: ir.Value) -> ir.Value:
    return activate(layer, from_ncw(layer, ncw), layer.get("activation"))


def _steps(layer: Layer) -> tuple[int, int]:
    """Stride and dilation."""
    return layer.whole("strides", 1, least=1), layer.whole("dilation_rate", 1, least=1)


def _depthwise_sizes(layer: Layer, x: ir.Value) -> tuple[int, int, int]:
    """Taps, channels, and how many outputs there are for each channel."""
    multiplier = layer.whole("depth_multiplier", 1, least=1)
    return layer.whole("kernel_size", least=1), _channels(layer, x), multiplier


def _channels(layer: Layer, x: ir.Value) -> int:
    return layer.size(x, 1 if layer.channels_first else 2)


def _depthwise(kernel: Array) -> Array:
    """`[k, C, multiplier]` to `[C * multiplier, 1, k]`."""
    taps, channels, multiplier = kernel.shape
    return kernel.transpose(1, 2, 0).reshape(channels * multiplier, 1, taps)


def _bias_shape(layer: Layer, filters: int) -> dict[str, tuple[int, ...]]:
    return {"bias": (filters,)} if layer.flag("use_bias", True) else {}


def _bias(layer: Layer, bias: Array | None) -> ir.Value | None:
    return None if bias is None else layer.constant(bias, "bias")
