"""Operations that move elements without changing them: shapes, orders of axes, repeats, padding."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import operation
from ovprep.frontends.keras.operations.operands import (
    Array,
    axes_in,
    axis_in,
    given_tensor,
    sizes_of,
    tensor,
    type_of,
    wholes,
)
from ovprep.frontends.keras.operations.sizes import name_of_open
from ovprep.frontends.keras.weights import MAX_ELEMENTS

_FAR = np.iinfo(np.int64).max


@operation("Reshape")
def reshape(layer: Layer, x: Any, newshape: Any) -> ir.Value:
    """One size may be -1; a size may be that of an axis of a tensor, which is open."""
    x = given_tensor(layer, x)
    sizes, target = list(x.shape or ()), sizes_of(layer, newshape)
    free = target.count(-1)
    for place, size in enumerate(target):
        if isinstance(size, str):  # 0 in ONNX: the size of that axis of the input
            same = place < len(sizes) and name_of_open(x, place) == size
            target[place] = 0 if same else -1
    numbers = [int(size) for size in target]
    if numbers.count(-1) > max(free, 1):
        raise layer.unsupported("reshapes to several open sizes, not all of which stay in their places")
    if free > 1 or any(size < 0 and size != -1 for size in numbers) or _has_zero(newshape):
        raise ModelError(f"Layer {layer.spec} reshapes to {newshape!r}, which makes no sense.")
    return layer.build.op("Reshape", x, layer.build.ints(*_fitted(layer, x, numbers), name="shape"))


def _has_zero(newshape: Any) -> bool:
    return isinstance(newshape, (list, tuple)) and any(type(size) is int and size == 0 for size in newshape)


def _fitted(layer: Layer, x: ir.Value, target: list[int]) -> list[int]:
    """The target, once it fits the sizes that are known; -1 in the place of the only open axis stays that axis."""
    sizes = layer.shape(x)
    kept = {place for place, size in enumerate(target) if size == 0}
    stated = math.prod(size for size in target if size > 0)
    known = math.prod(size for place, size in enumerate(sizes) if size is not None and place not in kept)
    open_axes = [place for place, size in enumerate(sizes) if size is None and place not in kept]
    if -1 not in target and open_axes:
        raise layer.unsupported(f"reshapes to {target}, which fixes the size of an open axis,")
    if not open_axes and (known % stated if -1 in target else known != stated):
        raise ModelError(f"Layer {layer.spec} reshapes {list(sizes)} to {target}, which does not fit.")
    if len(open_axes) == 1 and target.index(-1) == open_axes[0] and known == stated:
        target[open_axes[0]] = 0
    return target


@operation("Ravel")
def ravel(layer: Layer, x: Any) -> ir.Value:
    """All in one axis, the batch too."""
    return reshape(layer, x, [-1])


@operation("Transpose")
def transpose(layer: Layer, x: Any, axes: Any = None) -> ir.Value:
    """Axes in another order; turned round where none is given."""
    rank = len(layer.shape(given_tensor(layer, x)))
    order = tuple(range(rank))[::-1] if axes is None else axes_in(layer, axes, rank)
    if len(order) != rank:
        raise ModelError(f"Layer {layer.spec} puts {rank} axes in the order {axes!r}, which makes no sense.")
    return layer.build.op("Transpose", x, perm=order)


@operation("Swapaxes")
def swapaxes(layer: Layer, x: Any, axis1: Any, axis2: Any) -> ir.Value:
    """Two axes change places."""
    rank = len(layer.shape(given_tensor(layer, x)))
    first, second = axis_in(layer, axis1, rank), axis_in(layer, axis2, rank)
    order = list(range(rank))
    order[first], order[second] = second, first
    return transpose(layer, x, order)


@operation("Moveaxis")
def moveaxis(layer: Layer, x: Any, source: Any, destination: Any) -> ir.Value:
    """Some axes go to other places; the rest keep their order."""
    rank = len(layer.shape(given_tensor(layer, x)))
    sources, places = axes_in(layer, source, rank), axes_in(layer, destination, rank)
    if len(sources) != len(places):
        raise ModelError(f"Layer {layer.spec} moves {len(sources)} axes to {len(places)} places.")
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return transpose(layer, x, order)


@operation("Squeeze")
def squeeze(layer: Layer, x: Any, axis: Any = None) -> ir.Value:
    """Removes the axes, of size one; all of that size where none is named, which an open axis may have or not."""
    sizes = layer.shape(given_tensor(layer, x))
    ones = tuple(place for place, size in enumerate(sizes) if size == 1)
    if axis is None and None in sizes:
        raise layer.unsupported("removes all axes of size one, the batch too where it is one sample,")
    axes = ones if axis is None else axes_in(layer, axis, len(sizes))
    if not set(axes) <= set(ones):
        raise layer.unsupported(f"removes the axes {list(axes)} of {list(sizes)}, which are not of size one,")
    return layer.build.op("Squeeze", x, layer.build.ints(*axes, name="axes")) if axes else x


@operation("ExpandDims")
def expand_dims(layer: Layer, x: Any, axis: Any) -> ir.Value:
    """New axes of size one, at these places of the result."""
    given_tensor(layer, x)
    axes = axes_in(layer, axis, len(layer.shape(x)) + len(wholes(layer, axis, "axis")))
    return layer.build.op("Unsqueeze", x, layer.build.ints(*axes, name="axes"))


@operation("BroadcastTo")
def broadcast_to(layer: Layer, x: Any, shape: Any) -> ir.Value:
    """Axes of size one spread; None and -1 leave an axis as it is."""
    sizes = [1 if isinstance(size, str) or size == -1 else size for size in sizes_of(layer, shape)]
    return layer.build.op("Expand", given_tensor(layer, x), layer.build.ints(*sizes, name="shape"))


@operation("Flip")
def flip(layer: Layer, x: Any, axis: Any = None) -> ir.Value:
    """Backwards along the axes."""
    axes, build = axes_in(layer, axis, len(layer.shape(given_tensor(layer, x)))), layer.build
    starts, ends, steps = ([number] * len(axes) for number in (-1, -_FAR, -1))
    parts = [build.ints(*numbers, name=name) for numbers, name in ((starts, "starts"), (ends, "ends"), (axes, "axes"))]
    return build.op("Slice", x, *parts, build.ints(*steps, name="steps"))


operation("Flipud")(lambda layer, x: flip(layer, x, 0))
operation("Fliplr")(lambda layer, x: flip(layer, x, 1))


@operation("Roll")
def roll(layer: Layer, x: Any, shift: Any, axis: Any = None) -> ir.Value:
    """What leaves at one end of an axis comes in at the other."""
    if axis is None:
        raise layer.unsupported("rolls along all axes at once")
    axes, shifts = wholes(layer, axis, "axis"), wholes(layer, shift, "shift")
    if len(axes) != len(shifts):
        raise ModelError(f"Layer {layer.spec} rolls {len(axes)} axes by {len(shifts)} numbers.")
    for one, places in zip(axes, shifts, strict=True):
        place = axis_in(layer, one, len(layer.shape(given_tensor(layer, x))))
        size = layer.size(x, place)
        x = take_constant(layer, x, np.roll(np.arange(size), places), place)
    return given_tensor(layer, x)


@operation("Repeat")
def repeat(layer: Layer, x: Any, repeats: Any, axis: Any = None) -> ir.Value:
    """Each place along an axis several times in a row."""
    if axis is None:
        raise layer.unsupported("repeats along all axes at once")
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    counts, size = wholes(layer, repeats, "repeats"), layer.size(x, place)
    if min(counts, default=0) < 0 or len(counts) not in (1, size) or size * max(counts) > MAX_ELEMENTS:
        raise ModelError(f"Layer {layer.spec} repeats {size} places {counts!r} times, which makes no sense.")
    return take_constant(layer, x, np.repeat(np.arange(size), counts), place)


def take_constant(layer: Layer, x: ir.Value, places: Array, axis: int) -> ir.Value:
    """Some places along an axis, in the given order."""
    return layer.build.op("Gather", x, layer.build.constant(places.astype(np.int64), "places"), axis=axis)


@operation("Tile")
def tile(layer: Layer, x: Any, repeats: Any) -> ir.Value:
    """The tensor side by side with itself; a count for each axis, from the last one."""
    counts, rank = wholes(layer, repeats, "repeats"), len(layer.shape(given_tensor(layer, x)))
    if not counts or min(counts) < 1:
        raise ModelError(f"Layer {layer.spec} tiles {list(counts)} times, which makes no sense.")
    if len(counts) > rank:
        x = expand_dims(layer, x, list(range(len(counts) - rank)))
    counts = (*[1] * (rank - len(counts)), *counts)
    return layer.build.op("Tile", x, layer.build.ints(*counts, name="repeats"))


@operation("Pad")
def pad(layer: Layer, x: Any, constant_values: Any = None, *, pad_width: Any, mode: Any = "constant") -> ir.Value:
    """Before and after each axis; `symmetric` repeats the last sample, `reflect` does not."""
    rank = len(layer.shape(given_tensor(layer, x)))
    pairs = _pad_widths(layer, pad_width, rank)
    if mode == "symmetric":
        for axis, widths in enumerate(pairs):
            if any(widths):
                x = take_constant(layer, x, np.pad(np.arange(layer.size(x, axis)), widths, mode="symmetric"), axis)
        return given_tensor(layer, x)
    if mode not in ("constant", "reflect"):
        raise layer.unsupported(f"pads in the mode {mode!r}")
    pads = layer.build.ints(*[before for before, _ in pairs], *[after for _, after in pairs], name="pads")
    value = tensor(layer, constant_values, type_of(layer, x)) if constant_values else None
    return layer.build.op("Pad", x, pads, value, mode=mode)


def _pad_widths(layer: Layer, pad_width: Any, rank: int) -> Sequence[tuple[int, int]]:
    """One number for all, one pair for all, or a pair for each axis, as NumPy takes them."""
    given = pad_width.tolist() if isinstance(pad_width, np.ndarray) else pad_width
    if not isinstance(given, (list, tuple)) or not given:
        given = [[given, given]]
    rows = [wholes(layer, row, "pad_width") for row in (given if isinstance(given[0], (list, tuple)) else [given])]
    rows = [row * 2 if len(row) == 1 else row for row in rows]
    rows = rows * rank if len(rows) == 1 else rows
    if len(rows) != rank or any(len(row) != 2 or min(row) < 0 or max(row) > MAX_ELEMENTS for row in rows):
        raise ModelError(f"Layer {layer.spec} pads a tensor of rank {rank} by {given!r}, which makes no sense.")
    return [(row[0], row[1]) for row in rows]
