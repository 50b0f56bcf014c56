"""Fourier transforms of real signals, as products with sines and cosines, and frames of a signal."""

import math
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import operation
from ovprep.frontends.keras.operations.functions import function
from ovprep.frontends.keras.operations.operands import (
    FLOAT,
    Array,
    array_in,
    axis_in,
    floats,
    given_tensor,
    type_of,
    whole,
)
from ovprep.frontends.keras.operations.shaping import pad, take_constant
from ovprep.frontends.keras.weights import MAX_ELEMENTS


def _waves(layer: Layer, length: int, taps: int) -> NDArray[np.float64]:
    """`[taps, 2 * bins]`: cosines, then negated sines, of the `length // 2 + 1` frequencies of a transform."""
    bins = length // 2 + 1
    if length < 1 or taps < 1 or 2 * taps * bins > MAX_ELEMENTS:
        raise layer.unsupported(f"transforms {length} samples")
    turns = np.outer(np.arange(taps), np.arange(bins)) % length  # exact, where the product of floats is not
    angles = turns * (2 * math.pi / length)
    return np.concatenate([np.cos(angles), -np.sin(angles)], axis=1)


def _halves(layer: Layer, both: ir.Value) -> tuple[ir.Value, ...]:
    return layer.build.ops("Split", both, outputs=2, axis=len(layer.shape(both)) - 1, num_outputs=2)


@operation("RFFT")
def rfft(layer: Layer, x: Any, fft_length: Any = None) -> tuple[ir.Value, ...]:
    """Real and imaginary part along the last axis, of `fft_length` samples: the first ones, or all and zeros."""
    x = _signal(layer, x)
    size = layer.size(x, -1)
    length = size if fft_length is None else whole(layer, fft_length, "fft_length")
    x = take_constant(layer, x, np.arange(length), len(layer.shape(x)) - 1) if length < size else x
    waves = layer.constant(_waves(layer, length, min(length, size)), "waves")
    return _halves(layer, layer.build.op("MatMul", x, waves))


@operation("STFT")
def stft(
    layer: Layer,
    x: Any,
    sequence_length: Any,
    sequence_stride: Any,
    fft_length: Any,
    window: Any = "hann",
    center: Any = True,
) -> tuple[ir.Value, ...]:
    """Real and imaginary part `[N, frames, bins]` of windows of a signal `[N, W]`, as a convolution with waves."""
    x, build = _signal(layer, x), layer.build
    layer.expect_rank(x, 2)
    taps, step = whole(layer, sequence_length, "sequence_length"), whole(layer, sequence_stride, "sequence_stride")
    length = whole(layer, fft_length, "fft_length")
    if not 1 <= taps <= length or step < 1:
        raise layer.unsupported(f"transforms {taps} samples in {length}, in steps of {step}")
    if center:
        x = pad(layer, x, pad_width=[[0, 0], [length // 2, length // 2]], mode="reflect")
    before = (length - taps) // 2
    # Without a window, Keras takes all samples of a transform.
    around = (before, length - taps - before)
    shape = np.ones(length) if window is None else np.pad(_window(layer, window, taps), around)
    waves = _waves(layer, length, length) * shape.astype(np.float64)[:, None]
    signal = build.op("Unsqueeze", x, build.ints(1, name="axes"))
    both = build.op("Conv", signal, layer.constant(waves.T[:, None, :], "waves"), strides=(step,))
    return _halves(layer, build.op("Transpose", both, perm=(0, 2, 1)))


def _window(layer: Layer, window: Any, taps: int) -> Array:
    """The periodic windows of TensorFlow: https://www.tensorflow.org/api_docs/python/tf/signal/hann_window."""
    if not isinstance(window, str):
        given = array_in(layer, window)
        if given.shape != (taps,):
            raise layer.unsupported(f"has a window of the shape {list(given.shape)}")
        return given
    share = {"hann": 0.5, "hamming": 0.54}.get(window)
    if share is None:
        raise layer.unsupported(f"has the window {window!r}")
    if taps == 1:
        return np.ones(1)
    period = taps - taps % 2  # TensorFlow's windows of an odd length are not periodic
    return np.asarray(share - (1 - share) * np.cos(np.arange(taps) * (2 * math.pi / period)))


def _signal(layer: Layer, x: Any) -> ir.Value:
    if type_of(layer, given_tensor(layer, x)) != FLOAT:
        raise layer.unsupported("transforms integers")
    return floats(layer, x)


@operation("ExtractSequences")
def extract_sequences(layer: Layer, x: Any, sequence_length: Any, sequence_stride: Any) -> ir.Value:
    """`[..., W]` to `[..., frames, sequence_length]`: the frames that fit."""
    return frames(layer, x, sequence_length, sequence_stride, -1)


def frames(layer: Layer, x: Any, length: Any, step: Any, axis: Any) -> ir.Value:
    """The axis becomes two: the frames, and what is in each."""
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    size, taps, stride = layer.size(x, place), whole(layer, length, "length"), whole(layer, step, "step")
    if not 1 <= taps <= size or stride < 1 or size * taps > MAX_ELEMENTS:
        raise layer.unsupported(f"takes frames of {taps} from {size} samples, in steps of {stride}")
    starts = np.arange(0, size - taps + 1, stride)
    return take_constant(layer, x, starts[:, None] + np.arange(taps), place)


@function("signal.frame")
def frame(
    layer: Layer,
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: Any = False,
    pad_value: Any = 0,
    axis: Any = -1,
) -> ir.Value:
    """As `extract_sequences`, along any axis."""
    if pad_end:
        raise layer.unsupported("pads the last frames")
    return frames(layer, signal, frame_length, frame_step, axis)
