"""Ops that have a number for each axis: padding, cutting, repeating, resizing; and reductions."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of, set_ints
from ovprep.passes.unit_axis.registry import RANK, Drop, rule, without


@rule("Pad")
def pad(node: ir.Node, axis: int) -> Drop | None:
    """The axis is not padded, as it keeps its size."""
    pads = ints_of(node, "pads", 1)
    if pads is None or len(pads) != 2 * RANK or (len(node.inputs) > 3 and node.inputs[3] is not None):
        return None
    if pads[axis] or pads[axis + RANK]:
        return None
    left = without(pads, axis, axis + RANK)
    return Drop({0: axis}, {0: axis}, lambda build: _replace(node, 1, build, left))


@rule("Slice")
def cut(node: ir.Node, axis: int) -> Drop | None:
    """The axis is taken whole, as it keeps its size."""
    lists = [ints_of(node, "", index) for index in range(1, len(node.inputs))]
    if len(lists) < 2 or any(numbers is None for numbers in lists):
        return None
    axes = lists[2] if len(lists) > 2 and lists[2] is not None else tuple(range(len(lists[0] or ())))
    gone = [place for place, one in enumerate(axes) if one % RANK == axis]
    kept = tuple(one % RANK - (one % RANK > axis) for one in without(axes, *gone))

    def edit(build: Builder) -> None:
        if not kept:
            node.resize_inputs(1)
            node.op_type = "Identity"
            return
        node.resize_inputs(max(len(node.inputs), 4))
        for index, numbers in enumerate(lists, start=1):
            _replace(node, index, build, without(numbers or (), *gone))
        _replace(node, 3, build, kept)

    return Drop({0: axis}, {0: axis}, edit)


@rule("Tile", "Expand")
def repeat(node: ir.Node, axis: int) -> Drop | None:
    """A number for each axis, one for the axis that goes."""
    numbers = ints_of(node, "", 1)
    if numbers is None or len(numbers) != RANK:
        return None
    left = without(numbers, axis)
    return Drop({0: axis}, {0: axis}, lambda build: _replace(node, 1, build, left))


@rule("Resize")
def resize(node: ir.Node, axis: int) -> Drop | None:
    """Of one sample, every way to resize makes the same one sample."""
    place = 2 if len(node.inputs) < 4 or node.inputs[3] is None else 3
    numbers = array_of(node.inputs[place]) if len(node.inputs) > place else None
    if numbers is None or numbers.size != RANK or "axes" in node.attributes:
        return None
    if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return None
    left = np.delete(numbers, axis)

    def edit(build: Builder) -> None:
        node.replace_input_with(place, build.constant(left, "scales"))
        node.replace_input_with(1, None)

    return Drop({0: axis}, {0: axis}, edit)


@rule("ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare")
def reduction(node: ir.Node, axis: int) -> Drop | None:
    """Over other axes, or over the axis with others."""
    given = ints_of(node, "axes", 1)
    axes = None if given is None else [one % RANK for one in given]
    keeps = bool(int_of(node, "keepdims", 1))
    if axes is None or not set(axes) - {axis} or (not keeps and axis not in axes):
        return None
    left = tuple(one - (one > axis) for one in axes if one != axis)

    def edit(build: Builder) -> None:
        if "axes" in node.attributes:
            set_ints(node, "axes", left)
        else:
            _replace(node, 1, build, left)

    return Drop({0: axis}, {0: axis} if keeps else {}, edit)


def _replace(node: ir.Node, index: int, build: Builder, numbers: tuple[int, ...]) -> None:
    node.replace_input_with(index, build.ints(*numbers, name="numbers"))
