"""Pools."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.windows import Windows, windows_of
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import int_of, ints_of


@emits("GlobalAveragePool", "GlobalMaxPool", domain=LAST)
def global_pool(writer: Writer, node: ir.Node) -> Tensor:
    """`[N, W, C]` to `[N, 1, C]`."""
    axes = len(shape_of(node.inputs[0])) - 2
    kind = "Average" if node.op_type == "GlobalAveragePool" else "Max"
    return writer.layer(
        node, f"Global{kind}Pooling{axes}D", writer.first(node), keepdims=True, data_format="channels_last"
    )


@emits("MaxPool", domain=LAST)
def max_pool(writer: Writer, node: ir.Node) -> Tensor:
    """Padded with minus infinity, which no window chooses."""
    windows = _windows(writer, node)
    if len(node.outputs) > 1 and (node.outputs[1].uses() or node.outputs[1].is_graph_output()):
        raise writer.refusal(node, "gives indices")
    x, padding = writer.first(node), _padding_of(windows)
    if padding is None or (padding == "same" and max(windows.dilations) > 1):
        lowest = -np.inf if x.dtype.startswith(("float", "bfloat")) else int(np.iinfo(x.dtype).min)
        x, padding = writer.ops.pad(x, ((0, 0), *windows.pads, (0, 0)), constant_values=lowest), "valid"
    if max(windows.dilations) > 1:
        return _dilated_max(writer, x, windows)
    return _pool(writer, node, x, "Max", windows, padding)


def _dilated_max(writer: Writer, x: Tensor, windows: Windows) -> Tensor:
    """The largest of all taps of an input that is padded by now, one axis after the other."""
    for axis, (taps, stride, dilation, reach) in enumerate(
        zip(windows.taps, windows.strides, windows.dilations, windows.reach, strict=True), start=1
    ):
        lead = (slice(None),) * axis
        # The last tap goes to the end, and each other one ends as far before it as it begins.
        ends = [tap * dilation - reach + 1 for tap in range(taps)]
        parts = [x[(*lead, slice(tap * dilation, end or None, stride))] for tap, end in enumerate(ends)]
        x = parts[0]
        for part in parts[1:]:
            x = writer.ops.maximum(x, part)
    return x


@emits("AveragePool", domain=LAST)
def average_pool(writer: Writer, node: ir.Node) -> Tensor:
    """Keras leaves padding out of the mean; what ONNX counts, and what ceil_mode adds, is put right by a factor.

    A mean over k taps of which n count is k / n times too small; with count_include_pad all count but those that
    ceil_mode has added.
    """
    windows = _windows(writer, node)
    if max(windows.dilations) > 1:
        raise writer.refusal(node, "is dilated")
    counted = bool(int_of(node, "count_include_pad", 0))
    x, padding = writer.first(node), _padding_of(windows)
    if padding == "valid" or (padding == "same" and not counted):
        return _pool(writer, node, x, "Average", windows, padding)
    kind = f"ZeroPadding{len(windows.taps)}D"
    pads = windows.pads if len(windows.pads) > 1 else windows.pads[0]
    if counted and not any(windows.extra):
        return _pool(
            writer,
            node,
            writer.layer(node, kind, x, suffix="padding", inner=True, padding=pads),
            "Average",
            windows,
            "valid",
        )
    if None in windows.lengths:
        raise writer.refusal(node, "leaves padding out along an open axis")
    padded = writer.layer(node, kind, x, suffix="padding", inner=True, padding=pads)
    mean = _pool(writer, node, padded, "Average", windows, "valid", inner=True)
    return writer.ops.multiply(mean, _factors(windows, counted))


def _factors(windows: Windows, counted: bool) -> Any:
    """Taps over taps that count, of each window `[1, *V, 1]`."""
    factor = np.ones((1,) * (len(windows.taps) + 2), np.float64)
    for axis, (length, taps, stride) in enumerate(zip(windows.lengths, windows.taps, windows.strides, strict=True)):
        assert length is not None
        before, after, extra = windows.before[axis], windows.after[axis], windows.extra[axis]
        counts = np.zeros(before + length + after)
        counts[0 if counted else before : before + length + (after - extra if counted else 0)] = 1
        sums = np.array([counts[at : at + taps].sum() for at in range(0, len(counts) - taps + 1, stride)])
        shape = [1] * factor.ndim
        shape[axis + 1] = -1
        factor = factor * (taps / sums).reshape(shape)
    return factor.astype(np.float32)


def _windows(writer: Writer, node: ir.Node) -> Windows:
    axes = len(shape_of(node.inputs[0])) - 2
    if axes not in (1, 2, 3):
        raise writer.refusal(node, f"has {axes} spatial axes")
    return windows_of(writer, node, ints_of(node, "kernel_shape") or ())


def _padding_of(windows: Windows) -> str | None:
    """Keras' word for the padding, None where it has none."""
    if not windows.padded:
        return "valid"
    return "same" if windows.is_same else None


def _pool(
    writer: Writer, node: ir.Node, x: Tensor, kind: str, windows: Windows, padding: str, inner: bool = False
) -> Tensor:
    return writer.layer(
        node,
        f"{kind}Pooling{len(windows.taps)}D",
        x,
        inner=inner,
        pool_size=windows.taps,
        strides=windows.strides,
        padding=padding,
        data_format="channels_last",
    )
