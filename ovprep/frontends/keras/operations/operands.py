"""What operations are given: tensors and constants, the type that they have in common, axes, whole numbers.

Types follow `keras.src.backend.common.dtypes.result_type`: bool, int32, int64, float32, each stronger than those before
it; a Python number takes the type of the tensor beside it unless it is of a stronger kind.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.operations.sizes import carried

BOOL, INT32, INT64, FLOAT = ir.DataType.BOOL, ir.DataType.INT32, ir.DataType.INT64, ir.DataType.FLOAT
TYPES = (BOOL, INT32, INT64, FLOAT)
_BY_NAME = {"bool": BOOL, "int32": INT32, "int64": INT64, "float32": FLOAT}
_BY_KIND = {"b": BOOL, "i": INT32, "f": FLOAT}
_LARGEST = {INT32: 2**31 - 1, INT64: 2**63 - 1, FLOAT: float(np.finfo(np.float32).max)}

Array = NDArray[np.generic]


def type_of(layer: Layer, value: ir.Value) -> ir.DataType:
    """The type of a tensor, one of the four."""
    if value.dtype not in TYPES:
        raise layer.unsupported(f"takes a tensor of type {value.dtype}")
    return value.dtype


def type_named(layer: Layer, name: Any) -> ir.DataType:
    """The type that an argument `dtype` names."""
    found = _BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        raise layer.unsupported(f"works in the type {name!r}")
    return found


def array_in(layer: Layer, operand: Any) -> Array:
    """A constant operand: an array, a number, or lists of numbers."""
    try:
        array = np.asarray(operand)
    except (ValueError, OverflowError) as error:
        raise layer.unsupported(f"is called with {operand!r}") from error
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise layer.unsupported(f"is called with {operand!r}")
    return array


def common_type(layer: Layer, *operands: Any, least: ir.DataType = BOOL) -> ir.DataType:
    """The type that Keras computes in, at least the given one."""
    types = [least, *(_own_type(layer, operand) for operand in operands)]
    return max(types, key=TYPES.index)


def _own_type(layer: Layer, operand: Any) -> ir.DataType:
    """The weakest type that can hold it: that of a tensor, or for a constant what it adds to that of a tensor."""
    if isinstance(operand, ir.Value):
        return type_of(layer, operand)
    array = array_in(layer, operand)
    if isinstance(operand, np.ndarray) and array.dtype == np.int64:
        return INT64
    if isinstance(operand, np.ndarray) and array.dtype not in (np.bool_, np.int32, np.float32):
        if array.dtype != np.float64:
            raise layer.unsupported(f"is called with an array of type {array.dtype}")
        layer.warn("is computed in float64 by Keras; ovprep computes it in float32.")
    return _BY_KIND.get(array.dtype.kind, INT64)


def cast(layer: Layer, value: ir.Value, dtype: ir.DataType) -> ir.Value:
    """The tensor in another type; numbers become true unless they are zero, floats are cut towards zero."""
    have = type_of(layer, value)
    if have == dtype:
        return value
    if dtype == BOOL:
        zero = layer.build.constant(np.zeros((1,) * len(layer.shape(value)), have.numpy()), "zero")
        return layer.build.op("Not", layer.build.op("Equal", value, zero))
    return layer.build.op("Cast", value, to=int(dtype))


def matched(
    layer: Layer, *operands: Any, least: ir.DataType = BOOL, dtype: ir.DataType | None = None
) -> list[ir.Value]:
    """The operands as tensors of one type; constants get the rank of the tensors, so that each axis keeps its place."""
    target = common_type(layer, *operands, least=least) if dtype is None else dtype
    rank = max((len(layer.shape(operand)) for operand in operands if isinstance(operand, ir.Value)), default=0)
    return [tensor(layer, operand, target, rank) for operand in operands]


def tensor(layer: Layer, operand: Any, dtype: ir.DataType, rank: int = 0) -> ir.Value:
    """The operand in that type; a constant with at least that rank."""
    if isinstance(operand, ir.Value):
        return cast(layer, operand, dtype)
    array = array_in(layer, operand)
    if not _holds(dtype, array):
        raise layer.unsupported(f"is called with a number that {dtype.name.lower()} does not hold")
    full = array.reshape((1,) * (rank - array.ndim) + array.shape)
    return layer.build.constant(full.astype(dtype.numpy()), "operand")


def _holds(dtype: ir.DataType, array: Array) -> bool:
    if dtype == BOOL or array.dtype.kind == "b":
        return True
    finite = np.isfinite(array)
    fits = np.abs(array, dtype=np.float64) <= _LARGEST[dtype]
    return bool((fits | ~finite).all() if dtype == FLOAT else (fits & finite).all())


def floats(layer: Layer, x: Any) -> ir.Value:
    """The operand as a tensor of floats."""
    return tensor(layer, x, FLOAT)


def given_tensor(layer: Layer, x: Any) -> ir.Value:
    """The operand, which must be a tensor of the model."""
    if not isinstance(x, ir.Value):
        raise layer.unsupported(f"is called with the constant {x!r} in place of a tensor")
    type_of(layer, x)
    return x


def scalar(layer: Layer, number: float, like: ir.Value) -> ir.Value:
    """A number to be computed with that tensor: of its type and rank."""
    return tensor(layer, number, type_of(layer, like), len(layer.shape(like)))


def whole(layer: Layer, value: Any, what: str) -> int:
    """An argument that is one integer: JSON may have it as an array of no axes, a model as a size that is known."""
    if isinstance(value, ir.Value):
        held = carried(value)
        value = None if held is None or held.ndim else held.item()
        if not is_whole(value):
            raise layer.unsupported(f"computes its {what}")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not is_whole(value):
        raise layer.unsupported(f"is called with {what}={value!r}")
    return int(value)


def sizes_of(layer: Layer, given: Any) -> list[int | str]:
    """A shape as an argument: integers, -1 for what follows from the rest, and names of open sizes."""
    items = given.tolist() if isinstance(given, np.ndarray) else given
    held = carried(items)
    if held is not None:
        return list(held.reshape(-1).tolist())
    if isinstance(items, ir.Value):
        raise layer.unsupported("computes a shape")
    row = items if isinstance(items, (list, tuple)) else [items]
    return [-1 if item is None else _size(layer, item) for item in row]


def _size(layer: Layer, item: Any) -> int | str:
    held = carried(item)
    if held is not None and held.ndim == 0:
        size = held.item()
        return size if isinstance(size, str) else int(size)
    if isinstance(item, ir.Value):
        raise layer.unsupported("computes a shape")
    return whole(layer, item, "shape")


def wholes(layer: Layer, value: Any, what: str) -> tuple[int, ...]:
    """An argument that is an integer, or a list of them."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(whole(layer, item, what) for item in items)


def axis_in(layer: Layer, axis: Any, rank: int) -> int:
    """One axis, counted from the front."""
    number = whole(layer, axis, "axis")
    if not -rank <= number < rank:
        raise layer.unsupported(f"is called with axis={number} on a tensor of rank {rank}")
    return number % rank


def axes_in(layer: Layer, axis: Any, rank: int) -> tuple[int, ...]:
    """One axis, a list of different ones, or None for all; counted from the front."""
    if axis is None:
        return tuple(range(rank))
    axes = tuple(axis_in(layer, one, rank) for one in wholes(layer, axis, "axis"))
    if len(set(axes)) < len(axes):
        raise layer.unsupported(f"is called with axis={axis!r}")
    return axes


def tensor_list(layer: Layer, xs: Any) -> Sequence[Any]:
    """An argument that is a list of operands, or one tensor that stands for a list of one."""
    items = [xs] if isinstance(xs, ir.Value) else xs
    if not isinstance(items, (list, tuple)) or not items:
        raise layer.unsupported(f"is called with {xs!r} in place of a list of tensors")
    return items
