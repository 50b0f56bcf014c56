"""Leaves out what exporters put around an LSTM, a GRU or an RNN."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import readers_of, remove_unused, replace_value
from ovprep.graph.op_types import RECURRENT
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted
from ovprep.passes.recurrence.sequence import (
    go_back,
    is_one_way,
    is_recurrent,
    name_reversal,
    swaps_first_two,
    take_last,
)

_STATES = (5, 6)
_TURN = (1, 0, 2)
_MOVING = ("Concat", "Expand", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze")
"""Ops that make zeros of zeros, and take them first, or take nothing else."""
_ANY_ORDER = ("Add", "Concat", "Max", "Mean", "Min", "Mul", "Sub", "Sum")
"""Ops of several sequences whose axes may be in any order."""


def tidy_recurrence(model: ir.Model) -> Change | None:
    """What comes in and what goes out, in as few ops as it takes.

    x -> ReverseSequence(whole, all)                        becomes   x -> Slice(-1, 0, axis, -1)
    Expand(0) -> LSTM(initial_h)                            becomes   LSTM
    x [1, T, C] -> Reshape [T, 1, C] -> LSTM                becomes   x -> Transpose(1, 0, 2) -> LSTM
    LSTM -> Squeeze(1) -> Slice(-1) -> [1, N, H]            becomes   LSTM, its last state
    LSTM -> Squeeze(1) -> Transpose(1, 0, 2) -> [N, T, H]   becomes   LSTM -> Transpose(2, 1, 0, 3) -> Squeeze(1)
    two of them -> Concat -> Transpose(1, 0, 2)             becomes   two of them, each with a Transpose -> Concat
    x -> Slice(-1, 0) -> LSTM -> Squeeze -> Slice(-1, 0)    becomes   x -> LSTM(direction=reverse) -> Squeeze

    Transpose before Squeeze, since that undoes what OpenVINO adds behind an LSTM.
    """
    graph, known = model.graph, ShapeValues()
    for node in graph:
        known.learn(node)
    tidied: set[str] = set()
    for rule in (name_reversal, take_last, _drop_zeros, go_back, _name_time, _turn_before, _turn_first):
        tidied |= {str(node.name) for node in list(graph) if rule(graph, node, known)}
        remove_unused(graph)
    if not tidied:
        return None
    return Change(f"tidied up at {counted(len(tidied), 'place')} around recurrences", tuple(sorted(tidied)))


def is_zero(value: ir.Value) -> bool:
    """Whether a value is nothing but zeros, of whatever shape."""
    array, node = array_of(value), value.producer()
    if array is not None:
        return not array.any()
    if node is None:
        return False
    if node.op_type in _MOVING:
        moved = node.inputs if node.op_type == "Concat" else node.inputs[:1]
        return all(one is not None and is_zero(one) for one in moved)
    filling = node.attributes.get("value")
    return node.op_type == "ConstantOfShape" and (filling is None or not filling.as_tensor().numpy().any())


def _drop_zeros(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """Without first states, an operator starts from zeros."""
    found = False
    for index in _STATES if is_recurrent(node) else ():
        value = node.inputs[index] if index < len(node.inputs) else None
        if value is not None and is_zero(value):
            node.replace_input_with(index, None)
            found = True
    return found


def _name_time(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """A Reshape that moves a batch or a time of one tells nobody which axis is which."""
    x = node.inputs[0] if is_recurrent(node) else None
    reshape = x.producer() if x is not None else None
    if reshape is None or reshape.op_type != "Reshape" or not swaps_first_two(reshape, known):
        return False
    build = Builder(graph, str(node.name), before=node)
    node.replace_input_with(0, build.op("Transpose", reshape.inputs[0], perm=_TURN))
    known.stands_for(node.inputs[0], x)  # type: ignore[arg-type]
    return True


def _turn_before(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """Lets sequences be turned before they are joined, and not after."""
    source = node.inputs[0] if node.inputs else None
    join = source.producer() if source is not None else None
    turns = _turns(node, known)
    if not turns or join is None or join.op_type not in _ANY_ORDER:
        return False
    if len(join.outputs[0].uses()) > 1 or join.outputs[0].is_graph_output():
        return False
    if join.op_type == "Concat" and int_of(join, "axis", 0) not in (-1, 2):
        return False
    origins = [value.producer() if value is not None else None for value in join.inputs]
    if not all(origin is not None and (_turns(origin, known) or _is_sequence(origin)) for origin in origins):
        return False
    build = Builder(graph, str(join.name), before=join)
    for index, origin in enumerate(origins):
        if origin is not None:
            back = origin.inputs[0] if _turns(origin, known) else build.op("Transpose", origin.outputs[0], perm=_TURN)
            join.replace_input_with(index, back)
    join.outputs[0].shape = node.outputs[0].shape
    known.stands_for(join.outputs[0], node.outputs[0])
    replace_value(graph, node.outputs[0], join.outputs[0])
    return True


def _turns(node: ir.Node, known: ShapeValues) -> bool:
    """Whether a node swaps batch and time."""
    return ints_of(node, "perm") == _TURN or (node.op_type == "Reshape" and swaps_first_two(node, known))


def _is_sequence(node: ir.Node) -> bool:
    """Whether a node drops the axis of directions of all steps, not of a last state."""
    inner = node.inputs[0] if node.op_type == "Squeeze" else None
    source = inner.producer() if inner is not None else None
    return source is not None and source.op_type in RECURRENT and inner is source.outputs[0]


def _turn_first(graph: ir.Graph, node: ir.Node, known: ShapeValues) -> bool:
    """Squeeze -> Transpose, or a Reshape that is one, the other way round."""
    found = False
    users = readers_of(graph, node.outputs[0]) if is_one_way(node) else None
    for squeeze in [user for user in users or () if user.op_type == "Squeeze"]:
        for user in readers_of(graph, squeeze.outputs[0]) or ():
            perm = ints_of(user, "perm") if user.op_type == "Transpose" else None
            if user.op_type == "Reshape" and swaps_first_two(user, known):
                perm = _TURN
            if perm is None or ints_of(squeeze, "", 1) != (1,):
                continue
            build = Builder(graph, str(node.name), before=user)
            first, *rest = ((0, 2, 3)[axis] for axis in perm)
            turned = build.op("Transpose", node.outputs[0], perm=(first, 1, *rest))
            made = build.op("Squeeze", turned, build.ints(1, name="axes"))
            known.stands_for(made, user.outputs[0])
            replace_value(graph, user.outputs[0], made)
            found = True
    return found
