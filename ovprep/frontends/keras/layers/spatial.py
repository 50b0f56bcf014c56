"""What convolution and pooling share: going to NCW and back, and the padding of TensorFlow."""

from collections.abc import Mapping
from typing import Any

import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer

NWC_NCW = (0, 2, 1)
"""Swaps channels and time; its own inverse."""


def to_ncw(layer: Layer, x: ir.Value) -> ir.Value:
    """The layer's input `[N, W, C]` or `[N, C, W]` as NCW, which is what ONNX's spatial operators take."""
    return x if layer.channels_first else layer.build.op("Transpose", x, perm=NWC_NCW)


def from_ncw(layer: Layer, y: ir.Value) -> ir.Value:
    """The inverse of `to_ncw`, for the layer's output."""
    return to_ncw(layer, y)


def padding_of(
    layer: Layer, ncw: ir.Value, kernel: int, stride: int, dilation: int = 1, *, causal: bool = False
) -> Mapping[str, Any]:
    """The attributes that say how a window of `kernel` taps is padded; `causal` where the layer may ask for that.

    "same" gives ceil(W / stride) steps and puts the odd sample at the end:
    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    reach = (kernel - 1) * dilation
    mode = layer.choice("padding", ("valid", "same", "causal") if causal else ("valid", "same"))
    if mode == "valid":
        return {"pads": (0, 0)}
    if mode == "causal":
        return {"pads": (reach, 0)}
    width = layer.shape(ncw)[2]
    if stride > 1 and width is None:
        return {"auto_pad": "SAME_UPPER"}
    # With stride 1 the padding does not depend on the width.
    total = reach if width is None else max((-(-width // stride) - 1) * stride + reach + 1 - width, 0)
    return {"pads": (total // 2, total - total // 2)}
