"""STFTSpectrogram and MelSpectrogram: Fourier transforms of short frames, as convolutions.

A frame of L samples gives F = fft_length // 2 + 1 bins, from 0 Hz to half of the sampling rate. Frames lie along the
last axis inside, `[N, F, T]`, as ONNX's convolution has them.
"""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.preprocessing import numbers_of
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.spatial import channels_of, padding_of, to_ncw
from ovprep.frontends.keras.weights import MAX_ELEMENTS, Array

EPSILON = 1e-7
"""`keras.config.epsilon()` as Keras comes; the file does not say what it was."""

_LARGEST = 2**26
"""Largest matrix that is made up here rather than read: 256 MiB, for frames of 8,192 samples and more."""
_SMALLEST = 1e-37
"""What stands in for a divisor of zero."""
_WINDOWS = {"hann": 0.5, "hamming": 0.54}


@layer("STFTSpectrogram")
def stft_spectrogram(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, T, C]` to `[N, frames, C * F]`, or to `[N, frames, F, C]` with `expand_dims`; the kernels are weights."""
    layer.expect_rank(x, 3)
    mode = layer.choice("mode", ("log", "magnitude", "psd", "real", "imag", "angle", "stft"))
    length = layer.whole("frame_length", 256, least=1)
    step = layer.whole("frame_step", max(length // 2, 1), least=1)
    bins = layer.whole("fft_length", 1 << (length - 1).bit_length(), least=length) // 2 + 1
    names = [name for name, other in (("real_kernel", "imag"), ("imag_kernel", "real")) if mode != other]
    weights = layer.take(**dict.fromkeys(names, (length, 1, bins)))
    channels = channels_of(layer, x)
    if channels * bins * length > MAX_ELEMENTS:
        raise layer.unsupported(f"transforms {channels} channels with {length} taps each, which is too large")
    if mode == "stft":
        kernels = [np.concatenate([weights["real_kernel"], weights["imag_kernel"]], axis=2)]
    else:
        kernels = list(weights.values())
    ncw = to_ncw(layer, x)
    padding = padding_of(layer, ncw, (length,), (step,), (1,))
    parts = [
        layer.build.op(
            "Conv",
            ncw,
            layer.constant(np.tile(kernel.transpose(2, 1, 0), (channels, 1, 1)), "kernel"),
            group=channels,
            strides=(step,),
            **padding,
        )
        for kernel in kernels
    ]
    return _laid_out(layer, _shown_as(layer, mode, parts, channels, bins), channels)


def _shown_as(layer: Layer, mode: str, parts: list[ir.Value], channels: int, bins: int) -> ir.Value:
    build = layer.build
    if len(parts) == 1:
        return parts[0]
    real, imaginary = parts
    if mode == "angle":
        return _angle(layer, imaginary, real)
    power = _power(layer, real, imaginary)
    if mode == "psd":
        # All bins but the first and the last stand for two frequencies, one of them negative.
        sides = np.full(bins, 2.0)
        sides[[0, -1]] = 1.0
        return build.op("Mul", power, layer.constant(np.tile(sides, channels).reshape(1, -1, 1), "sides"))
    magnitude = build.op("Sqrt", build.op("Max", power, _number(layer, EPSILON)))
    if mode == "magnitude":
        return magnitude
    return build.op("Log", build.op("Max", magnitude, _number(layer, EPSILON)))


def _laid_out(layer: Layer, y: ir.Value, channels: int) -> ir.Value:
    """`[N, C * F, frames]` in the layout of the layer."""
    build, first = layer.build, layer.channels_first
    if not layer.flag("expand_dims", False):
        return y if first else build.op("Transpose", y, perm=(0, 2, 1))
    split = build.op("Reshape", y, build.ints(0, channels, layer.size(y, 1) // channels, -1, name="shape"))
    if y.shape is not None and split.shape is not None:
        split.shape = ir.Shape([*split.shape[:3], y.shape[2]])
    return build.op("Transpose", split, perm=(0, 1, 3, 2) if first else (0, 3, 2, 1))


def _angle(layer: Layer, y: ir.Value, x: ir.Value) -> ir.Value:
    """`atan2(y, x)`, which ONNX does not have: the arc tangent of the quotient, turned by π where x is negative."""
    build, zero = layer.build, _number(layer, 0.0)
    divisor = build.op("Where", build.op("Equal", x, zero), _number(layer, _SMALLEST), x)
    half_turn = build.op("Where", build.op("Less", y, zero), _number(layer, -np.pi), _number(layer, np.pi))
    turn = build.op("Where", build.op("Less", x, zero), half_turn, zero)
    return build.op("Add", build.op("Atan", build.op("Div", y, divisor)), turn)


def _power(layer: Layer, real: ir.Value, imaginary: ir.Value) -> ir.Value:
    build = layer.build
    return build.op("Add", build.op("Mul", real, real), build.op("Mul", imaginary, imaginary))


def _number(layer: Layer, number: float) -> ir.Value:
    return layer.constant(np.full((1, 1, 1), number), "number")


@layer("MelSpectrogram")
def mel_spectrogram(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, T]` to `[N, mel bins, frames]`: power per band of the mel scale, in decibels if asked for."""
    layer.expect_rank(x, 2)
    build, size = layer.build, layer.whole("fft_length", 2048, least=1)
    taps, left = _taps(layer, size)
    bands = _mel_bands(layer, size // 2 + 1)
    right = size - len(taps) - left
    # What the window leaves out on either side of a frame need not be padded.
    pads = size // 2 - left, size // 2 - right
    samples = layer.shape(x)[1]
    if samples is not None and samples <= size // 2:
        raise ModelError(f"Layer {layer.spec} mirrors {size // 2} samples at either end, but is given {samples}.")
    wave = build.op("Unsqueeze", x, build.ints(1, name="axes"))
    wave = build.op("Pad", wave, build.ints(0, 0, pads[0], 0, 0, pads[1], name="pads"), mode="reflect")
    turns = np.outer(np.arange(size // 2 + 1), np.arange(len(taps))) % size * (2 * np.pi / size)
    step = layer.whole("sequence_stride", 512, least=1)
    real, imaginary = (
        build.op("Conv", wave, layer.constant((wanted * taps)[:, None, :], "fourier"), strides=(step,))
        for wanted in (np.cos(turns), np.sin(turns))
    )
    spectrum, exponent = _power(layer, real, imaginary), layer.number("mag_exp", 2.0)
    if exponent != 2:
        spectrum = build.op("Pow", build.op("Sqrt", spectrum), _number(layer, exponent))
    mel = build.op("Conv", spectrum, layer.constant(bands.T[:, :, None], "mel"))
    return _in_decibels(layer, mel) if layer.flag("power_to_db", True) else mel


def _in_decibels(layer: Layer, power: ir.Value) -> ir.Value:
    """`10 log10(power / ref_power)`, at most `top_db` below the loudest of the whole batch."""
    build, least = layer.build, layer.number("min_power", 1e-10)
    reference = max(abs(layer.number("ref_power", 1.0)), least)
    if reference <= 0:
        raise layer.invalid("min_power")
    logarithm = build.op("Log", build.op("Max", power, _number(layer, least)))
    decibels = build.op("Mul", logarithm, _number(layer, 10 / np.log(10)))
    if reference != 1:
        decibels = build.op("Sub", decibels, _number(layer, 10 * np.log10(reference)))
    loudest = build.op("ReduceMax", decibels, build.ints(0, 1, 2, name="axes"), keepdims=1)
    return build.op("Max", decibels, build.op("Sub", loudest, _number(layer, layer.number("top_db", 80.0))))


def _taps(layer: Layer, size: int) -> tuple[NDArray[np.float64], int]:
    """The window of a frame, and the samples of the frame before it, which count nothing."""
    length = layer.whole("sequence_length", size, least=1)
    if length > size:
        raise layer.invalid("sequence_length")
    if max(size, layer.whole("num_mel_bins", 128, least=1)) * (size // 2 + 1) > _LARGEST:
        raise layer.unsupported(f"transforms frames of {size} samples, which is too large")
    stated = layer.spec.config.get("window", "hann")
    if stated is None:
        return np.ones(size), 0
    if not isinstance(stated, str):
        taps = numbers_of(layer, "window", None)
        if taps.shape != (length,):
            raise layer.invalid("window")
    else:
        mean = _WINDOWS[layer.choice("window", tuple(_WINDOWS))]
        # tf.signal: a window of odd length is not periodic, also where it is asked to be.
        period = length if length % 2 == 0 else max(length - 1, 1)
        taps = mean - (1 - mean) * np.cos(2 * np.pi * np.arange(length) / period) if length > 1 else np.ones(1)
    return taps, (size - length) // 2


def _mel_bands(layer: Layer, bins: int) -> Array:
    """`[F, mel bins]`: triangles of height one, their corners evenly spaced on the mel scale of HTK.

    In float32 as Keras computes it, since its rounding is part of the trained model: at 8 kHz, 1e-5 of a height.
    """
    rate, number = layer.number("sampling_rate", 16000), layer.whole("num_mel_bins", 128, least=1)
    low, high = layer.number("min_freq", 20.0), layer.number("max_freq", int(rate / 2))
    if rate <= 0 or not -700 < low < high:
        raise layer.invalid("sampling_rate" if rate <= 0 else "min_freq")
    first, last = _mel(np.array([low, high], np.float32))
    corners = _spaced(first, last, number + 2)
    places = _mel(_spaced(0, rate / 2, bins))[:, None]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    if not (np.diff(corners) > 0).all():
        raise layer.invalid("num_mel_bins")
    rising, falling = (places - lower) / (centre - lower), (upper - places) / (upper - centre)
    bands = np.maximum(np.float32(0), np.minimum(rising, falling)).astype(np.float32)
    bands[0] = 0  # HTK leaves out the bin of 0 Hz
    return bands


def _spaced(start: float, stop: float, number: int) -> Array:
    first, last = np.float32(start), np.float32(stop)
    step = (last - first) / np.float32(number - 1)
    return np.append(first + step * np.arange(number - 1, dtype=np.float32), last).astype(np.float32)


def _mel(hertz: Array) -> Array:
    ratio = np.float32(1) + hertz / np.float32(700)
    return np.asarray(np.float32(1127) * np.log(ratio.astype(np.float64)).astype(np.float32), np.float32)
