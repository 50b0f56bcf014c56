"""Ops that have a number for each axis: padding, cutting, repeating; and reductions."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, ints_of
from ovprep.graph.edit import replace_value
from ovprep.graph.shapes import dims_of
from ovprep.passes.rank.registry import RANK, Lift, moved, rule, widened


@rule("Pad")
def pad(node: ir.Node) -> Lift | None:
    """The new axis is not padded."""
    pads = ints_of(node, "pads", 1)
    if pads is None or len(pads) != 2 * RANK or (len(node.inputs) > 3 and node.inputs[3] is not None):
        return None

    def edit(build: Builder, axis: int) -> None:
        numbers = (*widened(pads[:RANK], axis, 0), *widened(pads[RANK:], axis, 0))
        node.replace_input_with(1, build.ints(*numbers, name="pads"))

    return Lift(edit=edit)


def lower_reflecting_pads(model: ir.Model) -> None:
    """Takes the axis from Pads that mirror once more, which OpenVINO 2022.1 runs at rank 3 alone.

    x [N, C, 1, W] -> Pad
    becomes
    x [N, C, 1, W] -> Squeeze -> Pad -> Unsqueeze
    """
    for node in list(model.graph):
        pads, value = ints_of(node, "pads", 1), node.inputs[0] if node.inputs else None
        if node.op_type != "Pad" or node.attributes.get_string("mode", "constant") != "reflect" or value is None:
            continue
        dims = dims_of(value)
        axis = next((place for place in (2, 1) if len(dims) == RANK + 1 and dims[place] == 1), None)
        if axis is None or pads is None or len(pads) != 2 * (RANK + 1) or pads[axis] or pads[axis + RANK + 1]:
            continue
        build, output = Builder(model.graph, str(node.name), before=node), node.outputs[0]
        node.replace_input_with(0, build.op("Squeeze", value, build.ints(axis, name="axes")))
        left = (number for place, number in enumerate(pads) if place % (RANK + 1) != axis)
        node.replace_input_with(1, build.ints(*left, name="pads"))
        full = output.shape
        assert full is not None
        output.shape = ir.Shape([dim for place, dim in enumerate(full) if place != axis])
        after = Builder(model.graph, str(node.name), after=node)
        raised = after.op("Unsqueeze", output, after.ints(axis, name="axes"))
        replace_value(model.graph, output, raised, keep=raised.producer())


@rule("Slice")
def cut(node: ir.Node) -> Lift | None:
    """Along the same axes as before."""
    starts, axes = ints_of(node, "", 1), ints_of(node, "", 3)
    if axes is None:
        if starts is None or (len(node.inputs) > 3 and node.inputs[3] is not None):
            return None
        axes = tuple(range(len(starts)))
    given = axes

    def edit(build: Builder, axis: int) -> None:
        node.resize_inputs(max(len(node.inputs), 4))
        node.replace_input_with(3, build.ints(*(moved(one, axis) for one in given), name="axes"))

    return Lift(edit=edit)


@rule("Tile", "Expand")
def repeat(node: ir.Node) -> Lift | None:
    """The new axis is taken once."""
    numbers = ints_of(node, "", 1)
    if numbers is None or len(numbers) != RANK:
        return None
    return Lift(
        edit=lambda build, axis: node.replace_input_with(1, build.ints(*widened(numbers, axis, 1), name="numbers"))
    )


_REDUCTIONS = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"


@rule(*(f"Reduce{name}" for name in _REDUCTIONS.split()))
def reduction(node: ir.Node) -> Lift | None:
    """Over the same axes and the new one, of which one sample is its own sum, mean and maximum.

    Without the new one among them, an axis that is not kept would leave it behind; and over both last axes
    OpenVINO's plugin is right where over one it is not: see `ovprep.passes.defects.reduction`.
    """
    axes = ints_of(node, "axes", 1)
    if not axes:
        return None

    def edit(build: Builder, axis: int) -> None:
        over = sorted({axis, *(moved(one, axis) for one in axes)})
        node.attributes.pop("axes", None)
        node.resize_inputs(2)
        node.replace_input_with(1, build.ints(*over, name="axes"))

    return Lift(outputs=(0,) if int_of(node, "keepdims", 1) else (), edit=edit)
