"""Brings a GroupNormalization back that was written as an InstanceNormalization of groups."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of, ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.change import Change, counted


def name_group_norms(model: ir.Model) -> Change | None:
    """PyTorch's exporters write it so; in Keras it is one layer, and the Reshapes would hold the layout.

    x [N, C, W] -> Reshape [N, G, C*W / G] -> InstanceNormalization -> Reshape [N, C, W] -> Mul [C, 1] -> Add [C, 1]
    becomes
    x [N, C, W] -> GroupNormalization(num_groups=G)
    """
    graph = model.graph
    named = []
    for node in list(graph):
        source = _grouped(node) if node.op_type == "InstanceNormalization" else None
        scale, bias = (array_of(value) for value in node.inputs[1:3]) if source is not None else (None, None)
        back = _only_reader(node)
        if source is None or scale is None or bias is None or back is None or not _returns(back, source):
            continue
        groups, channels = scale.size, dims_of(source)[1] or 1
        scale, bias = np.repeat(scale, channels // groups), np.repeat(bias, channels // groups)
        last = back
        if (factor := _per_channel(last, "Mul", channels)) is not None:
            last, scale, bias = factor[0], scale * factor[1], bias * factor[1]  # type: ignore[operator]
        if (shift := _per_channel(last, "Add", channels)) is not None:
            last, bias = shift[0], bias + shift[1]  # type: ignore[operator]
        build = Builder(graph, str(node.name), before=last)
        made = build.op(
            "GroupNormalization",
            source,
            build.constant(scale, "scale"),
            build.constant(bias, "bias"),
            num_groups=groups,
            epsilon=node.attributes.get_float("epsilon", 1e-5),
        )
        replace_value(graph, last.outputs[0], made)
        named.append(str(node.name))
    remove_unused(graph)
    return Change(f"named {counted(len(named), 'GroupNormalization')}", tuple(named)) if named else None


def _grouped(node: ir.Node) -> ir.Value | None:
    """What a Reshape cuts into the groups that a node normalises."""
    reshape = node.inputs[0].producer() if node.inputs[0] is not None else None
    source = reshape.inputs[0] if reshape is not None and reshape.op_type == "Reshape" else None
    if reshape is None or source is None or (rank_of(source) or 0) < 3 or rank_of(reshape.outputs[0]) != 3:
        return None
    channels, groups = dims_of(source)[1], dims_of(reshape.outputs[0])[1]
    if channels is None or groups is None or channels % groups or not _keeps_batch(reshape):
        return None
    return source


def _returns(reshape: ir.Node, source: ir.Value) -> bool:
    """Whether a Reshape gives back the shape that a value has; of one open size the others tell."""
    if reshape.op_type != "Reshape" or rank_of(reshape.outputs[0]) != rank_of(source) or not _keeps_batch(reshape):
        return False
    pairs = list(zip(dims_of(source), dims_of(reshape.outputs[0]), strict=True))[1:]
    return pairs[0][0] == pairs[0][1] and sum(one is None or one != other for one, other in pairs) <= 1


def _keeps_batch(node: ir.Node) -> bool:
    source, target = node.inputs[0], ints_of(node, "shape", 1)
    assert source is not None
    if target is None:
        return False
    before, after = dims_of(source), dims_of(node.outputs[0])
    if target[0] == 0 or (before[0] is not None and before[0] == after[0]):
        return True
    sizes = [[dim for dim in dims[1:] if dim is not None] for dims in (before, after)]
    known = len(sizes[0]) + len(sizes[1]) == len(before) + len(after) - 2
    return known and math.prod(sizes[0]) == math.prod(sizes[1])


def _only_reader(node: ir.Node) -> ir.Node | None:
    uses = list(node.outputs[0].uses())
    return uses[0][0] if len(uses) == 1 and not node.outputs[0].is_graph_output() else None


def _per_channel(node: ir.Node, op_type: str, channels: int) -> tuple[ir.Node, Array] | None:
    """The op behind a node that takes one constant for each channel, and that constant."""
    reader, rank = _only_reader(node), rank_of(node.outputs[0]) or 0
    arrays = [
        array for value in (reader.inputs if reader is not None else ()) if (array := array_of(value)) is not None
    ]
    if reader is None or reader.op_type != op_type or len(arrays) != 1 or arrays[0].ndim > rank:
        return None
    full = arrays[0].reshape((1,) * (rank - arrays[0].ndim) + arrays[0].shape)
    return (reader, full.ravel()) if full.shape == (1, channels, *(1,) * (rank - 2)) else None
