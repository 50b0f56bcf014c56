"""Convolution of every kind, over one spatial axis or two: `*k` below is `w` or `h, w`."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.spatial import Sizes, channels_of, from_ncw, padding_of, spatial_rank, to_ncw
from ovprep.frontends.keras.weights import Array
from ovprep.graph.constants import ints_of


@layer("Conv1D", "Conv2D")
def conv(layer: Layer, x: ir.Value) -> ir.Value:
    """Kernel `[*k, C/groups, filters]` becomes `[filters, C/groups, *k]`; dilation and groups stay attributes.

    Keras 2 takes further axes behind the batch, as `[N, 1, W, C]`, and treats them as a part of it.
    """
    x, whole = _one_batch_axis(layer, x), x
    axes = spatial_rank(layer, x)
    filters, groups = layer.whole("filters", least=1), layer.whole("groups", 1, least=1)
    kernel, channels = layer.wholes("kernel_size", axes, least=1), channels_of(layer, x)
    if channels % groups or filters % groups:
        raise layer.invalid("groups")
    weights = layer.take(kernel=(*kernel, channels // groups, filters), **_bias_shape(layer, filters))
    y = _conv(layer, to_ncw(layer, x), _filters_first(weights["kernel"]), weights.get("bias"), groups)
    return _all_batch_axes(layer, _finish(layer, y), whole)


@layer("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_conv(layer: Layer, x: ir.Value) -> ir.Value:
    """A convolution with one group per channel: output channel `c * multiplier + m` sees input channel `c`.

    Keras 2 states `groups` too, but never used it, and calls the kernel `depthwise_kernel`.
    """
    shape = _depthwise_shape(layer, x)
    channels, multiplier = shape[-2:]
    name = "depthwise_kernel" if layer.stores("depthwise_kernel") else "kernel"
    weights = layer.take(**{name: shape}, **_bias_shape(layer, channels * multiplier))
    y = _conv(layer, to_ncw(layer, x), _depthwise(weights[name]), weights.get("bias"), groups=channels)
    return _finish(layer, y)


@layer("SeparableConv1D", "SeparableConv2D")
def separable_conv(layer: Layer, x: ir.Value) -> ir.Value:
    """A depthwise convolution, then a pointwise one."""
    shape = _depthwise_shape(layer, x)
    (channels, multiplier), filters = shape[-2:], layer.whole("filters", least=1)
    weights = layer.take(
        depthwise_kernel=shape,
        pointwise_kernel=(*[1] * (len(shape) - 2), channels * multiplier, filters),
        **_bias_shape(layer, filters),
    )
    kernel = _depthwise(weights["depthwise_kernel"])
    depthwise = _conv(layer, to_ncw(layer, x), kernel, None, groups=channels, name="depthwise_kernel")
    pointwise = layer.constant(_filters_first(weights["pointwise_kernel"]), "pointwise_kernel")
    return _finish(layer, layer.build.op("Conv", depthwise, pointwise, _bias(layer, weights.get("bias"))))


@layer("Conv1DTranspose", "Conv2DTranspose")
def conv_transpose(layer: Layer, x: ir.Value) -> ir.Value:
    """Kernel `[*k, filters, C]` becomes `[C, filters, *k]`; padding and output size are those of TensorFlow.

    TensorFlow computes the gradient of a convolution that would have made the input from an output of the wanted
    size: full size `(W - 1) * stride + reach + 1`, less what "same" padding had added, on each axis.
    """
    axes = spatial_rank(layer, x)
    filters, kernel = layer.whole("filters", least=1), layer.wholes("kernel_size", axes, least=1)
    (strides, dilations), channels = _steps(layer, axes), channels_of(layer, x)
    weights = layer.take(kernel=(*kernel, filters, channels), **_bias_shape(layer, filters))
    extents = tuple((taps - 1) * dilation + 1 for taps, dilation in zip(kernel, dilations, strict=True))
    surplus = _transpose_surplus(layer, extents, strides)
    before = [max(samples, 0) // 2 for samples in surplus]
    after = [max(samples, 0) - max(samples, 0) // 2 for samples in surplus]
    y = layer.build.op(
        "ConvTranspose",
        to_ncw(layer, x),
        layer.constant(_filters_first(weights["kernel"]), "kernel"),
        _bias(layer, weights.get("bias")),
        strides=strides,
        dilations=dilations,
        pads=(*before, *after),
        output_padding=tuple(max(-samples, 0) for samples in surplus),
    )
    return _finish(layer, y)


def _transpose_surplus(layer: Layer, extents: Sizes, strides: Sizes) -> list[int]:
    """How many samples the full result is longer than the wanted one (negative: shorter), on each axis."""
    stated = layer.get("output_padding") is not None
    paddings = layer.wholes("output_padding", len(strides), least=0) if stated else (None,) * len(strides)
    valid = layer.choice("padding", ("valid", "same")) == "valid"
    surplus = []
    for extent, stride, padding in zip(extents, strides, paddings, strict=True):
        if padding is not None and padding >= stride:
            raise layer.invalid("output_padding")
        if valid:
            surplus.append(-(max(extent, stride) - extent if padding is None else padding))
        else:
            surplus.append(extent - stride if padding is None else extent - extent % 2 - padding)
    return surplus


def _conv(
    layer: Layer, ncw: ir.Value, kernel: Array, bias: Array | None, groups: int, name: str = "kernel"
) -> ir.Value:
    taps = kernel.shape[2:]
    strides, dilations = _steps(layer, len(taps))
    return layer.build.op(
        "Conv",
        ncw,
        layer.constant(kernel, name),
        _bias(layer, bias),
        strides=strides,
        dilations=dilations,
        group=groups,
        **padding_of(layer, ncw, taps, strides, dilations, causal=len(taps) == 1),
    )


def _batch_axes(layer: Layer, x: ir.Value) -> tuple[int | None, ...]:
    """The sizes of the axes between the batch and those that the layer works on."""
    shape = layer.shape(x)
    return shape[1 : len(shape) - (4 if "2D" in layer.spec.class_name else 3) + 1]


def _one_batch_axis(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, *outer, *w, C]` to `[N * outer, *w, C]`."""
    build, outer, made = layer.build, _batch_axes(layer, x), x.producer()
    if not outer:
        return x
    if set(outer) == {1}:
        axes = tuple(range(1, len(outer) + 1))
        if made is not None and made.op_type == "Unsqueeze" and ints_of(made, "axes", 1) == axes:
            return made.inputs[0] or x  # of another convolution like this one
        return build.op("Squeeze", x, build.ints(*axes, name="axes"))
    sizes = layer.shape(x)[1 + len(outer) :]
    if None in (*sizes, *outer):
        raise layer.unsupported(f"works on {list(layer.shape(x))}, of which the batch alone may be open")
    return build.op("Reshape", x, build.ints(-1, *(size or 0 for size in sizes), name="shape"))


