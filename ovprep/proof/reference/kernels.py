"""Convolution, transposed convolution and average pooling in NumPy, at the precision of their inputs.

One array operation per tap of the kernel, whatever the dilation; any number of spatial axes.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ovprep.workers.arrays import Array

_ALL = slice(None)
Index = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    """How a kernel moves over the spatial axes; one number per axis, and two for the padding of each."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    heads: tuple[int, ...]
    tails: tuple[int, ...]

    @classmethod
    def of(
        cls,
        kernel: Sequence[int],
        strides: Sequence[int] | None,
        dilations: Sequence[int] | None,
        pads: Sequence[int] | None,
    ) -> Self:
        """From ONNX attributes, where missing ones mean 1, 1 and 0, and `pads` holds all heads, then all tails."""
        rank = len(kernel)
        ones = (1,) * rank
        around = tuple(pads or (0,) * (2 * rank))
        return cls(tuple(kernel), tuple(strides or ones), tuple(dilations or ones), around[:rank], around[rank:])

    @property
    def spans(self) -> tuple[int, ...]:
        """Samples from the first tap to the last, both included."""
        return tuple((taps - 1) * step + 1 for taps, step in zip(self.kernel, self.dilations, strict=True))

    def padded_as(self, auto_pad: str | None, totals: Sequence[int]) -> Self:
        """With each axis' total padding split as SAME_UPPER (odd one at the end) or SAME_LOWER asks."""
        if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
            return self
        small = tuple(max(0, total) // 2 for total in totals)
        large = tuple(max(0, total) - half for total, half in zip(totals, small, strict=True))
        heads, tails = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
        return type(self)(self.kernel, self.strides, self.dilations, heads, tails)

    def same(self, auto_pad: str | None, spatial: Sequence[int]) -> Self:
        """With the padding that `auto_pad` asks of a convolution or pooling over axes of these sizes."""
        totals = [
            (-(-size // stride) - 1) * stride + span - size
            for size, stride, span in zip(spatial, self.strides, self.spans, strict=True)
        ]
        return self.padded_as(auto_pad, totals)

    def taps(self, lengths: Sequence[int]) -> Iterator[tuple[Index, Index]]:
        """Each tap of the kernel with the samples that it meets at `lengths` positions, as two spatial indices."""
        for tap in itertools.product(*(range(taps) for taps in self.kernel)):
            samples = tuple(
                slice(index * step, index * step + (length - 1) * stride + 1, stride)
                for index, step, length, stride in zip(tap, self.dilations, lengths, self.strides, strict=True)
            )
            yield tap, samples


def conv(x: Array, w: Array, window: Window, group: int) -> Array:
    """Convolution of `x` [N, C, *spatial] with `w` [M, C/group, *kernel]; returns [N, M, *out]."""
    padded = np.pad(x, [(0, 0), (0, 0), *zip(window.heads, window.tails, strict=True)])
    out = [
        (size - span) // stride + 1
        for size, span, stride in zip(padded.shape[2:], window.spans, window.strides, strict=True)
    ]
    weights = w.reshape(group, w.shape[0] // group, *w.shape[1:])
    total: Array = np.zeros((x.shape[0], group, w.shape[0] // group, math.prod(out)), x.dtype)
    for tap, samples in window.taps(out):
        index: Index = (_ALL, _ALL, *samples)
        part = padded[index].reshape(x.shape[0], group, w.shape[1], -1)
        total += _tap(weights, tap) @ part
    return total.reshape(x.shape[0], w.shape[0], *out)


def conv_transpose(x: Array, w: Array, window: Window, size: Sequence[int], group: int) -> Array:
    """Transposed convolution of `x` [N, C, *spatial] with `w` [C, M/group, *kernel]; returns [N, M, *size].

    `size` samples are cut out after the padding at the head; where they reach beyond the last tap they are zero.
    """
    spatial = x.shape[2:]
    full = [
        max((length - 1) * stride + span, head + wanted)
        for length, stride, span, head, wanted in zip(
            spatial, window.strides, window.spans, window.heads, size, strict=True
        )
    ]
    weights = w.reshape(group, w.shape[0] // group, *w.shape[1:])
    grouped = x.reshape(x.shape[0], group, x.shape[1] // group, -1)
    total: Array = np.zeros((x.shape[0], group, w.shape[1], *full), x.dtype)
    for tap, samples in window.taps(spatial):
        part = _tap(weights, tap).transpose(0, 2, 1) @ grouped
        index: Index = (_ALL, _ALL, _ALL, *samples)
        total[index] += part.reshape(*part.shape[:3], *spatial)
    crop: Index = (_ALL, _ALL, *(slice(head, head + wanted) for head, wanted in zip(window.heads, size, strict=True)))
    return np.asarray(total.reshape(x.shape[0], group * w.shape[1], *full)[crop])


def average_pool(x: Array, window: Window, *, ceil: bool, count_padding: bool) -> Array:
    """Average pooling of `x` [N, C, *spatial]: the sum over the taps divided by how many of them count.

    Padding counts where `count_padding` says so; what a rounded-up (`ceil`) window reaches beyond it never does.
    """
    out, beyond = _pooled(x, window, ceil=ceil)
    around = list(zip(window.heads, window.tails, strict=True))
    values = np.pad(np.pad(x, [(0, 0), (0, 0), *around]), [(0, 0), (0, 0), *beyond])
    counts = np.pad(np.pad(np.ones(x.shape[2:]), around, constant_values=float(count_padding)), beyond)
    total: Array = np.zeros((*x.shape[:2], *out), x.dtype)
    number: Array = np.zeros(out)
    for _, samples in window.taps(out):
        index: Index = (_ALL, _ALL, *samples)
        total += values[index]
        number += counts[samples]
    return np.asarray(total / number, x.dtype)


def max_pool(x: Array, window: Window, *, ceil: bool) -> Array:
    """Maximum pooling of `x` [N, C, *spatial] of floats; padding never wins."""
    out, beyond = _pooled(x, window, ceil=ceil)
    around = [(head, tail + more) for head, tail, (_, more) in zip(window.heads, window.tails, beyond, strict=True)]
    values = np.pad(x, [(0, 0), (0, 0), *around], constant_values=-np.inf)
    largest: Array = np.full((*x.shape[:2], *out), -np.inf, x.dtype)
    for _, samples in window.taps(out):
        index: Index = (_ALL, _ALL, *samples)
        largest = np.maximum(largest, values[index])
    return largest


def _pooled(x: Array, window: Window, *, ceil: bool) -> tuple[list[int], list[tuple[int, int]]]:
    """Sizes after pooling, and how far the last window reaches beyond the padding at the end (as a pair for np.pad)."""
    out, beyond = [], []
    for size, span, stride, head, tail in zip(
        x.shape[2:], window.spans, window.strides, window.heads, window.tails, strict=True
    ):
        room = size + head + tail - span
        steps = -(-room // stride) if ceil else room // stride
        # A window that would start in the padding at the end does not exist.
        length = steps if ceil and steps * stride >= size + head else steps + 1
        out.append(length)
        beyond.append((0, max(0, (length - 1) * stride - room)))
    return out, beyond


def _tap(weights: Array, tap: Index) -> Array:
    index: Index = (_ALL, _ALL, _ALL, *tap)
    return np.asarray(weights[index])
