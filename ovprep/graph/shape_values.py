"""What the shape arithmetic of a graph comes to: sizes of tensors, and the integers that are computed from them."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.extents import Extent, minus, product_of
from ovprep.graph.shapes import rank_of

Extents = tuple[Extent, ...]

_INTEGERS = (ir.DataType.INT32, ir.DataType.INT64)
_LONGEST = 64
"""Longer lists of integers carry data, not shapes."""


class ShapeValues:
    """Follows sizes through the ops that exporters compute shapes with. Ask in topological order.

    An open axis that has a name is the same size wherever that name stands; one without a name is a size of its own.
    """

    def __init__(self) -> None:
        self._dims: dict[ir.Value, Extents] = {}
        self._lists: dict[ir.Value, Extents] = {}

    def dims(self, value: ir.Value | None) -> Extents | None:
        """The size of each axis of a value, None where its rank is not known."""
        if value is None or value.shape is None:
            return None
        known = self._dims.get(value, ())
        if len(known) != len(value.shape):
            known = tuple(Extent(0, 1, (value, axis)) for axis in range(len(value.shape)))
        return tuple(
            Extent(dim) if isinstance(dim, int) else own if not _is_own(own, value) or dim.value is None else _named(dim)
            for dim, own in zip(value.shape, known, strict=True)
        )

    def numbers(self, value: ir.Value | None) -> Extents | None:
        """The integers that a tensor of rank 0 or 1 holds, or None."""
        array = array_of(value)
        if array is not None:
            small = array.dtype.kind == "i" and array.size <= _LONGEST
            return tuple(Extent(int(number)) for number in array.ravel()) if small else None
        return None if value is None else self._lists.get(value)

    def learn(self, node: ir.Node) -> None:
        """Takes in what a node makes of the sizes of its inputs. Its inputs have been learned before."""
        sizes = self._sizes_of(node)
        if sizes is not None and rank_of(node.outputs[0]) == len(sizes):
            self._dims[node.outputs[0]] = sizes
        rule = _LISTS.get(node.op_type)
        if rule is None or node.outputs[0].dtype not in _INTEGERS:
            return
        made = rule(self, node)
        for output, numbers in zip(node.outputs, made or (), strict=False):
            if len(numbers) <= _LONGEST:
                self._lists[output] = numbers

    def _sizes_of(self, node: ir.Node) -> Extents | None:
        rule = _SIZES.get(node.op_type)
        source = self.dims(node.inputs[0]) if rule is not None and node.inputs else None
        return None if rule is None or source is None else rule(self, node, source)


def _is_own(extent: Extent, value: ir.Value) -> bool:
    return isinstance(extent.of, tuple) and extent.of[0] is value


def _named(dim: ir.SymbolicDim) -> Extent:
    return Extent(0, 1, dim.value)


def _windowed(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    """Convolution and pooling: time where the stride is one, or the op upsamples."""
    dims, weights = known.dims(node.outputs[0]), node.inputs[1] if "Conv" in node.op_type else None
    kernel = ints_of(node, "kernel_shape") or (() if weights is None else (rank_of(weights) and weights.shape or ())[2:])
    if dims is None or len(dims) != len(source) or not all(isinstance(size, int) for size in kernel):
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
        reach, before = (int(kernel[axis]) - 1) * dilations[axis], source[axis + 2]
        if padding.startswith("SAME"):
            lost = reach if node.op_type == "ConvTranspose" else 0
            exact: Extent | None = before if strides[axis] == 1 and not lost else None
        else:
            own = pads[axis] + pads[axis + count]
            if node.op_type == "ConvTranspose":
                exact = before * strides[axis] + (reach + 1 - strides[axis] - own + extra[axis])
            else:
                exact = before + (own - reach) if strides[axis] == 1 else None
        made[axis + 2] = exact or made[axis + 2]
    return tuple(made)


def _reshaped(known: ShapeValues, node: ir.Node, source: Extents) -> Extents | None:
    target, dims = known.numbers(node.inputs[1]), known.dims(node.outputs[0])
    if target is None or dims is None or len(dims) != len(target) or int_of(node, "allowzero", 0):
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


_SAME_SIZES = "BatchNormalization Cast Clip Elu Identity LeakyRelu LogSoftmax Neg Relu Selu Sigmoid Softmax Softplus Tanh"
_SIZES: dict[str, Callable[[ShapeValues, ir.Node, Extents], Extents | None]] = {
    **dict.fromkeys(_SAME_SIZES.split(), lambda known, node, source: source),
    **dict.fromkeys("Conv ConvTranspose MaxPool AveragePool LpPool".split(), _windowed),
    **dict.fromkeys("Add Sub Mul Div Max Min Pow PRelu Sum Where".split(), _broadcast),
    "Reshape": _reshaped,
    "Squeeze": _dropped,
    "Tile": _tiled,
    "Transpose": _turned,
    "Unsqueeze": _spread,
}

Lists = tuple[Extents, ...] | None


def _shape(known: ShapeValues, node: ir.Node) -> Lists:
    dims = known.dims(node.inputs[0])
    start, end = int_of(node, "start", 0), node.attributes.get("end")
    return None if dims is None else (dims[start : end.as_int() if end is not None else None],)


def _same(known: ShapeValues, node: ir.Node) -> Lists:
    numbers = known.numbers(node.inputs[0])
    return None if numbers is None else (numbers,)


def _same_if_a_row(known: ShapeValues, node: ir.Node) -> Lists:
    """A Transpose keeps the order of elements where no more than one axis is longer than one."""
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    return _same(known, node) if shape is not None and sum(dim != 1 for dim in shape) <= 1 else None


def _joined(known: ShapeValues, node: ir.Node) -> Lists:
    parts = [known.numbers(value) for value in node.inputs]
    if rank_of(node.outputs[0]) != 1 or any(part is None for part in parts):
        return None
    return (tuple(size for part in parts if part is not None for size in part),)


def _picked(known: ShapeValues, node: ir.Node) -> Lists:
    numbers, places = known.numbers(node.inputs[0]), array_of(node.inputs[1])
    if numbers is None or places is None or rank_of(node.inputs[0]) != 1:
        return None
    return (tuple(numbers[int(place)] for place in places.ravel()),)


def _cut(known: ShapeValues, node: ir.Node) -> Lists:
    numbers = known.numbers(node.inputs[0])
    given = [array_of(value) for value in node.inputs[1:]]
    if numbers is None or any(array is None for array in given) or rank_of(node.inputs[0]) != 1:
        return None
    start, end = (int(array.item()) for array in given[:2] if array is not None)
    step = int(given[3].item()) if len(given) > 3 and given[3] is not None else 1
    return (numbers[start:end:step],) if step > 0 else None


def _split(known: ShapeValues, node: ir.Node) -> Lists:
    numbers, parts = known.numbers(node.inputs[0]), [output.shape for output in node.outputs]
    sizes = [part[0] if part is not None and len(part) == 1 else None for part in parts]
    if numbers is None or not all(isinstance(size, int) for size in sizes):
        return None
    ends = np.cumsum([int(str(size)) for size in sizes])
    return tuple(numbers[end - int(str(size)) : end] for end, size in zip(ends, sizes, strict=True))


def _computed(known: ShapeValues, node: ir.Node) -> Lists:
    """Element by element, one of them perhaps for all."""
    sides = [known.numbers(value) for value in node.inputs]
    if len(sides) == 1 and sides[0] is not None:
        return (tuple(size * -1 for size in sides[0]),)
    if len(sides) != 2 or sides[0] is None or sides[1] is None or any((rank_of(v) or 0) > 1 for v in node.inputs):
        return None
    length = max(len(sides[0]), len(sides[1]))
    left, right = (side * length if len(side) == 1 else side for side in (sides[0], sides[1]))
    made = [_combined(node.op_type, one, other) for one, other in zip(left, right, strict=True)]
    return None if None in made else (tuple(size for size in made if size is not None),)


def _combined(op_type: str, one: Extent, other: Extent) -> Extent | None:
    if op_type == "Add":
        return one + other
    if op_type == "Sub":
        return minus(one, other)
    if op_type in ("Max", "Min"):
        gap = minus(one, other)
        if gap is None or gap.number is None:
            return None
        return one if (gap.number >= 0) == (op_type == "Max") else other
    if op_type == "Div":
        return None if other.number is None else one.divided(other.number)
    number, open_one = (other.number, one) if other.number is not None else (one.number, other)
    return None if number is None else open_one * number


_LISTS: dict[str, Callable[[ShapeValues, ir.Node], Lists]] = {
    **dict.fromkeys(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _same),
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Neg", "Sub"), _computed),
    "Concat": _joined,
    "Gather": _picked,
    "Shape": _shape,
    "Slice": _cut,
    "Split": _split,
    "Transpose": _same_if_a_row,
}
