"""Shapes that a model computes, as in `tf.reshape(x, [tf.shape(x)[0], -1])`: followed by what they say, not computed.

A tensor that holds sizes of another one carries them: integers, and names for those that are open.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.frontends.keras.layers.layer import Layer

Sizes = NDArray[np.object_]
_KEY = "ovprep.sizes"


def carry(value: ir.Value, sizes: Sizes) -> None:
    """Notes what sizes a tensor holds."""
    value.meta[_KEY] = sizes


def carried(operand: Any) -> Sizes | None:
    """The sizes that an operand holds: a tensor that carries some, an integer, a list of such; else None."""
    if isinstance(operand, ir.Value):
        found = operand.meta.get(_KEY)
        return found if isinstance(found, np.ndarray) else None
    if isinstance(operand, int) and not isinstance(operand, bool):
        return np.array(operand, object)
    if isinstance(operand, (list, tuple)):
        items = [carried(item) for item in operand]
        known = [item for item in items if item is not None]
        if len(known) == len(items) and len({item.shape for item in known}) == 1:
            return np.stack(known)
    return None


def follow(function: Callable[..., Any], values: tuple[ir.Value, ...], first: Any, *rest: Any) -> None:
    """Lets the results of an operation carry what the same function of NumPy makes of the sizes that it was given."""
    held = carried(first)
    if held is None or not (isinstance(first, ir.Value) or any(isinstance(item, ir.Value) for item in first)):
        return
    results = function(held, *rest)
    for value, sizes in zip(values, results if isinstance(results, tuple) else (results,), strict=True):
        carry(value, np.asarray(sizes, object))


def shape_of(layer: Layer, x: ir.Value, dtype: ir.DataType) -> ir.Value:
    """`tf.shape`: the sizes of a tensor, as one."""
    shape = layer.build.op("Shape", x)
    result = shape if dtype == ir.DataType.INT64 else layer.build.op("Cast", shape, to=int(dtype))
    dims = [name_of_open(x, axis) if size is None else size for axis, size in enumerate(layer.shape(x))]
    carry(result, np.array(dims, object))
    return result


def name_of_open(x: ir.Value, axis: int) -> str:
    """A name for the size of an open axis; two axes of one name are of one size."""
    dim = x.shape[axis] if x.shape is not None else None
    return dim.value if isinstance(dim, ir.SymbolicDim) and dim.value is not None else f"axis {axis} of {x.name}"
