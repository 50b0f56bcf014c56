"""Ops that name axes: reductions, joining and cutting, padding."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import array_of, int_of

_REDUCTIONS = {
    "ReduceLogSumExp": "logsumexp",
    "ReduceMax": "max",
    "ReduceMean": "mean",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceSum": "sum",
}
_POOLS = {"ReduceMax": "GlobalMaxPooling1D", "ReduceMean": "GlobalAveragePooling1D"}


@emits(*_REDUCTIONS)
def reduction(writer: Writer, node: ir.Node) -> Tensor:
    """Over some axes, or all; a mean of `[N, W, C]` over time is a global pool."""
    x, keep = writer.first(node), bool(int_of(node, "keepdims", 1))
    if node.op_type == "ReduceMean" and not str(x.dtype).startswith(("float", "bfloat")):
        raise writer.refusal(node, "takes a mean of whole numbers")
    axes = _reduced(writer, node)
    if axes == (1,) and len(x.shape) == 3 and node.op_type in _POOLS and str(x.dtype).startswith("float"):
        return writer.layer(node, _POOLS[node.op_type], x, keepdims=keep, data_format="channels_last")
    return getattr(writer.ops, _REDUCTIONS[node.op_type])(x, axis=axes, keepdims=keep)


@emits("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")
def reduction_of_function(writer: Writer, node: ir.Node) -> Tensor:
    """A sum of absolute values or squares, and its root or logarithm."""
    ops, x = writer.ops, writer.first(node)
    terms = {"ReduceL1": ops.abs, "ReduceLogSum": lambda value: value}.get(node.op_type, ops.square)(x)
    total = ops.sum(terms, axis=_reduced(writer, node), keepdims=bool(int_of(node, "keepdims", 1)))
    return {"ReduceL2": ops.sqrt, "ReduceLogSum": ops.log}.get(node.op_type, lambda value: value)(total)


def _reduced(writer: Writer, node: ir.Node) -> tuple[int, ...]:
    rank = len(shape_of(node.inputs[0]))
    given = "axes" in node.attributes or (len(node.inputs) > 1 and node.inputs[1] is not None)
    axes = writer.ints(node, "axes", 1) if given else ()
    if not axes and int_of(node, "noop_with_empty_axes", 0):
        raise writer.refusal(node, "reduces no axis")
    return tuple(axis % rank for axis in axes or range(rank))


@emits("ArgMax", "ArgMin")
def arg_reduction(writer: Writer, node: ir.Node) -> Tensor:
    """The first of several that are equal, as whole numbers of 64 bits."""
    if int_of(node, "select_last_index", 0):
        raise writer.refusal(node, "takes the last of equal values")
    find = writer.ops.argmax if node.op_type == "ArgMax" else writer.ops.argmin
    found = find(writer.first(node), axis=int_of(node, "axis", 0), keepdims=bool(int_of(node, "keepdims", 1)))
    return writer.ops.cast(found, "int64")


@emits("CumSum")
def cumulative_sum(writer: Writer, node: ir.Node) -> Tensor:
    """Of all values up to each."""
    if int_of(node, "exclusive", 0) or int_of(node, "reverse", 0):
        raise writer.refusal(node, "leaves out the value itself or goes back")
    return writer.ops.cumsum(writer.first(node), axis=writer.ints(node, "axes", 1)[0])


@emits("Concat")
def concat(writer: Writer, node: ir.Node) -> Tensor:
    """Along one axis; constants, which have no batch, are not joined to tensors that have one."""
    parts = [writer.of(value) for value in node.inputs]
    axis = int_of(node, "axis", 0)
    if all(array_of(value) is None for value in node.inputs):
        return parts[0] if len(parts) == 1 else writer.layer(node, "Concatenate", parts, axis=axis)
    computed = next(part for part, value in zip(parts, node.inputs, strict=True) if array_of(value) is None)
    if computed.shape[0] is None:
        raise writer.refusal(node, "joins a constant to each sample")
    return writer.ops.concatenate(parts, axis=axis)


@emits("Split")
def split(writer: Writer, node: ir.Node) -> Any:
    """Into equal parts, or into parts of given sizes."""
    x, axis = writer.first(node), int_of(node, "axis", 0)
    sizes = [size for output in node.outputs if (size := shape_of(output)[axis]) is not None]
    if len(sizes) < len(node.outputs):
        raise writer.refusal(node, "cuts an open axis")
    ends = np.cumsum(sizes)[:-1].tolist()
    return writer.ops.split(x, ends, axis=axis) if ends else [x]


@emits("Slice")
def cut(writer: Writer, node: ir.Node) -> Tensor:
    """A Cropping1D where both ends of time are cut by fixed lengths, an operation else."""
    x, dims = writer.first(node), shape_of(node.inputs[0])
    starts, ends = writer.ints(node, "starts", 1), writer.ints(node, "ends", 2)
    named = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = writer.ints(node, "axes", 3) if named else tuple(range(len(starts)))
    steps = writer.ints(node, "steps", 4) if len(node.inputs) > 4 else (1,) * len(starts)
    key: list[Any] = [slice(None)] * len(dims)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        key[axis % len(dims)] = _range(start, end, step, dims[axis % len(dims)])
    touched = [axis for axis, one in enumerate(key) if one != slice(None)]
    time = key[1] if touched == [1] and len(dims) == 3 else None
    if time is not None and time.step is None and (time.start or 0) >= 0 and (time.stop or 0) <= 0:
        return writer.layer(node, "Cropping1D", x, cropping=(time.start or 0, -(time.stop or 0)))
    return x if not touched else x[tuple(key)]


def _range(start: int, end: int, step: int, length: int | None) -> slice:
    """A slice as Python has it; where the length is known, ends are counted from the end, as croppings are."""
    far = 2**31 - 1
    if step < 0:
        first = None if start >= far or start == -1 or (length is not None and start >= length - 1) else start
        return slice(first, None if end < -(length or far) else end, step)
    if length is not None:
        begin, stop, _ = slice(start, end, step).indices(length)
        return slice(
            begin or None, None if stop == length else stop - length if stop else 0, step if step > 1 else None
        )
    return slice(start or None, None if end >= far else end, step if step > 1 else None)


@emits("Gather")
def gather(writer: Writer, node: ir.Node) -> Tensor:
    """One place, several places, or the rows of a table of weights, which is an Embedding."""
    axis, indices, table = int_of(node, "axis", 0), array_of(node.inputs[1]), array_of(node.inputs[0])
    if table is not None and indices is None:
        if axis != 0 or table.ndim != 2 or table.dtype != np.float32:
            raise writer.refusal(node, "looks up a constant that is no table of rows")
        rows, size = table.shape
        return writer.layer(node, "Embedding", writer.of(node.inputs[1]), [table], input_dim=rows, output_dim=size)
    x = writer.first(node)
    if indices is None:
        return writer.ops.take(x, writer.of(node.inputs[1]), axis=axis)
    if indices.ndim == 0:
        return x[(*(slice(None),) * (axis % len(x.shape)), int(indices))]
    if x.shape[axis] is not None:
        indices = indices % x.shape[axis]
    elif indices.astype(np.int64).min(initial=0) < 0:
        raise writer.refusal(node, "counts from the end of an open axis")
    return writer.ops.take(x, indices.astype(np.int32), axis=axis)


@emits("Pad")
def pad(writer: Writer, node: ir.Node) -> Tensor:
    """A ZeroPadding1D for zeros around time, an operation else."""
    x, rank = writer.first(node), len(shape_of(node.inputs[0]))
    numbers = writer.ints(node, "pads", 1)
    named = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = writer.ints(node, "axes", 3) if named else tuple(range(rank))
    pads = [(0, 0)] * rank
    for axis, before, after in zip(axes, numbers[: len(axes)], numbers[len(axes) :], strict=True):
        pads[axis % rank] = (before, after)
    if min(min(pair) for pair in pads) < 0:
        raise writer.refusal(node, "cuts by negative pads")
    mode = node.attributes.get_string("mode", "constant")
    if mode == "constant":
        fill = writer.optional(node, 2, "fillings")
        number = 0.0 if fill is None else float(fill.ravel()[0])
        if rank == 3 and not any((*pads[0], *pads[2])) and number == 0 and str(x.dtype).startswith("float"):
            return writer.layer(node, "ZeroPadding1D", x, padding=pads[1])
        return writer.ops.pad(x, pads, constant_values=number)
    if mode == "reflect":
        return writer.ops.pad(x, pads, mode="reflect")
    if mode != "edge":
        raise writer.refusal(node, f"pads by {mode}")
    for axis, (before, after) in enumerate(pads):
        x = _with_edges(writer, x, axis, before, after)
    return x


def _with_edges(writer: Writer, x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """The first and the last place along an axis as often as need be; no backend but NumPy's pads so itself."""
    lead = (slice(None),) * axis
    parts = [x]
    if before:
        parts.insert(0, writer.ops.repeat(x[(*lead, slice(0, 1))], before, axis=axis))
    if after:
        parts.append(writer.ops.repeat(x[(*lead, slice(-1, None))], after, axis=axis))
    return writer.ops.concatenate(parts, axis=axis) if len(parts) > 1 else x
