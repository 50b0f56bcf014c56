"""Transposed convolutions."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import Array, int_of, ints_of


@emits("ConvTranspose", domain=LAST)
def transposed_convolution(writer: Writer, node: ir.Node) -> Tensor:
    """A Conv1DTranspose to Conv3DTranspose, cropped; the kernel `[C, F / groups, *k]` becomes `[*k, F / groups, C]`.

    ONNX crops the whole result, of length `(W - 1) * stride + reach`, by its pads. What output_padding then asks for
    behind the end has no taps, only the bias: zeros are added to the kernel. So they are between the taps for a
    dilation, which Keras takes for some strides alone.
    """
    kernel, bias = writer.array(node, 1, "weights"), writer.optional(node, 2, "biases")
    axes, groups = kernel.ndim - 2, int_of(node, "group", 1)
    if axes not in (1, 2, 3):
        raise writer.refusal(node, f"has {axes} spatial axes")
    strides = ints_of(node, "strides") or (1,) * axes
    kernel = _dilated(kernel, ints_of(node, "dilations") or (1,) * axes)
    crops = _crops(writer, node, kernel.shape[2:], strides)
    kernel = np.pad(kernel, [(0, 0), (0, 0), *((0, max(-end, 0)) for _, end in crops)])
    # Where the taps do not reach the next stride, Keras goes on to it.
    rest = [max(stride - taps, 0) for stride, taps in zip(strides, kernel.shape[2:], strict=True)]
    crops = [(begin, max(end, 0) + more) for (begin, end), more in zip(crops, rest, strict=True)]
    cropped = any(any(crop) for crop in crops)
    config: dict[str, Any] = {
        "kernel_size": kernel.shape[2:],
        "strides": strides,
        "padding": "valid",
        "data_format": "channels_last",
        "use_bias": bias is not None,
        "filters": kernel.shape[1],
    }
    kind, x = f"Conv{axes}DTranspose", writer.first(node)
    if groups == 1:
        y = writer.layer(node, kind, x, _weights(kernel, bias), inner=cropped, **config)
    else:
        parts = writer.ops.split(x, groups, axis=-1)
        biases = [None] * groups if bias is None else np.split(bias, groups)
        made = [
            writer.layer(node, kind, part, _weights(taps, shift), inner=True, **config)
            for part, taps, shift in zip(parts, np.split(kernel, groups), biases, strict=True)
        ]
        y = writer.layer(node, "Concatenate", made, suffix="groups", inner=cropped, axis=-1)
    if not cropped:
        return y
    return writer.layer(node, f"Cropping{axes}D", y, suffix="crop", cropping=tuple(crops) if axes > 1 else crops[0])


def _weights(kernel: Array, bias: Array | None) -> list[Array]:
    turned = np.moveaxis(kernel, (0, 1), (-1, -2))
    return [turned] if bias is None else [turned, bias]


def _dilated(kernel: Array, dilations: tuple[int, ...]) -> Array:
    """The kernel with zeros between its taps."""
    if set(dilations) == {1}:
        return kernel
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip(kernel.shape[2:], dilations, strict=True)]
    spread = np.zeros((*kernel.shape[:2], *reach), kernel.dtype)
    spread[(slice(None), slice(None), *(slice(None, None, dilation) for dilation in dilations))] = kernel
    return spread


def _crops(writer: Writer, node: ir.Node, reach: tuple[int, ...], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """What goes at the beginning and the end of each axis; less than nothing where samples are added at the end."""
    axes = len(reach)
    more = ints_of(node, "output_padding") or (0,) * axes
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    shape = ints_of(node, "output_shape")
    if shape is None and not padding.startswith("SAME"):
        pads = (0,) * (2 * axes) if padding == "VALID" else ints_of(node, "pads") or (0,) * (2 * axes)
        return [(begin, end - extra) for begin, end, extra in zip(pads[:axes], pads[axes:], more, strict=True)]
    lengths = shape_of(node.inputs[0])[1:-1]
    wanted: tuple[int | None, ...] = shape or tuple(
        None if n is None else n * stride for n, stride in zip(lengths, strides, strict=True)
    )
    crops = []
    for length, goal, window, stride, extra in zip(lengths, wanted, reach, strides, more, strict=True):
        if length is None or goal is None:
            raise writer.refusal(node, "pads an open axis by its length")
        total = (length - 1) * stride + extra + window - goal
        begin = total // 2 if padding == "SAME_UPPER" else total - total // 2
        crops.append((begin, total - begin - extra))
    return crops
