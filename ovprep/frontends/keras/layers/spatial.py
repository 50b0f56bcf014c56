"""What convolution, pooling and their like share: axes, going to channels first and back, the padding of TensorFlow.

Layers of one spatial axis and of two are the same here: sizes are tuples of `[w]` or of `[h, w]`.
"""

from collections.abc import Mapping
from typing import Any

import onnx_ir as ir

from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer

Sizes = tuple[int, ...]
"""One number for each spatial axis."""


def spatial_rank(layer: Layer, x: ir.Value) -> int:
    """How many spatial axes the layer has, by the name of its class. Raises ModelError where `x` has not as many."""
    axes = 2 if "2D" in layer.spec.class_name else 1
    layer.expect_rank(x, axes + 2)
    return axes


def spatial_axes(layer: Layer, x: ir.Value) -> Sizes:
    """The places of the spatial axes in the layer's input: `[N, W, C]`, `[N, H, W, C]`, or with the channels second."""
    first = 2 if layer.channels_first else 1
    return tuple(range(first, first + spatial_rank(layer, x)))


def channels_of(layer: Layer, x: ir.Value) -> int:
    """The number of channels of the layer's input."""
    return layer.size(x, 1 if layer.channels_first else -1)


def to_ncw(layer: Layer, x: ir.Value) -> ir.Value:
    """The layer's input with its channels second, NCW or NCHW, which is what ONNX's spatial operators take."""
    if layer.channels_first:
        return x
    rank = len(layer.shape(x))
    return layer.build.op("Transpose", x, perm=(0, rank - 1, *range(1, rank - 1)))


def from_ncw(layer: Layer, y: ir.Value) -> ir.Value:
    """The inverse of `to_ncw`, for the layer's output."""
    if layer.channels_first:
        return y
    return layer.build.op("Transpose", y, perm=(0, *range(2, len(layer.shape(y))), 1))


def padding_of(
    layer: Layer, ncw: ir.Value, kernel: Sizes, strides: Sizes, dilations: Sizes, *, causal: bool = False
) -> Mapping[str, Any]:
    """The attributes that say how a window of `kernel` taps is padded; `causal` where the layer may ask for that.

    "same" gives ceil(W / stride) steps and puts the odd sample at the end:
    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    reaches = [(taps - 1) * dilation for taps, dilation in zip(kernel, dilations, strict=True)]
    mode = layer.choice("padding", ("valid", "same", "causal") if causal else ("valid", "same"))
    if mode == "valid":
        return {"pads": (0,) * (2 * len(kernel))}
    if mode == "causal":
        return {"pads": (*reaches, *[0] * len(kernel))}
    totals = []
    for size, reach, stride in zip(layer.shape(ncw)[2:], reaches, strides, strict=True):
        if stride > 1 and size is None:
            return {"auto_pad": "SAME_UPPER"}
        # With stride 1 the padding does not depend on the size.
        totals.append(reach if size is None else max((-(-size // stride) - 1) * stride + reach + 1 - size, 0))
    return {"pads": (*[total // 2 for total in totals], *[total - total // 2 for total in totals])}


def ends_of(layer: Layer, key: str, axes: int, default: int) -> list[tuple[int, int]]:
    """An entry that tells for each spatial axis how many samples it is about, before and after.

    One axis: `n` or `[before, after]`. Two axes: `n`, `[h, w]`, or `[[top, bottom], [left, right]]`, where `default`
    is what a missing entry means.
    """
    if axes == 1:
        return [layer.pair(key)]
    given = layer.get(key, default)
    entries = given if isinstance(given, list) else [given] * axes
    pairs = [entry if isinstance(entry, list) else [entry, entry] for entry in entries]
    sound = all(len(pair) == 2 and all(is_whole(number) and number >= 0 for number in pair) for pair in pairs)
    if len(pairs) != axes or not sound:
        raise layer.invalid(key)
    return [(before, after) for before, after in pairs]