def _all_batch_axes(layer: Layer, y: ir.Value, whole: ir.Value) -> ir.Value:
    """The inverse of `_one_batch_axis`, for the layer's output."""
    build, outer = layer.build, _batch_axes(layer, whole)
    if set(outer) <= {1}:
        return build.op("Unsqueeze", y, build.ints(*range(1, len(outer) + 1), name="axes")) if outer else y
    return build.op("Reshape", y, build.ints(-1, *(size or 0 for size in (*outer, *layer.shape(y)[1:])), name="shape"))


def _finish(layer: Layer, ncw: ir.Value) -> ir.Value:
    return activate(layer, from_ncw(layer, ncw), layer.get("activation"))


def _steps(layer: Layer, axes: int) -> tuple[Sizes, Sizes]:
    """Strides and dilations."""
    return layer.wholes("strides", axes, 1, least=1), layer.wholes("dilation_rate", axes, 1, least=1)


def _depthwise_shape(layer: Layer, x: ir.Value) -> Sizes:
    """Taps, channels, and how many outputs there are for each channel."""
    taps = layer.wholes("kernel_size", spatial_rank(layer, x), least=1)
    return (*taps, channels_of(layer, x), layer.whole("depth_multiplier", 1, least=1))


def _filters_first(kernel: Array) -> Array:
    """`[*k, a, b]` to `[b, a, *k]`."""
    axes = kernel.ndim - 2
    return kernel.transpose(axes + 1, axes, *range(axes))


def _depthwise(kernel: Array) -> Array:
    """`[*k, C, multiplier]` to `[C * multiplier, 1, *k]`."""
    *taps, channels, multiplier = kernel.shape
    axes = len(taps)
    return kernel.transpose(axes, axes + 1, *range(axes)).reshape(channels * multiplier, 1, *taps)


def _bias_shape(layer: Layer, filters: int) -> dict[str, tuple[int, ...]]:
    return {"bias": (filters,)} if layer.flag("use_bias", True) else {}


def _bias(layer: Layer, bias: Array | None) -> ir.Value | None:
    return None if bias is None else layer.constant(bias, "bias")
