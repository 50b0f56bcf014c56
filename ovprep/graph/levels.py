"""Estimates at which level the signals lay that a model was trained on, from the statistics that it stores.

    x -> Sub mean -> Div deviation           the level itself, as of a Normalization layer
    x -> BatchNormalization                  the same
    x -> Conv -> BatchNormalization          the variance behind the convolution, divided by the energy of its kernels

A BatchNormalization may come as a Mul and an Add, whose gamma and beta are taken for 1 and 0.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.interface import Level

Numbers = NDArray[np.float64]

_KEEPS_AXES = frozenset(("Cast", "Dropout", "Identity", "Pad", "Relu", "Slice"))
_FURTHEST = 16
"""Ops from the input to the statistics, at most."""
_DEVIATIONS = (1e-6, 1e9)
"""What lies outside was no deviation of a signal."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """A value as seen from the input x: `scale * x + shift`, alike for all or for each place along `axis` of x.

    `axes` are the axes of x that those of the value are, None where that is not known. Behind a product with weights,
    `energies` are the sums of their squares by channel; before it, None.
    """

    axes: tuple[int | None, ...]
    scale: Numbers
    shift: Numbers
    axis: int | None = None
    moved: bool = False
    energies: Numbers | None = None


def level_of(value: ir.Value) -> Level | None:
    """The level of a graph's input; None where nothing near it tells."""
    if value.dtype not in (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE) or value.shape is None:
        return None
    one, none = np.ones(1), np.zeros(1)
    return _search(value, _Seen(tuple(range(len(value.shape))), one, none), _FURTHEST)


def _search(value: ir.Value, seen: _Seen, further: int) -> Level | None:
    """What the readers of a value tell, the first that does; else what was seen on the way to it."""
    for node, place in value.uses() if further else ():
        after = _after(node, place, seen)
        level = after if isinstance(after, Level | None) else _search(node.outputs[0], after, further - 1)
        if level is not None:
            return level
    return _level(seen) if seen.moved else None


def _after(node: ir.Node, place: int, seen: _Seen) -> _Seen | Level | None:
    """The output of a node; the level, where the node tells it; None where it is no longer understood."""
    if node.op_type in ("Add", "Sub", "Mul", "Div"):
        return _shifted(node, place, seen)
    if place != 0:
        return None
    if node.op_type in _KEEPS_AXES:
        return seen
    if node.op_type == "Transpose":
        perm = ints_of(node, "perm") or tuple(reversed(range(len(seen.axes))))
        return replace(seen, axes=tuple(seen.axes[axis] for axis in perm))
    if node.op_type in ("Reshape", "Squeeze", "Unsqueeze", "Flatten"):
        return _reshaped(node, seen)
    if node.op_type == "BatchNormalization":
        return _of_statistics(node, seen)
    if node.op_type in ("Conv", "Gemm", "MatMul") and not seen.moved and seen.energies is None:
        return _multiplied(node, seen)
    return None


def _shifted(node: ir.Node, place: int, seen: _Seen) -> _Seen | None:
    """A constant that is added, or that multiplies."""
    array = array_of(node.inputs[1 - place])
    rank = len(seen.axes)
    if array is None or array.dtype.kind != "f" or array.ndim > rank or (place == 1 and node.op_type == "Div"):
        return None
    numbers = array.astype(np.float64)
    long = [axis for axis, size in enumerate(numbers.shape, rank - numbers.ndim) if size > 1]
    if len(long) > 1:
        return None
    axis = seen.axes[long[0]] if long else seen.axis
    if seen.energies is None and long and (axis is None or seen.axis not in (None, axis)):
        return None
    flat = numbers.reshape(-1)
    if any({1, one.size, flat.size} != {1, max(one.size, flat.size)} for one in (seen.scale, seen.shift)):
        return None
    with np.errstate(divide="ignore"):
        if node.op_type in ("Mul", "Div"):
            factor = flat if node.op_type == "Mul" else 1 / flat
            return replace(seen, scale=seen.scale * factor, shift=seen.shift * factor, axis=axis, moved=True)
    if seen.energies is not None and not seen.moved:
        return seen  # a bias, which says nothing of the variance
    flipped = node.op_type == "Sub" and place == 1
    scale, shift = (-seen.scale, -seen.shift) if flipped else (seen.scale, seen.shift)
    shift = shift - flat if node.op_type == "Sub" and not flipped else shift + flat
    return replace(seen, scale=scale * np.ones_like(shift), shift=shift, axis=axis, moved=True)


