"""Operations that join tensors, cut them in parts, and choose from them."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import operation
from ovprep.frontends.keras.operations.operands import (
    BOOL,
    FLOAT,
    INT64,
    array_in,
    axis_in,
    cast,
    common_type,
    given_tensor,
    tensor,
    tensor_list,
    type_of,
    whole,
    wholes,
)
from ovprep.frontends.keras.operations.shaping import take_constant

_FAR = np.iinfo(np.int64).max
_MANY = 4096
"""More tensors than a model would make of one."""


@operation("Concatenate")
def concatenate(layer: Layer, xs: Any, axis: Any = 0) -> ir.Value:
    """One behind the other along an axis."""
    values = _of_one_type(layer, xs)
    ranks = {len(layer.shape(value)) for value in values}
    if len(ranks) > 1:
        raise ModelError(f"Layer {layer.spec} joins tensors of the ranks {sorted(ranks)}.")
    return layer.build.op("Concat", *values, axis=axis_in(layer, axis, ranks.pop()))


def _of_one_type(layer: Layer, xs: Any) -> list[ir.Value]:
    items = tensor_list(layer, xs)
    dtype = common_type(layer, *items)
    return [tensor(layer, item, dtype) for item in items]


@operation("Append")
def append(layer: Layer, x1: Any, x2: Any, axis: Any = None) -> ir.Value:
    """Two of them."""
    if axis is None:
        raise layer.unsupported("joins all axes in one")
    return concatenate(layer, [x1, x2], axis)


def _stacked(axis: int) -> Callable[..., ir.Value]:
    def rule(layer: Layer, xs: Any) -> ir.Value:
        values = _of_one_type(layer, xs)
        if any(len(layer.shape(value)) <= max(axis, 1) for value in values):
            raise layer.unsupported("joins tensors of a low rank")
        return concatenate(layer, values, axis)

    return rule


operation("Vstack")(_stacked(0))
operation("Hstack")(_stacked(1))
operation("Dstack")(_stacked(2))


@operation("Stack")
def stack(layer: Layer, x: Any, axis: Any = 0) -> ir.Value:
    """Side by side along a new axis."""
    values = _of_one_type(layer, x)
    place = axis_in(layer, axis, len(layer.shape(values[0])) + 1)
    new = layer.build.ints(place, name="axes")
    return concatenate(layer, [layer.build.op("Unsqueeze", value, new) for value in values], place)


@operation("Split")
def split(layer: Layer, x: Any, indices_or_sections: Any, axis: Any = 0) -> tuple[ir.Value, ...]:
    """So many parts of one size, or cut before each of the given places."""
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    size = layer.size(x, place)
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        cuts = [0, *wholes(layer, indices_or_sections, "indices_or_sections"), size]
        return split_by(layer, x, [after - before for before, after in itertools.pairwise(cuts)], place)
    parts = whole(layer, indices_or_sections, "indices_or_sections")
    if not 1 <= parts <= _MANY or size % parts:
        raise ModelError(f"Layer {layer.spec} splits {size} into {parts} parts of one size.")
    return split_by(layer, x, [size // parts] * parts, place)


operation("Hsplit")(lambda layer, x, indices_or_sections: split(layer, x, indices_or_sections, 1))


@operation("ArraySplit")
def array_split(layer: Layer, x: Any, indices_or_sections: Any, axis: Any = 0) -> tuple[ir.Value, ...]:
    """Into so many parts; the first ones are longer by one where it does not come out even."""
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        return split(layer, x, indices_or_sections, axis)
    size, parts = layer.size(x, place), whole(layer, indices_or_sections, "indices_or_sections")
    if not 1 <= parts <= min(size, _MANY):
        raise ModelError(f"Layer {layer.spec} splits {size} into {parts} parts.")
    return split_by(layer, x, [size // parts + (index < size % parts) for index in range(parts)], place)


def split_by(layer: Layer, x: ir.Value, sizes: Sequence[int], axis: int) -> tuple[ir.Value, ...]:
    """Parts of the given sizes, one behind the other."""
    if min(sizes) < 1 or sum(sizes) != layer.size(x, axis):
        raise ModelError(f"Layer {layer.spec} splits {layer.size(x, axis)} into parts of {list(sizes)}.")
    if len(sizes) == 1:
        return (x,)
    return layer.build.ops("Split", x, layer.build.ints(*sizes, name="sizes"), outputs=len(sizes), axis=axis)


@operation("Unstack")
def unstack(layer: Layer, x: Any, num: Any = None, axis: Any = 0) -> tuple[ir.Value, ...]:
    """One tensor for each place along an axis, which goes."""
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    size = layer.size(x, place)
    if size > _MANY or (num is not None and whole(layer, num, "num") != size):
        raise ModelError(f"Layer {layer.spec} takes {num!r} tensors from {size}.")
    places = [layer.build.constant(np.int64(index), "place") for index in range(size)]
    return tuple(layer.build.op("Gather", x, one, axis=place) for one in places)


@operation("Take")
def take(layer: Layer, x: Any, indices: Any, axis: Any = None) -> ir.Value:
    """The places along an axis that integers name; negative ones count from the end."""
    if axis is None:
        raise layer.unsupported("takes from all axes at once")
    place = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    if isinstance(indices, ir.Value):
        if type_of(layer, indices) in (BOOL, FLOAT):
            raise layer.unsupported("takes places that are not integers")
        return layer.build.op("Gather", x, cast(layer, indices, INT64), axis=place)
    places, size = array_in(layer, indices), layer.shape(x)[place]
    if places.dtype.kind not in "iu" or (size is not None and not np.isin(places, np.arange(-size, size)).all()):
        raise ModelError(f"Layer {layer.spec} takes places that are not there.")
    return take_constant(layer, x, places, place)


@operation("TakeAlongAxis")
def take_along_axis(layer: Layer, x: Any, indices: Any, axis: Any = None) -> ir.Value:
    """A place of its own for each element."""
    if axis is None:
        raise layer.unsupported("takes from all axes at once")
    x, indices = given_tensor(layer, x), given_tensor(layer, indices)
    if type_of(layer, indices) in (BOOL, FLOAT):
        raise layer.unsupported("takes places that are not integers")
    return layer.build.op(
        "GatherElements", x, cast(layer, indices, INT64), axis=axis_in(layer, axis, len(layer.shape(x)))
    )


@operation("GetItem")
def get_item(layer: Layer, x: Any, key: Any) -> ir.Value:
    """`x[key]` with integers, slices, an ellipsis and new axes, as in NumPy."""
    x = given_tensor(layer, x)
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    keys = [
        int(one) if isinstance(one, np.ndarray) and one.ndim == 0 and one.dtype.kind in "iu" else one for one in keys
    ]
    taken = sum(one is not None and one is not Ellipsis for one in keys)
    rank = len(layer.shape(x))
    if taken > rank or sum(one is Ellipsis for one in keys) > 1:
        raise ModelError(f"Layer {layer.spec} takes {key!r} of a tensor of rank {rank}.")
    if not any(one is Ellipsis for one in keys):
        keys.append(Ellipsis)
    place = next(index for index, one in enumerate(keys) if one is Ellipsis)
    keys[place : place + 1] = [slice(None)] * (rank - taken)
    of_axes = [one for one in keys if one is not None]
    x = _sliced(layer, x, of_axes)
    for axis in reversed(range(rank)):
        if not isinstance(of_axes[axis], slice):
            x = _at(layer, x, of_axes[axis], axis)
    left = [one for one in keys if one is None or isinstance(one, slice)]
    new = [index for index, one in enumerate(left) if one is None]
    return layer.build.op("Unsqueeze", x, layer.build.ints(*new, name="axes")) if new else x


def _at(layer: Layer, x: ir.Value, place: Any, axis: int) -> ir.Value:
    index, size = whole(layer, place, "index"), layer.shape(x)[axis]
    if size is not None and not -size <= index < size:
        raise ModelError(f"Layer {layer.spec} takes place {index} of an axis of {size}.")
    return layer.build.op("Gather", x, layer.build.constant(np.int64(index), "place"), axis=axis)


def _sliced(layer: Layer, x: ir.Value, keys: Sequence[Any]) -> ir.Value:
    """All axes that are cut, at once."""
    rows = []
    for axis, key in enumerate(keys):
        if not isinstance(key, slice) or key == slice(None):
            continue
        step = 1 if key.step is None else whole(layer, key.step, "step")
        if not step:
            raise ModelError(f"Layer {layer.spec} cuts in steps of 0.")
        first, last = (0, _FAR) if step > 0 else (_FAR, -_FAR)
        start = first if key.start is None else whole(layer, key.start, "start")
        stop = last if key.stop is None else whole(layer, key.stop, "stop")
        if (start, stop, step) != (0, _FAR, 1):
            rows.append((start, stop, axis, step))
    if not rows:
        return x
    columns = zip(("starts", "ends", "axes", "steps"), zip(*rows, strict=True), strict=True)
    return layer.build.op("Slice", x, *(layer.build.ints(*numbers, name=name) for name, numbers in columns))
