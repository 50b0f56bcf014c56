"""Ops that treat every element alike, and those that name one axis only."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, is_constant, set_int
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.elementwise import BROADCASTING, UNARY
from ovprep.passes.unit_axis.registry import RANK, Drop, Edit, rule


@rule(*UNARY)
def unary(node: ir.Node, axis: int) -> Drop | None:
    """Nothing to change; of a Dropout, there must be no mask."""
    return Drop({0: axis}, {0: axis}) if len(node.outputs) == 1 else None


@rule(*BROADCASTING)
def broadcasting(node: ir.Node, axis: int) -> Drop | None:
    """Constants that have the axis lose it; computed tensors have it or are too low to reach it."""
    inputs, constants = {}, []
    for place, value in enumerate(node.inputs):
        rank = rank_of(value)
        if value is None:
            continue
        if is_constant(value):
            constants.append(place)
        elif rank == RANK:
            inputs[place] = axis
        elif rank is None or rank > RANK - 1 - axis:
            return None
    return Drop(inputs, {0: axis}, squeeze_constants(node, constants, axis))


def squeeze_constants(node: ir.Node, places: list[int], axis: int) -> Edit:
    """An edit that takes the axis from the constant inputs that have it; lower ranks are aligned at their end."""

    def edit(build: Builder) -> None:
        for place in places:
            array = array_of(node.inputs[place])
            own = axis - RANK + (0 if array is None else array.ndim)
            if array is not None and own >= 0:
                node.replace_input_with(place, build.constant(np.squeeze(array, own), "squeezed"))

    return edit


@rule("Concat")
def concat(node: ir.Node, axis: int) -> Drop | None:
    """Along another axis."""
    along = int_of(node, "axis", 0) % RANK
    constants = [place for place, value in enumerate(node.inputs) if is_constant(value)]
    squeeze = squeeze_constants(node, constants, axis)
    if along == axis:
        return None

    def edit(build: Builder) -> None:
        set_int(node, "axis", along - (along > axis))
        squeeze(build)

    return Drop({p: axis for p in range(len(node.inputs)) if p not in constants}, {0: axis}, edit)


@rule("Split", "Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "Gather")
def along_one_axis(node: ir.Node, axis: int) -> Drop | None:
    """Along another axis, which stays."""
    along = int_of(node, "axis", -1 if "Softmax" in node.op_type or node.op_type == "Hardmax" else 0) % RANK
    if along == axis or not int_of(node, "keepdims", 1):
        return None
    if node.op_type == "Gather" and (not is_constant(node.inputs[1]) or rank_of(node.inputs[1]) != 1):
        return None
    outputs = dict.fromkeys(range(len(node.outputs)), axis)
    return Drop({0: axis}, outputs, lambda build: set_int(node, "axis", along - (along > axis)))


@rule("QuantizeLinear", "DequantizeLinear")
def quantize(node: ir.Node, axis: int) -> Drop | None:
    """With one scale, or one for each place of another axis."""
    along = int_of(node, "axis", 1) % RANK
    if rank_of(node.inputs[1]) == 0:
        return Drop({0: axis}, {0: axis})
    if along == axis or rank_of(node.inputs[1]) != 1:
        return None
    return Drop({0: axis}, {0: axis}, lambda build: set_int(node, "axis", along - (along > axis)))


@rule("MatMul")
def matmul(node: ir.Node, axis: int) -> Drop | None:
    """A Dense on the last axis."""
    weights = array_of(node.inputs[1])
    return Drop({0: axis}, {0: axis}) if weights is not None and weights.ndim == 2 and axis < RANK - 1 else None


@rule("LayerNormalization")
def layer_normalization(node: ir.Node, axis: int) -> Drop | None:
    """Over the axes behind."""
    first = int_of(node, "axis", -1) % RANK
    return (
        Drop({0: axis}, {0: axis}, lambda build: set_int(node, "axis", first - 1))
        if axis < first and len(node.outputs) == 1
        else None
    )


@rule("BatchNormalization", "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization")
def over_all_spatial_axes(node: ir.Node, axis: int) -> Drop | None:
    """Any number of spatial axes will do."""
    return Drop({0: axis}, {0: axis}) if axis >= 2 and len(node.outputs) == 1 else None
