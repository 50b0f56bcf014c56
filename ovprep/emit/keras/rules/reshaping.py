"""Ops that move no value, or move axes."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import Emit, emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import array_of, int_of, ints_of

VIEWS = ("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Ops that may keep the batch, and the order of all values."""


@emits(*VIEWS)
def view(writer: Writer, node: ir.Node) -> Tensor:
    """One Reshape or Flatten for a row of ops that give each sample another shape; else the operation itself."""
    writer.first(node)
    target = [-1 if dim is None else dim for dim in shape_of(node.outputs[0])[1:]]
    if not _is_view(node) or target.count(-1) > 1:
        return _MOVING[node.op_type](writer, node)
    source = node.inputs[0]
    while (maker := source.producer() if source is not None else None) is not None and _is_view(maker):
        source = maker.inputs[0]
    x, dims = writer.of(source), shape_of(source)[1:]
    if tuple(target) == dims:
        return x
    return (
        writer.layer(node, "Flatten", x) if len(target) == 1 else writer.layer(node, "Reshape", x, target_shape=target)
    )


def _is_view(node: ir.Node) -> bool:
    """Whether a node only gives samples another shape."""
    if node.op_type not in VIEWS or node.domain or array_of(node.inputs[0]) is not None:
        return False
    source, rank = node.inputs[0], len(shape_of(node.inputs[0]))
    assert source is not None
    if node.op_type == "Transpose":
        perm = _perm(node)
        moved = [axis for axis in perm if shape_of(source)[axis] != 1]
        return perm[0] == 0 and moved == sorted(moved)
    if node.op_type in ("Squeeze", "Unsqueeze"):
        axes = ints_of(node, "axes", 1)
        longer = max(rank, len(shape_of(node.outputs[0])))
        return axes is not None and 0 not in {axis % longer for axis in axes}
    if node.op_type == "Flatten":
        return int_of(node, "axis", 1) in (1, 1 - rank)
    target = ints_of(node, "shape", 1)
    return target is not None and _keeps_batch(node, target)


def _perm(node: ir.Node) -> tuple[int, ...]:
    return ints_of(node, "perm") or tuple(reversed(range(len(shape_of(node.inputs[0])))))


def _transpose(writer: Writer, node: ir.Node) -> Tensor:
    """A Permute, or an operation where the batch moves too."""
    perm = _perm(node)
    if perm[0] == 0:
        return writer.layer(node, "Permute", writer.first(node), dims=perm[1:])
    return writer.ops.transpose(writer.first(node), perm)


def _reshape(writer: Writer, node: ir.Node) -> Tensor:
    """Where the batch is joined or cut."""
    target = [-1 if dim is None else dim for dim in shape_of(node.outputs[0])]
    if target.count(-1) > 1:
        source, asked = shape_of(node.inputs[0]), writer.ints(node, "shape", 1)
        target = [(source[axis] or -1) if size == 0 else size for axis, size in enumerate(asked)]
    if target.count(-1) > 1:
        raise writer.refusal(node, "has a target with several open sizes")
    return writer.ops.reshape(writer.first(node), tuple(target))


def _keeps_batch(node: ir.Node, target: tuple[int, ...]) -> bool:
    """Whether the first axis stays: by the target, by its name, or because all others keep their number of values."""
    source, output = node.inputs[0], node.outputs[0]
    assert source is not None
    before, after = shape_of(source), shape_of(output)
    if target[0] == 0 or (before[0] is not None and before[0] == after[0]):
        return True
    products = _product(before[1:]), _product(after[1:])
    if None not in products:
        return products[0] == products[1]
    first, same = (value.shape[0] if value.shape else None for value in (source, output))
    return isinstance(first, ir.SymbolicDim) and first.value is not None and first == same


def _product(dims: tuple[int | None, ...]) -> int | None:
    sizes = [dim for dim in dims if dim is not None]
    return math.prod(sizes) if len(sizes) == len(dims) else None


def _unsqueeze(writer: Writer, node: ir.Node) -> Tensor:
    rank = len(shape_of(node.outputs[0]))
    axes = sorted(axis % rank for axis in writer.ints(node, "axes", 1))
    return writer.ops.expand_dims(writer.first(node), axis=tuple(axes) if len(axes) > 1 else axes[0])


def _squeeze(writer: Writer, node: ir.Node) -> Tensor:
    rank = len(shape_of(node.inputs[0]))
    axes = sorted(axis % rank for axis in writer.ints(node, "axes", 1))
    return writer.ops.squeeze(writer.first(node), axis=tuple(axes) if len(axes) > 1 else axes[0])


_MOVING: dict[str, Emit] = {
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}


@emits("Expand")
def expand(writer: Writer, node: ir.Node) -> Tensor:
    """To a larger shape, where only axes of size one grow."""
    target = list(writer.ints(node, "shape", 1))
    source = shape_of(node.inputs[0])
    if len(target) > len(source) or any(
        size == 1 and dim != 1 and dim is None for size, dim in zip(target, source[-len(target) :], strict=True)
    ):
        raise writer.refusal(node, "adds axes or leaves open ones")
    full = [*source[: len(source) - len(target)], *target]
    grown = [dim if size == 1 else size for size, dim in zip(full, source, strict=True)]
    if any(size is None for size in grown):
        raise writer.refusal(node, "keeps an open axis")
    return writer.ops.broadcast_to(writer.first(node), tuple(grown))


@emits("Tile")
def tile(writer: Writer, node: ir.Node) -> Tensor:
    """As often as said along each axis."""
    return writer.ops.tile(writer.first(node), writer.ints(node, "repeats", 1))


@emits("Shape")
def shape(writer: Writer, node: ir.Node) -> Tensor:
    """The sizes as a tensor; an open one is a sum of ones along its axis, since a saved model keeps no other."""
    x, dims = writer.first(node), shape_of(node.inputs[0])
    places = range(len(dims))[int_of(node, "start", 0) : int_of(node, "end", len(dims))]
    sizes = []
    for axis in places:
        if dims[axis] is not None:
            sizes.append(np.array([dims[axis]], np.int64))
            continue
        line = x[tuple(slice(None) if one == axis else 0 for one in range(len(dims)))]
        ones = writer.ops.cast(writer.ops.ones_like(line), "int64")
        sizes.append(writer.ops.sum(ones, axis=0, keepdims=True))
    return writer.ops.concatenate(sizes, axis=0)
