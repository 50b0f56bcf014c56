"""Ops that name axes: reductions, softmax, joining and cutting, padding, resizing."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of, set_int, set_ints
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.orientation import FIRST, LAST
from ovprep.layout.rules.dropped import without_axes
from ovprep.layout.rules.registry import RANK, Free, Pinned, Ruling, Swap, rank_in, rule, swap_constant_inputs


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

    def edit(swap: Swap) -> None:
        if "axes" in node.attributes:
            set_ints(node, "axes", swap.axes(axes))
        else:
            node.replace_input_with(1, swap.build.ints(*swap.axes(axes), name="axes"))

    return Free(edit) if int_of(node, "keepdims", 1) else without_axes(node, axes, edit)


@rule("ArgMax", "ArgMin")
def arg_reduction(node: ir.Node) -> Ruling:
    """As a reduction over one axis."""
    axis = int_of(node, "axis", 0)

    def edit(swap: Swap) -> None:
        set_int(node, "axis", swap.axis(axis))

    return Free(edit) if int_of(node, "keepdims", 1) else without_axes(node, (axis,), edit)


@rule("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: ir.Node) -> Ruling:
    """Over one axis, the last by default."""
    axis = int_of(node, "axis", -1)
    return Free(lambda swap: set_int(node, "axis", swap.axis(axis)))


@rule("QuantizeLinear", "DequantizeLinear")
def quantize(node: ir.Node) -> Ruling:
    """With one scale, or one for each place of an axis."""
    if rank_of(node.inputs[1]) not in (0, 1) or int_of(node, "block_size", 0):
        return Pinned("scales blocks")
    axis = int_of(node, "axis", 1)
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
        turned = swap.per_axis(numbers[: swap.rank]) + swap.per_axis(numbers[swap.rank :])
        node.replace_input_with(1, swap.build.ints(*turned, name="pads"))

    return Free(edit)


@rule("Resize")
def resize(node: ir.Node) -> Ruling:
    """Scales or sizes per axis, or of one axis by its name."""
    index = 2 if len(node.inputs) < 4 or node.inputs[3] is None else 3
    factors = array_of(node.inputs[index]) if len(node.inputs) > index else None
    axes = ints_of(node, "axes")
    if factors is None or factors.size != (rank_in(node) if axes is None else len(axes)):
        return Pinned("its scales are not constant for all axes")
    if (axes is not None and len(axes) > 1) or int_of(node, "antialias", 0):
        return Pinned("names several axes, or smooths")
    if node.attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        return Pinned("crops to a region")
    if axes is not None:
        return _along(node, axes[0])
    numbers, kind = list(factors), factors.dtype

    def edit(swap: Swap) -> None:
        node.replace_input_with(index, swap.build.constant(np.array(swap.per_axis(numbers), kind), "scales"))

    mode = node.attributes.get_string("mode", "nearest")
    if rank_in(node) == RANK or mode == "nearest":
        return Free(edit)
    same = [number == 1 for number in numbers] if index == 2 else _kept(node, numbers)
    if mode == "cubic" or not (same[1] or same[-1]):
        return Pinned("interpolates in a way that runtimes know of the last axes alone")
    only = None if same[1] and same[-1] else FIRST if same[1] else LAST
    return Free(edit, only=only, otherwise="interpolates between channels, which no runtime does in this layout")


def _along(node: ir.Node, axis: int) -> Ruling:
    """A Resize along one named axis."""
    if rank_in(node) != RANK:
        return Pinned("names its axis at rank 4")
    return Free(lambda swap: set_ints(node, "axes", swap.axes([axis])))


def _kept(node: ir.Node, sizes: Sequence[int]) -> list[bool]:
    """Which axes a Resize to some sizes leaves as they are."""
    source = node.inputs[0]
    return [] if source is None else [dim == size for dim, size in zip(dims_of(source), sizes, strict=True)]


@rule("Unsqueeze", "Squeeze")
def squeeze(node: ir.Node) -> Ruling:
    """`[N, 1, A]` or `[N, A, 1]` from or to `[N, A]`: the same values, the axis of size one elsewhere."""
    axes = ints_of(node, "axes", 1)
    if axes is None:
        return Pinned("its axes are not constant")
    return without_axes(
        node, axes, lambda swap: node.replace_input_with(1, swap.build.ints(*swap.axes(axes), name="axes"))
    )


@rule("Gather")
def gather(node: ir.Node) -> Ruling:
    """One place along an axis, or several."""
    indices = array_of(node.inputs[1])
    axis = int_of(node, "axis", 0)
    if indices is None or indices.ndim > 1:
        return Pinned("its indices are not a constant list")

    def edit(swap: Swap) -> None:
        set_int(node, "axis", swap.axis(axis))

    return Free(edit) if indices.ndim else without_axes(node, (axis,), edit)
