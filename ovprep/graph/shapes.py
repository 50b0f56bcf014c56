"""Shapes as plain tuples, and sizes where an axis may be open."""

import math

import onnx_ir as ir

OPEN_SIZE = 1000
"""What an open axis counts for in costs (the batch counts for one): long, as time is, and the same for all."""


def rank_of(value: ir.Value | None) -> int | None:
    """The rank of a value, or None where it is not known."""
    return None if value is None or value.shape is None else len(value.shape)


def dims_of(value: ir.Value) -> tuple[int | None, ...]:
    """The shape with None for open axes. Raises ValueError where the rank is not known."""
    if value.shape is None:
        raise ValueError(f"{value.name} has no known rank")
    return tuple(dim if isinstance(dim, int) else None for dim in value.shape)


def bytes_of(value: ir.Value) -> int:
    """Size of a tensor at batch one, open axes counted as `OPEN_SIZE`."""
    dims = dims_of(value)
    sizes = [(1 if axis == 0 else OPEN_SIZE) if dim is None else dim for axis, dim in enumerate(dims)]
    return int(math.prod(sizes) * (value.dtype.itemsize if value.dtype is not None else 4))
