"""Turns ops that ONNX has channel-first into the channel-last layers that Keras has for them."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.spatial import CHANNEL_FIRST
from ovprep.passes.change import Change, counted

DOMAIN = "ovprep.channel_last"
"""Ops of ONNX, under the names and with the attributes and weights that they have there, on channel-last tensors."""


def use_channel_last_ops(model: ir.Model) -> Change | None:
    """The layout pass leaves ops of another domain as they are, and so places all others around these.

    x [N, C, W] -> Conv -> y [N, F, V]
    becomes
    x -> Transpose [N, W, C] -> ovprep.channel_last.Conv [N, V, F] -> Transpose -> y [N, F, V]

    A Dense stays a Dense: one on the last axis, whatever that is, is no longer moved.
    """
    graph = model.graph
    turned = []
    for node in list(graph):
        if node.domain not in ("", "ai.onnx") or rank_of(node.inputs[0] if node.inputs else None) is None:
            continue
        if node.op_type == "MatMul" and array_of(node.inputs[1]) is not None:
            node.domain = DOMAIN
        elif node.op_type in CHANNEL_FIRST:
            _turn(graph, node)
            turned.append(str(node.name))
    cancel_transposes(graph)
    remove_unused(graph)
    if not turned:
        return None
    graph.opset_imports[DOMAIN] = 1
    return Change(f"made {counted(len(turned), 'op')} channel-last", tuple(turned))


def _turn(graph: ir.Graph, node: ir.Node) -> None:
    """Puts a node into the domain, between Transposes of its first input and its first output."""
    node.domain = DOMAIN
    rank = rank_of(node.inputs[0]) or 0
    if rank < 3:
        return
    last, first = (0, *range(2, rank), 1), (0, rank - 1, *range(1, rank - 1))
    before = Builder(graph, str(node.name), before=node)
    node.replace_input_with(0, before.op("Transpose", node.inputs[0], perm=last))
    output = node.outputs[0]
    shape = output.shape or ir.Shape([None] * rank)
    output.shape = ir.Shape([shape[axis] for axis in last])
    back = Builder(graph, str(node.name), after=node).op("Transpose", output, perm=first)
    replace_value(graph, output, back, keep=back.producer())


def cancel_transposes(graph: ir.Graph) -> None:
    """Two opposite Transposes in a row are none; the layout pass does the same for its own ranks alone."""
    for node in list(graph):
        source = node.inputs[0].producer() if node.op_type == "Transpose" and node.inputs[0] is not None else None
        start = source.inputs[0] if source is not None and source.op_type == "Transpose" else None
        if source is None or start is None:
            continue
        first, second = (one.attributes["perm"].as_ints() for one in (source, node))
        needs_a_node = node.outputs[0].is_graph_output() and (start.producer() is None or start.is_graph_output())
        if [first[axis] for axis in second] == list(range(len(second))) and not needs_a_node:
            replace_value(graph, node.outputs[0], start)
