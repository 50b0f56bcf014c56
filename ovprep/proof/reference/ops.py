"""Operators that `onnx.reference` computes wrongly, in float32, or too slowly; given to it as its custom operators.

    Conv            onnx 1.23 multiplies with the zeros between dilated taps: 1,025 taps for three at dilation 512
    ConvTranspose   with groups, onnx 1.23 writes each group's channels into a single one; and it loops over samples
    AveragePool     onnx 1.23 loops over output samples: 3.4 s for [4, 64, 4000]
    MaxPool         onnx 1.23 loops at rank 4: 9 of 13 s for a spectrogram network on 4 s of speech
    GlobalMaxPool   onnx 1.23 drops an axis at rank 3
    Erf             onnx 1.23 computes in float32 whatever the input
    GatherElements  onnx 1.23 cannot take more than 64 places, as numpy's `choose`

Imports onnx: import this module when a run is about to happen, not before.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from ovprep.proof.reference.kernels import Window, average_pool, conv, conv_transpose, max_pool
from ovprep.workers.arrays import Array

_erf = np.vectorize(math.erf, otypes=[np.float64])


class Conv(OpRun):
    """Conv of the default domain."""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        window = Window.of(w.shape[2:], strides, dilations, pads).same(auto_pad, x.shape[2:])
        return (_with_bias(conv(x, w, window, group or 1), b),)


class ConvTranspose(OpRun):
    """ConvTranspose of the default domain."""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        output_padding: Sequence[int] | None = None,
        output_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        window = Window.of(w.shape[2:], strides, dilations, pads)
        spatial = x.shape[2:]
        extra = output_padding or [0] * len(spatial)
        lengths = [
            stride * (size - 1) + span + more
            for size, stride, span, more in zip(spatial, window.strides, window.spans, extra, strict=True)
        ]
        if output_shape is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            output_shape = [size * stride for size, stride in zip(spatial, window.strides, strict=True)]
        if output_shape is None:
            around = zip(lengths, window.heads, window.tails, strict=True)
            out = [length - head - tail for length, head, tail in around]
        else:
            out = list(output_shape)[-len(spatial) :]
            totals = [length - wanted for length, wanted in zip(lengths, out, strict=True)]
            window = window.padded_as("SAME_UPPER" if auto_pad == "SAME_UPPER" else "SAME_LOWER", totals)
        return (_with_bias(conv_transpose(x, w, window, out, group or 1), b),)


class AveragePool(OpRun):
    """AveragePool of the default domain."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        count_include_pad: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        window = Window.of(kernel_shape or (), strides, dilations, pads).same(auto_pad, x.shape[2:])
        return (average_pool(x, window, ceil=bool(ceil_mode), count_padding=bool(count_include_pad)),)


class MaxPool(OpRun):
    """MaxPool of the default domain, without its indices."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        dilations: Sequence[int] | None = None,
        kernel_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        storage_order: int | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Array]:
        if len(self.onnx_node.output) > 1:
            raise NotImplementedError("MaxPool with indices")
        window = Window.of(kernel_shape or (), strides, dilations, pads).same(auto_pad, x.shape[2:])
        return (max_pool(x, window, ceil=bool(ceil_mode)),)


class GlobalMaxPool(OpRun):
    """GlobalMaxPool of the default domain."""

    def _run(self, x: Array) -> tuple[Array]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class Erf(OpRun):
    """Erf of the default domain, in the precision of its input."""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.asarray(_erf(x), x.dtype) if x.size else x,)


class GatherElements(OpRun):
    """GatherElements of the default domain; negative indices count from the end."""

    def _run(self, x: Array, indices: Array, axis: int | None = None) -> tuple[Array]:
        axis = axis or 0
        region = tuple(slice(size) for size in indices.shape)  # of the other axes the indices may leave out the end
        part = x[(*region[:axis], slice(None), *region[axis % x.ndim + 1 :])]
        return (np.take_along_axis(part, indices % x.shape[axis], axis),)


def _with_bias(array: Array, bias: Array | None) -> Array:
    return array if bias is None else array + bias.reshape(1, -1, *[1] * (array.ndim - 2))


OPERATORS: tuple[Any, ...] = (Conv, ConvTranspose, AveragePool, MaxPool, GlobalMaxPool, Erf, GatherElements)