def _reshaped(node: ir.Node, seen: _Seen) -> _Seen | None:
    """Axes of size one come and go; of any other change only the numbers are known, no longer their axes."""
    output = node.outputs[0]
    if node.inputs[0] is None or rank_of(node.inputs[0]) is None or rank_of(output) is None:
        return None
    before, after = dims_of(node.inputs[0]), dims_of(output)
    kept = [axis for axis, size in zip(seen.axes, before, strict=True) if size != 1]
    if [size for size in before if size != 1] != [size for size in after if size != 1]:
        return replace(seen, axes=(None,) * len(after))
    remaining = iter(kept)
    return replace(seen, axes=tuple(None if size == 1 else next(remaining) for size in after))


def _of_statistics(node: ir.Node, seen: _Seen) -> Level | None:
    mean, variance = (array_of(value) for value in node.inputs[3:5])
    if mean is None or variance is None or len(seen.axes) < 2:
        return None
    deviation = np.sqrt(np.maximum(variance.astype(np.float64), 0))
    if seen.energies is not None:
        return _behind(deviation / np.abs(seen.scale), seen.energies)
    axis = seen.axes[1] if mean.size > 1 else None
    if mean.size > 1 and (axis is None or seen.axis not in (None, axis)):
        return None
    return _checked((mean.astype(np.float64) - seen.shift) / seen.scale, deviation / np.abs(seen.scale), axis)


def _multiplied(node: ir.Node, seen: _Seen) -> _Seen | None:
    weights = array_of(node.inputs[1])
    if weights is None or weights.ndim < 2 or weights.dtype.kind != "f":
        return None
    squares = np.square(weights.astype(np.float64))
    rows = node.op_type == "Conv" or (node.op_type == "Gemm" and int_of(node, "transB", 0))
    energies = squares.sum(axis=tuple(range(1, weights.ndim))) if rows else squares.sum(axis=-2)
    rank = rank_of(node.outputs[0]) or 0
    return replace(seen, axes=(None,) * rank, energies=energies) if energies.ndim == 1 and rank else None


def _level(seen: _Seen) -> Level | None:
    """The level whose mean becomes 0 and whose deviation becomes 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = 1 / np.abs(seen.scale)
        if seen.energies is not None:
            return _behind(deviation, seen.energies)
        return _checked(-seen.shift / seen.scale, deviation, seen.axis)


def _behind(deviation: Numbers, energies: Numbers) -> Level | None:
    """The level of white noise that has these deviations behind kernels of these energies."""
    if deviation.size not in (1, energies.size):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        before = deviation / np.sqrt(energies)
    usable = before[np.isfinite(before) & (before > 0)]
    return _checked(np.zeros(1), np.atleast_1d(np.median(usable)), None) if usable.size else None


def _checked(mean: Numbers, deviation: Numbers, axis: int | None) -> Level | None:
    low, high = _DEVIATIONS
    mean, deviation = np.broadcast_arrays(mean, deviation)
    if not (np.isfinite(mean).all() and (deviation >= low).all() and (deviation <= high).all()):
        return None
    if math.isclose(float(np.abs(mean).max()), 0) and mean.size == 1:
        axis = None
    return Level(tuple(map(float, mean)), tuple(map(float, deviation)), axis if mean.size > 1 else None)
