"""Turns a tensor of the interface at the lower of the two ranks that it has."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import ints_of
from ovprep.graph.edit import readers_of, remove_unused, replace_value
from ovprep.passes.change import Change, counted


def turn_at_low_rank(model: ir.Model) -> Change | None:
    """Drops the axes of size one of an input before it is turned, and adds those of an output after.

    x [N, 1, W, C] -> Transpose(0, 3, 1, 2) -> Squeeze [N, C, W]
    becomes
    x [N, 1, W, C] -> Squeeze [N, W, C] -> Transpose(0, 2, 1)

    OpenVINO runs a convolution behind the second, not behind the first, without moving anything.
    """
    graph = model.graph
    done = [
        _turn_input(graph, node) or _turn_output(graph, node) for node in list(graph) if node.op_type == "Transpose"
    ]
    remove_unused(graph)
    names = tuple(name for name in done if name)
    return (
        Change(f"turned {counted(len(names), 'tensor')} of the interface at its lower rank", names) if names else None
    )


def _turn_input(graph: ir.Graph, node: ir.Node) -> str | None:
    source, output, perm = node.inputs[0], node.outputs[0], ints_of(node, "perm")
    users = readers_of(graph, output)
    if source is None or not source.is_graph_input() or output.is_graph_output() or not users or perm is None:
        return None
    squeeze = users[0]
    axes = ints_of(squeeze, "axes", 1) if squeeze.op_type == "Squeeze" else None
    if len(users) > 1 or not axes:
        return None
    dropped = {perm[axis] for axis in axes}
    build = Builder(graph, str(squeeze.name), before=squeeze)
    made = build.op("Squeeze", source, build.ints(*sorted(dropped), name="axes"))
    replace_value(graph, squeeze.outputs[0], _turned(build, made, [axis for axis in perm if axis not in dropped]))
    return str(node.name)


def _turn_output(graph: ir.Graph, node: ir.Node) -> str | None:
    source, output, perm = node.inputs[0], node.outputs[0], ints_of(node, "perm")
    unsqueeze = None if source is None else source.producer()
    if unsqueeze is None or unsqueeze.op_type != "Unsqueeze" or not output.is_graph_output() or perm is None:
        return None
    axes, inner = ints_of(unsqueeze, "axes", 1), unsqueeze.inputs[0]
    if not axes or inner is None:
        return None
    added = {axis % len(perm) for axis in axes}
    build = Builder(graph, str(node.name), before=node)
    made = _turned(build, inner, [axis for axis in perm if axis not in added])
    places = [place for place, axis in enumerate(perm) if axis in added]
    replace_value(graph, output, build.op("Unsqueeze", made, build.ints(*places, name="axes")))
    return str(node.name)


def _turned(build: Builder, value: ir.Value, kept: list[int]) -> ir.Value:
    """The value with its axes in the order of `kept`, which has the numbers that they had among more axes."""
    order = [sorted(kept).index(axis) for axis in kept]
    return value if order == sorted(order) else build.op("Transpose", value, perm=order)
