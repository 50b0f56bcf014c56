"""What ops make of short lists of integers, as exporters compute shapes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of
from ovprep.graph.extents import Extent, Extents, minus
from ovprep.graph.shapes import rank_of

if TYPE_CHECKING:
    from ovprep.graph.shape_values import ShapeValues

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
    chosen = [int(place) for place in places.ravel()]
    if any(not -len(numbers) <= place < len(numbers) for place in chosen):
        return None
    return (tuple(numbers[place] for place in chosen),)


def _cut(known: ShapeValues, node: ir.Node) -> Lists:
    numbers = known.numbers(node.inputs[0])
    given = [array_of(value) for value in node.inputs[1:]]
    if numbers is None or any(array is None for array in given) or rank_of(node.inputs[0]) != 1:
        return None
    if len(given) < 2 or any(array is not None and array.size != 1 for array in given):
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
        # ONNX allows a Max or a Min of one input, which is that input.
        return (tuple(size * -1 for size in sides[0]) if node.op_type == "Neg" else sides[0],)
    if len(sides) != 2 or sides[0] is None or sides[1] is None or any((rank_of(v) or 0) > 1 for v in node.inputs):
        return None
    length = len(sides[1]) if len(sides[0]) == 1 else len(sides[0])
    left, right = (side * length if len(side) == 1 else side for side in (sides[0], sides[1]))
    if len(left) != len(right):
        return None
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


INTEGER_RULES: dict[str, Callable[[ShapeValues, ir.Node], Lists]] = {
    **dict.fromkeys(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _same),
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Neg", "Sub"), _computed),
    "Concat": _joined,
    "Gather": _picked,
    "Shape": _shape,
    "Slice": _cut,
    "Split": _split,
    "Transpose": _same_if_a_row,
}
