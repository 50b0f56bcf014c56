"""Brings the Dense layers that TensorFlow computes on flattened samples back to one MatMul."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted


def lift_dense(model: ir.Model) -> Change | None:
    """A Dense on `[N, W, C]` is a MatMul, as which it can run in either layout.

    x [N, W, C] -> Reshape [N*W, C] -> MatMul -> Add -> Reshape [N, W, F]
    becomes
    x [N, W, C] -> MatMul -> Add
    """
    graph, known = model.graph, ShapeValues()
    lifted = []
    for node in list(graph):
        known.learn(node)
        chain = _dense_before(node, known)
        if chain is None:
            continue
        build = Builder(graph, str(node.name), before=node)
        made = chain[0].inputs[0]
        for member in chain[1:]:
            made = build.op(member.op_type, made, member.inputs[1])
        assert made is not None
        known.stands_for(made, node.outputs[0])
        replace_value(graph, node.outputs[0], made)
        lifted.append(str(chain[1].name))
    remove_unused(graph)
    if not lifted:
        return None
    return Change(f"lifted {counted(len(lifted), 'Dense layer')} out of flattened samples", tuple(lifted))


def _dense_before(node: ir.Node, known: ShapeValues) -> list[ir.Node] | None:
    """The Reshape, the MatMul and perhaps the Add that a Reshape back to the samples follows."""
    if node.op_type not in ("Reshape", "Unsqueeze"):
        return None
    chain = [node]
    while chain[0].op_type in ("Add", "MatMul") or chain[0] is node:
        source = chain[0].inputs[0]
        producer = None if source is None else source.producer()
        if source is None or producer is None or source.is_graph_output() or len(source.uses()) != 1:
            return None
        chain.insert(0, producer)
    chain.pop()
    kinds = [member.op_type for member in chain]
    if kinds[0] not in ("Reshape", "Squeeze") or kinds[1:] not in (["MatMul"], ["MatMul", "Add"]):
        return None
    constants = [array_of(member.inputs[1]) for member in chain[1:]]
    if any(array is None or array.ndim != rank for array, rank in zip(constants, (2, 1), strict=False)):
        return None
    before, flat, after = (known.dims(v) for v in (chain[0].inputs[0], chain[0].outputs[0], node.outputs[0]))
    if before is None or flat is None or after is None or len(flat) != 2 or len(before) != len(after):
        return None
    return chain if before[:-1] == after[:-1] and after[-1] == (known.dims(chain[-1].outputs[0]) or after)[-1] else None
