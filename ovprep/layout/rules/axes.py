"""Ops that name axes: reductions, softmax, joining and cutting, padding, resizing."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of, set_int, set_ints
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.registry import RANK, Free, Pinned, Ruling, Swap, rule, swap_constant_inputs


@rule(
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
)
def reduction(node: ir.Node) -> Ruling:
    """Runs in either layout once its axes are renamed; what is left must not show the order."""
    axes = ints_of(node, "axes", 1)
    if axes is None:
        return Pinned("its axes are not constant")
    if not int_of(node, "keepdims", 1) and {axis % RANK for axis in axes} == {0}:
        return Pinned("drops the batch, so the order of the other axes would show")

    def edit(swap: Swap) -> None:
        if "axes" in node.attributes:
            set_ints(node, "axes", swap.axes(axes))
        else:
            node.replace_input_with(1, swap.build.ints(*swap.axes(axes), name="axes"))

    return Free(edit)


@rule("ArgMax", "ArgMin")
def arg_reduction(node: ir.Node) -> Ruling:
    """As a reduction over one axis."""
    axis = int_of(node, "axis", 0)
    if not int_of(node, "keepdims", 1) and axis % RANK == 0:
        return Pinned("drops the batch, so the order of the other axes would show")
    return Free(lambda swap: set_int(node, "axis", swap.axis(axis)))


@rule("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: ir.Node) -> Ruling:
    """Over one axis, the last by default."""
    axis = int_of(node, "axis", -1)
    return Free(lambda swap: set_int(node, "axis", swap.axis(axis)))


@rule("Concat", turns_constants=True)
def concat(node: ir.Node) -> Ruling:
    """Along one axis; constant parts are turned."""
    axis, constants = int_of(node, "axis", 0), swap_constant_inputs(node, range(len(node.inputs)))

    def edit(swap: Swap) -> None:
        set_int(node, "axis", swap.axis(axis))
        constants(swap)

    return Free(edit)


@rule("Split")
def split(node: ir.Node) -> Ruling:
    """Along one axis; every part is turned back."""
    axis = int_of(node, "axis", 0)
    return Free(lambda swap: set_int(node, "axis", swap.axis(axis)))


@rule("Slice")
def slice_(node: ir.Node) -> Ruling:
    """Starts and ends stay, the axes that they belong to are renamed."""
    starts = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    named = len(node.inputs) > 3 and node.inputs[3] is not None
    axes = ints_of(node, "axes", 3) if named else tuple(range(starts.size)) if starts is not None else None
    if axes is None:
        return Pinned("its axes are not constant")

    def edit(swap: Swap) -> None:
        if len(node.inputs) < 4:
            node.resize_inputs(4)
        node.replace_input_with(3, swap.build.ints(*swap.axes(axes), name="axes"))

    return Free(edit)


@rule("Pad")
def pad(node: ir.Node) -> Ruling:
    """One number before and one after each axis."""
    pads = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if pads is None:
        return Pinned("its pads are not constant")
    numbers = [int(number) for number in pads]
    if len(node.inputs) > 3 and node.inputs[3] is not None:
        axes = ints_of(node, "axes", 3)
        if axes is None:
            return Pinned("its axes are not constant")
        return Free(lambda swap: node.replace_input_with(3, swap.build.ints(*swap.axes(axes), name="axes")))

    def edit(swap: Swap) -> None:
        turned = swap.per_axis(numbers[:RANK]) + swap.per_axis(numbers[RANK:])
        node.replace_input_with(1, swap.build.ints(*turned, name="pads"))

    return Free(edit)


@rule("Resize")
def resize(node: ir.Node) -> Ruling:
    """Scales or sizes per axis, or of one axis by its name."""
    index = 2 if len(node.inputs) < 4 or node.inputs[3] is None else 3
    factors = array_of(node.inputs[index]) if len(node.inputs) > index else None
    axes = ints_of(node, "axes")
    if factors is None or factors.size != (RANK if axes is None else len(axes)):
        return Pinned("its scales are not constant for all axes")
    if (axes is not None and len(axes) > 1) or int_of(node, "antialias", 0):
        return Pinned("names several axes, or smooths")
    if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return Pinned("crops to a region")
    if axes is not None:
        return Free(lambda swap: set_ints(node, "axes", swap.axes(axes)))
    turned = np.array([factors[axis] for axis in (0, 2, 1)], factors.dtype)
    return Free(lambda swap: node.replace_input_with(index, swap.build.constant(turned, "scales")))


@rule("Unsqueeze")
def unsqueeze(node: ir.Node) -> Ruling:
    """`[N, A]` becomes `[N, 1, A]` or `[N, A, 1]`: the same values, the new axis elsewhere."""
    axes = ints_of(node, "axes", 1)
    if rank_of(node.inputs[0]) != RANK - 1 or axes is None or axes[0] % RANK == 0:
        return Pinned("adds an axis that is not the channels or the time")
    return Free(lambda swap: node.replace_input_with(1, swap.build.ints(*swap.axes(axes), name="axes")))


@rule("Squeeze")
def squeeze(node: ir.Node) -> Ruling:
    """`[N, 1, A]` or `[N, A, 1]` becomes `[N, A]`."""
    axes = ints_of(node, "axes", 1)
    if axes is None or len(axes) != 1 or axes[0] % RANK == 0:
        return Pinned("removes more than one axis, or the batch")
    return Free(lambda swap: node.replace_input_with(1, swap.build.ints(*swap.axes(axes), name="axes")))


@rule("Gather")
def gather(node: ir.Node) -> Ruling:
    """One place along an axis, or several."""
    indices = array_of(node.inputs[1])
    axis = int_of(node, "axis", 0)
    if indices is None or indices.ndim > 1:
        return Pinned("its indices are not a constant list")
    if indices.ndim == 0 and axis % RANK == 0:
        return Pinned("drops the batch, so the order of the other axes would show")
    return Free(lambda swap: set_int(node, "axis", swap.axis(axis)))
