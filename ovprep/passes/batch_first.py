"""Turns recurrences, which ONNX has time-first, into batch-first ones, as Keras has them."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.names import unique_name
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.change import Change, counted
from ovprep.passes.channel_last import DOMAIN, cancel_transposes

_SWAP = (1, 0, 2)
_JOINING = {(2, 0, 1, 3): False, (0, 2, 1, 3): True}
"""Transposes that bring the directions beside the features; whether time still comes before the batch."""


def use_batch_first_recurrences(model: ir.Model) -> Change | None:
    """The directions are joined with the features, in the sequence and in the last states.

    x [W, N, C] -> LSTM -> y [W, D, N, H], h [D, N, H], c [D, N, H]
    becomes
    x -> Transpose [N, W, C] -> LSTM -> y [N, W, D*H], h [N, D*H], c [N, D*H], and what is asked for made of these
    """
    graph = model.graph
    turned = []
    for node in list(graph):
        weights = array_of(node.inputs[2]) if node.op_type in ("GRU", "LSTM", "RNN") and node.domain == "" else None
        if weights is None or int_of(node, "layout", 0):
            continue
        _turn(graph, node, directions=weights.shape[0], size=weights.shape[2])
        turned.append(str(node.name))
    if not turned:
        return None
    cancel_transposes(graph)
    remove_unused(graph)
    graph.opset_imports[DOMAIN] = 1
    return Change(f"made {counted(len(turned), 'recurrence')} batch-first", tuple(turned))


def _turn(graph: ir.Graph, node: ir.Node, directions: int, size: int) -> None:
    build = Builder(graph, str(node.name), before=node)
    x = build.op("Transpose", node.inputs[0], perm=_SWAP)
    made = ir.node(
        node.op_type,
        [x, *node.inputs[1:]],
        dict(node.attributes),
        domain=DOMAIN,
        num_outputs=len(node.outputs),
        name=node.name,
    )
    graph.insert_before(node, made)
    batch, time = dims[:2] if (dims := x.shape) is not None else (None, None)
    for index, output in enumerate(made.outputs):
        output.name, output.type = unique_name(graph, f"{node.name}:{index}"), node.outputs[index].type
        axes = (batch, time, directions * size) if index == 0 else (batch, directions * size)
        output.shape = ir.Shape(axes)
    _use_sequence(graph, build, node.outputs[0], made.outputs[0], directions, size)
    for state, joined in zip(node.outputs[1:], made.outputs[1:], strict=True):
        _use_state(graph, build, state, joined, directions, size)


def _use_sequence(
    graph: ir.Graph, build: Builder, sequence: ir.Value, joined: ir.Value, directions: int, size: int
) -> None:
    """Gives the readers of `[W, D, N, H]` what they make of it, made of `[N, W, D*H]`."""
    for user, _ in list(sequence.uses()):
        found = _joined_by(user, directions)
        if found is not None:
            output, time_first = found
            replace_value(graph, output, build.op("Transpose", joined, perm=_SWAP) if time_first else joined)
    cut = build.op("Reshape", joined, build.ints(0, 0, directions, size, name="shape"))
    replace_value(graph, sequence, build.op("Transpose", cut, perm=(1, 2, 0, 3)))


def _use_state(graph: ir.Graph, build: Builder, state: ir.Value, joined: ir.Value, directions: int, size: int) -> None:
    """Likewise for `[D, N, H]`, made of `[N, D*H]`."""
    for user, _ in list(state.uses()):
        if directions == 1 and user.op_type == "Squeeze" and ints_of(user, "axes", 1) in ((0,), (-3,)):
            replace_value(graph, user.outputs[0], joined)
    cut = build.op("Reshape", joined, build.ints(0, directions, size, name="shape"))
    replace_value(graph, state, build.op("Transpose", cut, perm=_SWAP))


def _joined_by(user: ir.Node, directions: int) -> tuple[ir.Value, bool] | None:
    """The value `[W, N, D*H]` or `[N, W, D*H]` that a reader of the sequence leads to, and whether time is first."""
    output = user.outputs[0]
    if directions == 1 and _drops_direction(user):
        return output, True
    uses = list(output.uses())
    if user.op_type != "Transpose" or len(uses) != 1 or output.is_graph_output():
        return None
    perm, follower = ints_of(user, "perm") or (), uses[0][0]
    if directions == 1 and perm == (2, 1, 0, 3) and _drops_direction(follower):
        return follower.outputs[0], False
    if perm in _JOINING and _joins_last(follower):
        return follower.outputs[0], _JOINING[perm]
    return None


def _drops_direction(node: ir.Node) -> bool:
    """`[A, 1, B, H]` to `[A, B, H]`; a Reshape to three axes that keeps the first and the last does just that."""
    if node.op_type == "Squeeze":
        return ints_of(node, "axes", 1) in ((1,), (-3,))
    return node.op_type == "Reshape" and _keeps(node, first=0, last=1)


def _joins_last(node: ir.Node) -> bool:
    """`[A, B, D, H]` to `[A, B, D*H]`, or with one direction to `[A, B, H]`."""
    if node.op_type == "Squeeze":
        return ints_of(node, "axes", 1) in ((2,), (-2,))
    return node.op_type == "Reshape" and _keeps(node, first=0, last=2)


def _keeps(node: ir.Node, first: int, last: int) -> bool:
    """Whether a Reshape to rank 3 keeps its first axis, or its second, and joins all from `last` on into the last."""
    source, target = node.inputs[0], ints_of(node, "shape", 1)
    if source is None or target is None or rank_of(node.outputs[0]) != 3 or rank_of(source) != 4:
        return False
    before, after = dims_of(source), dims_of(node.outputs[0])
    features = before[3] if last == 1 else None if None in before[2:] else (before[2] or 0) * (before[3] or 0)
    second = before[2] if last == 1 else before[1]
    kept = target[first] == 0 or (before[0] is not None and before[0] == after[0])
    kept = kept or (second is not None and second == after[1])
    return kept and after[2] == features
