"""Convolutions."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.windows import Windows, windows_of
from ovprep.emit.keras.writer import Tensor, Writer
from ovprep.graph.constants import Array, int_of


@emits("Conv", domain=LAST)
def convolution(writer: Writer, node: ir.Node) -> Tensor:
    """A Conv1D to Conv3D, or a depthwise one; the kernel `[F, C / groups, *k]` becomes `[*k, C / groups, F]`.

    A stride and a dilation at once, which Keras refuses, are a dilated convolution of which every stride-th is taken.
    """
    kernel = writer.array(node, 1, "weights")
    bias = writer.optional(node, 2, "biases")
    axes = kernel.ndim - 2
    if axes not in (1, 2, 3):
        raise writer.refusal(node, f"has {axes} spatial axes")
    windows = windows_of(writer, node, kernel.shape[2:])
    groups, channels = int_of(node, "group", 1), kernel.shape[1] * int_of(node, "group", 1)
    depthwise = groups == channels > 1 and axes < 3
    picks = max(windows.strides) > 1 and (
        max(windows.dilations) > 1 or (depthwise and len(set(windows.strides)) > 1)  # TensorFlow has one stride there
    )
    slid = replace(windows, strides=(1,) * axes) if picks else windows
    x, padding = _padded(writer, node, slid, causal=not depthwise)
    config: dict[str, Any] = {
        "kernel_size": windows.taps,
        "strides": slid.strides,
        "dilation_rate": windows.dilations,
        "padding": padding,
        "data_format": "channels_last",
        "use_bias": bias is not None,
    }
    if depthwise:
        kind, config["depth_multiplier"] = f"DepthwiseConv{axes}D", kernel.shape[0] // groups
        turned = _depthwise(kernel, groups)
    else:
        kind, config["filters"], config["groups"] = f"Conv{axes}D", kernel.shape[0], groups
        turned = np.moveaxis(kernel, (0, 1), (-1, -2))
    y = writer.layer(node, kind, x, [turned] if bias is None else [turned, bias], inner=picks, **config)
    return _every_nth(writer, node, y, windows) if picks else y


def _depthwise(kernel: Array, groups: int) -> Array:
    """`[C * m, 1, *k]` to `[*k, C, m]`."""
    split = kernel.reshape(groups, -1, *kernel.shape[2:])
    return np.moveaxis(split, (0, 1), (-2, -1))


def _padded(writer: Writer, node: ir.Node, windows: Windows, causal: bool) -> tuple[Tensor, str]:
    """The input and the padding to give the layer; zeros of their own where Keras has no word for them."""
    x = writer.first(node)
    if not windows.padded:
        return x, "valid"
    if windows.is_same:
        return x, "same"
    if causal and windows.is_causal:
        return x, "causal"
    return zero_padded(writer, node, x, windows), "valid"


def zero_padded(writer: Writer, node: ir.Node, x: Tensor, windows: Windows) -> Tensor:
    """The input between zeros."""
    pads = windows.pads if len(windows.pads) > 1 else windows.pads[0]
    return writer.layer(node, f"ZeroPadding{len(windows.pads)}D", x, suffix="padding", inner=True, padding=pads)


def _every_nth(writer: Writer, node: ir.Node, x: Tensor, windows: Windows) -> Tensor:
    axes = len(windows.taps)
    return writer.layer(node, f"MaxPooling{axes}D", x, suffix="stride", pool_size=(1,) * axes, strides=windows.strides)
