"""What ops make of the sizes of their input, where the inference of ONNX loses an open size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.extents import Extent, Extents, product_of
from ovprep.graph.refinement import quotient
from ovprep.graph.shapes import dims_of

if TYPE_CHECKING:
    from ovprep.graph.shape_values import ShapeValues

SizeRule = Callable[["ShapeValues", ir.Node, Extents], Extents | None]

TO_THE_END = 2**31 - 1
"""What exporters write for "to the end"; some write the largest int64."""


def kernel_of(node: ir.Node) -> tuple[int, ...]:
    """The size of the window of a convolution or a pooling, from its attribute or its weights; empty if not known."""
    given = ints_of(node, "kernel_shape")
    if given is not None:
        return given
    weights = node.inputs[1] if "Conv" in node.op_type else None
    sizes = () if weights is None or weights.shape is None else dims_of(weights)[2:]
    return () if None in sizes else tuple(size for size in sizes if size is not None)


def _windowed(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    """Convolution and pooling: time where the stride is one, or the op upsamples."""
    dims, kernel = known.dims(node.outputs[0]), kernel_of(node)
    if dims is None or len(dims) != len(source) or len(kernel) != len(source) - 2:
        return None
    count = len(source) - 2
    strides, dilations = (ints_of(node, name) or (1,) * count for name in ("strides", "dilations"))
    pads, extra = ints_of(node, "pads") or (0,) * (2 * count), ints_of(node, "output_padding") or (0,) * count
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    if padding not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER") or "output_shape" in node.attributes:
        return None
    made = list(dims)
    made[0] = source[0]
    for axis in range(count):
        reach, before = (kernel[axis] - 1) * dilations[axis], source[axis + 2]
        if padding.startswith("SAME"):
            lost = reach if node.op_type == "ConvTranspose" else 0
            exact: Extent | None = before if strides[axis] == 1 and not lost else None
        else:
            own = pads[axis] + pads[axis + count] if padding == "NOTSET" else 0
            if node.op_type == "ConvTranspose":
                exact = before * strides[axis] + (reach + 1 - strides[axis] - own + extra[axis])
            else:
                exact = before + (own - reach) if strides[axis] == 1 else None
        made[axis + 2] = exact or made[axis + 2]
    return tuple(made)


def _reshaped(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    target, dims = known.numbers(node.inputs[1]), known.dims(node.outputs[0])
    if target is None or dims is None or len(dims) != len(target):
        return None
    if Extent(0) in target and int_of(node, "allowzero", 0):
        return None
    made = [
        source[axis] if size.number == 0 and axis < len(source) else dims[axis] if size.number == -1 else size
        for axis, size in enumerate(target)
    ]
    if Extent(-1) in target:
        made[target.index(Extent(-1))] = _rest(source, made, target.index(Extent(-1))) or made[target.index(Extent(-1))]
    return tuple(made)


def _rest(source: Extents, made: Sequence[Extent], place: int) -> Extent | None:
    """What is left for one axis once the others are taken from the elements of the source."""
    left, others = list(source), [size for axis, size in enumerate(made) if axis != place]
    for size in list(others):
        if size in left:  # also an open one, which divides nothing else
            left.remove(size)
            others.remove(size)
    for size in [size for size in others if size.number is None]:
        place, rest = next(((p, q) for p, one in enumerate(left) if (q := quotient(one, size)) is not None), (0, None))
        if rest is None:
            return None
        left[place] = rest
        others.remove(size)
    divisor = product_of(others)
    opened = [size for size in left if size.number is None]
    factor = product_of(size for size in left if size.number is not None)
    if divisor is None or factor is None or len(opened) > 1:
        return None
    return (opened[0] * factor if opened else Extent(factor)).divided(divisor)


def _broadcast(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    dims = [known.dims(value) for value in node.inputs if value is not None]
    rank = max((len(one) for one in dims if one is not None), default=0)
    made = []
    for axis in range(rank):
        sizes = {one[axis - rank + len(one)] for one in dims if one is not None and axis - rank + len(one) >= 0}
        sizes -= {Extent(1)} if len(sizes) > 1 else set()
        made.append(sizes.pop() if len(sizes) == 1 else None)
    own = known.dims(node.outputs[0])
    if None in dims or own is None or len(own) != rank:
        return None
    return tuple(size if size is not None else mine for size, mine in zip(made, own, strict=True))


def _dropped(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    axes = ints_of(node, "axes", 1)
    gone = None if axes is None else {axis % len(source) for axis in axes}
    return None if gone is None else tuple(size for axis, size in enumerate(source) if axis not in gone)


def _spread(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    axes = ints_of(node, "axes", 1)
    if axes is None:
        return None
    rank, rest = len(source) + len(axes), iter(source)
    new = {axis % rank for axis in axes}
    return tuple(Extent(1) if axis in new else next(rest) for axis in range(rank))


def _turned(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    perm = ints_of(node, "perm") or tuple(reversed(range(len(source))))
    return tuple(source[axis] for axis in perm)


def _tiled(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    repeats = known.numbers(node.inputs[1])
    numbers = None if repeats is None else [size.number for size in repeats]
    if numbers is None or None in numbers:
        return None
    return tuple(size * number for size, number in zip(source, numbers, strict=True) if number is not None)


def _padded(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    pads, dims = known.numbers(node.inputs[1]) if len(node.inputs) > 1 else None, known.dims(node.outputs[0])
    if pads is None or dims is None or len(pads) != 2 * len(source):
        return None
    added = [one + other for one, other in zip(pads[: len(source)], pads[len(source) :], strict=True)]
    made = [None if more is None else size + more for size, more in zip(source, added, strict=True)]
    return tuple(dim if size is None else size for size, dim in zip(made, dims, strict=True))


def _joined(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    parts, axis = [known.dims(value) for value in node.inputs], int_of(node, "axis", 0) % len(source)
    total: Extent | None = Extent(0)
    for part in parts:
        total = None if total is None or part is None else total + part[axis]
    own = known.dims(node.outputs[0])
    if own is None or len(own) != len(source):
        return None
    return (*source[:axis], own[axis] if total is None else total, *source[axis + 1 :])


def _cut(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    """Axes that are not cut, or cut from their start to their end, keep their size."""
    own = known.dims(node.outputs[0])
    whole = whole_axes(known, node, source)
    if own is None or whole is None or len(own) != len(source):
        return None
    return tuple(size if axis in whole else mine for axis, (size, mine) in enumerate(zip(source, own, strict=True)))


def whole_axes(known: ShapeValues, node: ir.Node, source: Extents) -> set[int] | None:
    """The axes that a Slice takes whole, None where it does not say which it cuts."""
    starts, ends, axes, steps = (
        known.numbers(node.inputs[index]) if index < len(node.inputs) else None for index in range(1, 5)
    )
    if starts is None or ends is None or (len(node.inputs) > 3 and axes is None):
        return None
    whole = set(range(len(source)))
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = place if axes is None else axes[place].number
        if axis is None:
            return None
        size, stepped = source[axis], len(node.inputs) > 4 and (steps is None or steps[place] != Extent(1))
        room = end + size * -1
        past = end.number is not None and end.number >= TO_THE_END
        if (
            stepped
            or start != Extent(0)
            or not (past or (room is not None and room.number is not None and room.number >= 0))
        ):
            whole.discard(axis % len(source))
    return whole


def _reduced(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    axes = ints_of(node, "axes", 1)
    if axes is None:
        return None
    gone = {axis % len(source) for axis in axes}
    if int_of(node, "keepdims", 1):
        return tuple(Extent(1) if axis in gone else size for axis, size in enumerate(source))
    return tuple(size for axis, size in enumerate(source) if axis not in gone)


def _multiplied(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    weights = array_of(node.inputs[1])
    return None if weights is None or weights.ndim != 2 else (*source[:-1], Extent(weights.shape[1]))


def _of_rows(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    """Gemm: a row for each row, where the first matrix is not turned."""
    own = known.dims(node.outputs[0])
    return None if own is None or len(own) != 2 or int_of(node, "transA", 0) else (source[0], own[1])


def _expanded(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    target = known.numbers(node.inputs[1])
    return target if target is not None and all(size == Extent(1) for size in source) else None


def _chosen(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    """Gather: the axes of the places stand where the axis was that they are chosen along."""
    places, axis = node.inputs[1], int_of(node, "axis", 0) % len(source)
    dims = known.dims(places)
    return None if dims is None else (*source[:axis], *dims, *source[axis + 1 :])


_SAME_SIZES = (
    "Abs BatchNormalization Cast Celu Clip DequantizeLinear Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu "
    "Log LogSoftmax Mish Neg QuantizeLinear Reciprocal Relu Selu Sigmoid Softmax Softplus Softsign Sqrt Tanh"
)
SIZE_RULES: dict[str, SizeRule] = {
    **dict.fromkeys(_SAME_SIZES.split(), lambda known, node, source: source),
    **dict.fromkeys(["Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"], _windowed),
    **dict.fromkeys(["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu", "Sum", "Where"], _broadcast),
    **dict.fromkeys(
        ["ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"], _reduced
    ),
    "Concat": _joined,
    "Expand": _expanded,
    "Gather": _chosen,
    "Gemm": _of_rows,
    "MatMul": _multiplied,
    "Pad": _padded,
    "Reshape": _reshaped,
    "Slice": _cut,
    "Squeeze": _dropped,
    "Tile": _tiled,
    "Transpose": _turned,
    "Unsqueeze": _spread,
}
