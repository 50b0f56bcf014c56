"""Rescaling and Normalization: a scale and a shift that the configuration or the weights state."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer

Numbers = NDArray[np.float64]

LEAST_DEVIATION = 1e-7
"""`keras.config.epsilon()` as Keras comes; the file does not say what it was."""


@layer("Rescaling")
def rescaling(layer: Layer, x: ir.Value) -> ir.Value:
    """`x * scale + offset`, each a number or an array that lines up with the last axes."""
    y = layer.build.op("Mul", layer.floats(x), _lined_up(layer, x, "scale", None))
    return layer.build.op("Add", y, _lined_up(layer, x, "offset", 0.0))


@layer("Normalization")
def normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """`(x - mean) / deviation`, or `x * deviation + mean` with `invert`, for each place along the axes `axis`."""
    x, build, kept = layer.floats(x), layer.build, _kept_axes(layer, len(layer.shape(x)))
    sizes = [layer.size(x, axis) for axis in kept]
    if layer.get("mean") is None:
        layer.leave_out_counter()
        weights = layer.take(mean=tuple(sizes), variance=tuple(sizes))
        mean, variance = weights["mean"].astype(np.float64), weights["variance"].astype(np.float64)
    else:
        mean, variance = numbers_of(layer, "mean", None), numbers_of(layer, "variance", None)
        for key, array in (("mean", mean), ("variance", variance)):
            if array.shape != mean.shape or not _fits(array, sizes):
                raise layer.invalid(key)
    if (variance < 0).any():
        raise layer.invalid("variance")
    # Numbers for fewer axes than are kept belong to the last of them.
    shape = [1] * len(layer.shape(x))
    for axis, size in zip(reversed(kept), reversed(mean.shape), strict=False):
        shape[axis] = size
    centre = layer.constant(mean.reshape(shape), "mean")
    deviation = layer.constant(np.maximum(np.sqrt(variance), LEAST_DEVIATION).reshape(shape), "deviation")
    if layer.flag("invert", False):
        return build.op("Add", build.op("Mul", x, deviation), centre)
    return build.op("Div", build.op("Sub", x, centre), deviation)


def _kept_axes(layer: Layer, rank: int) -> list[int]:
    given = layer.get("axis", -1)
    axes = given if isinstance(given, list) else [given]
    places = sorted({axis % rank for axis in axes if is_whole(axis) and -rank <= axis < rank and axis % rank})
    if len(places) < len(axes):
        raise layer.invalid("axis")
    return places


def _lined_up(layer: Layer, x: ir.Value, key: str, default: float | None) -> ir.Value:
    array, shape = numbers_of(layer, key, default), layer.shape(x)
    if not _fits(array, shape):
        raise layer.invalid(key)
    return layer.constant(array.reshape((1,) * (len(shape) - array.ndim) + array.shape), key)


def _fits(array: Numbers, sizes: list[int] | tuple[int | None, ...]) -> bool:
    """Whether the array lines up with the last of the axes without making any of them larger."""
    last = sizes[len(sizes) - array.ndim :]
    return array.ndim <= len(sizes) and all(own in (1, size) for own, size in zip(array.shape, last, strict=True))


def numbers_of(layer: Layer, key: str, default: float | None) -> Numbers:
    """An entry that is a number or nested lists of numbers, which Keras 3 may wrap as a NumPy array."""
    value: Any = layer.get(key, default)
    if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
        value = value["config"].get("value")
    try:
        array = np.asarray(value)
        if array.dtype.kind in "iuf" and (np.abs(array) <= np.finfo(np.float32).max).all():
            return array.astype(np.float64)
    except (ValueError, OverflowError):
        pass
    raise layer.invalid(key)
