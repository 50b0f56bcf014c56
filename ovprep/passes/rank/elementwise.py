"""Ops that treat every element alike, and those that name one axis only."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, is_constant, set_int
from ovprep.graph.shapes import rank_of
from ovprep.layout.apply import is_swap
from ovprep.layout.rules.elementwise import BROADCASTING, UNARY
from ovprep.passes.rank.registry import RANK, Edit, Lift, moved, rule


@rule(*UNARY)
def unary(node: ir.Node) -> Lift | None:
    """Nothing to change; of a Dropout, there must be no mask."""
    return Lift() if len(node.outputs) == 1 else None


@rule(*BROADCASTING)
def broadcasting(node: ir.Node) -> Lift | None:
    """Constants that reach the new axis gain it; a computed tensor of a lower rank must not reach it."""
    inputs, constants = [], []
    for place, value in enumerate(node.inputs):
        if value is None:
            continue
        if is_constant(value):
            constants.append(place)
        elif rank_of(value) == RANK:
            inputs.append(place)
        elif rank_of(value) not in (0, 1):
            return None
    return Lift(tuple(inputs), edit=widen_constants(node, constants)) if inputs else None


def widen_constants(node: ir.Node, places: list[int]) -> Edit:
    """An edit that gives constant inputs the axis; they are aligned at their end, and lower ones may not reach it."""

    def edit(build: Builder, axis: int) -> None:
        for place in places:
            array = array_of(node.inputs[place])
            own = axis - RANK + (0 if array is None else array.ndim)
            if array is not None and own > 0:
                node.replace_input_with(place, build.constant(np.expand_dims(array, own), "lifted"))

    return edit


@rule("Transpose")
def swap(node: ir.Node) -> Lift | None:
    """From `[N, C, 1, W]` to `[N, 1, W, C]` or back; the pass writes the order, since it knows both places."""
    return Lift() if is_swap(node) else None


@rule("Concat")
def concat(node: ir.Node) -> Lift | None:
    """Along the same axis as before."""
    constants = [place for place, value in enumerate(node.inputs) if is_constant(value)]
    computed = tuple(place for place in range(len(node.inputs)) if place not in constants)
    widen, along = widen_constants(node, constants), int_of(node, "axis", 0)

    def edit(build: Builder, axis: int) -> None:
        set_int(node, "axis", moved(along, axis))
        widen(build, axis)

    return Lift(computed, edit=edit)


@rule("Split", "Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "Gather")
def along_one_axis(node: ir.Node) -> Lift | None:
    """Along the same axis as before, which stays."""
    along = int_of(node, "axis", -1 if "Softmax" in node.op_type or node.op_type == "Hardmax" else 0)
    if node.op_type == "Gather" and (not is_constant(node.inputs[1]) or rank_of(node.inputs[1]) != 1):
        return None
    outputs = tuple(range(len(node.outputs)))
    return Lift(outputs=outputs, edit=lambda build, axis: set_int(node, "axis", moved(along, axis)))


@rule("CumSum")
def cumsum(node: ir.Node) -> Lift | None:
    """Along the same axis as before."""
    along = array_of(node.inputs[1])
    if along is None:
        return None
    old = int(along.item())
    return Lift(
        edit=lambda build, axis: node.replace_input_with(
            1, build.constant(np.array(moved(old, axis), np.int64), "axis")
        )
    )


@rule("QuantizeLinear", "DequantizeLinear")
def quantize(node: ir.Node) -> Lift | None:
    """With one scale, or one for each place of an axis."""
    along = int_of(node, "axis", 1)
    if is_constant(node.inputs[0]) or rank_of(node.inputs[1]) not in (0, 1):
        return None
    return Lift(edit=lambda build, axis: set_int(node, "axis", moved(along, axis)))


@rule("MatMul")
def matmul(node: ir.Node) -> Lift | None:
    """A Dense on the last axis, which stays the last."""
    weights = array_of(node.inputs[1])
    return Lift() if weights is not None and weights.ndim == 2 else None


@rule("LayerNormalization")
def layer_normalization(node: ir.Node) -> Lift | None:
    """Over the last axis, which stays the last."""
    if len(node.outputs) > 1 or int_of(node, "axis", -1) % RANK != RANK - 1:
        return None
    return Lift(edit=lambda build, axis: set_int(node, "axis", RANK))
