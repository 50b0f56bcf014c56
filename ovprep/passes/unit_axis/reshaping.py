"""Ops that add, drop, move or join axes."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, ints_of, set_int, set_ints
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.unit_axis.registry import RANK, Drop, rule, without


@rule("Transpose")
def transpose(node: ir.Node, axis: int) -> Drop | None:
    """The axes that are left keep their order."""
    perm = ints_of(node, "perm") or tuple(reversed(range(RANK)))
    if len(perm) != RANK:
        return None
    left = [one - (one > axis) for one in perm if one != axis]

    def edit(build: Builder) -> None:
        if left == sorted(left):
            node.attributes.clear()
            node.op_type = "Identity"
        else:
            set_ints(node, "perm", left)

    return Drop({0: axis}, {0: perm.index(axis)}, edit)


@rule("Squeeze", "Unsqueeze")
def squeeze(node: ir.Node, axis: int) -> Drop | None:
    """The axis is gone already, or never comes."""
    high = node.inputs[0] if node.op_type == "Squeeze" else node.outputs[0]
    given = ints_of(node, "axes", 1)
    axes = [one % RANK for one in given or ()]
    if rank_of(high) != RANK or axis not in axes:
        return None
    left = [one - (one > axis) for one in axes if one != axis]

    def edit(build: Builder) -> None:
        if left:
            node.replace_input_with(1, build.ints(*left, name="axes"))
        else:
            node.resize_inputs(1)
            node.op_type = "Identity"

    return Drop({0: axis}, {}, edit) if node.op_type == "Squeeze" else Drop({}, {0: axis}, edit)


@rule("Reshape")
def reshape(node: ir.Node, axis: int) -> Drop | None:
    """An axis of size one changes no order; a 0 in the target must go on speaking of the axis that it spoke of."""
    target = ints_of(node, "", 1)
    before, after = (_has_one(value, axis) for value in (node.inputs[0], node.outputs[0]))
    if target is None or int_of(node, "allowzero", 0) or not (before or after):
        return None
    if before != after and 0 in target[axis:]:
        return None
    left = without(target, axis) if after else target
    return Drop(
        {0: axis} if before else {},
        {0: axis} if after else {},
        lambda build: node.replace_input_with(1, build.ints(*left, name="shape")),
    )


@rule("Flatten")
def flatten(node: ir.Node, axis: int) -> Drop | None:
    """Joins the axes before and behind one of them."""
    first = int_of(node, "axis", 1)
    first = first % RANK if first < 0 else first

    def edit(build: Builder) -> None:
        set_int(node, "axis", first - (first > axis))

    return Drop({0: axis}, {}, edit) if rank_of(node.inputs[0]) == RANK else None


def _has_one(value: ir.Value | None, axis: int) -> bool:
    return value is not None and rank_of(value) == RANK and dims_of(value)[axis] == 1
