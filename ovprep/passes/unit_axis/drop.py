"""Brings models that run one axis as two, `[N, C, 1, W]` or `[N, C, W, 1]`, to rank 3."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.edit import given_shape, leave_out, remove_unused
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.change import Change, counted
from ovprep.passes.unit_axis import axes, elementwise, reshaping, windows
from ovprep.passes.unit_axis.registry import RANK, Drop, drop_of

__all__ = ["axes", "drop_unit_axis", "elementwise", "reshaping", "windows"]

_SPATIAL = ("AveragePool", "Conv", "ConvTranspose", "MaxPool", "Resize")

Slot = tuple[ir.Value, int]


@dataclass(frozen=True)
class _Move:
    node: ir.Node
    drop: Drop

    def slots(self) -> list[Slot]:
        """The tensors that lose an axis, and which."""
        return [*self.sources(), *((self.node.outputs[place], axis) for place, axis in self.drop.outputs.items())]

    def sources(self) -> list[Slot]:
        """Those of them that the node reads."""
        return [(value, axis) for p, axis in self.drop.inputs.items() if (value := self.node.inputs[p]) is not None]


def drop_unit_axis(model: ir.Model) -> Change | None:
    """A whole region of ops loses the axis at once: all that tie their axes of size one to each other.

    x [N, C, W] -> Unsqueeze -> Conv [1, 3] -> Relu -> MaxPool [1, 2] -> Squeeze
    becomes
    x [N, C, W] -> Conv [3] -> Relu -> MaxPool [2]

    An op at the border that needs the axis, and the interface, keep it, behind an Unsqueeze or before a Squeeze. Where
    no op of a region works along the other axis, it is left alone, unless that saves such ops or takes none.
    """
    graph = model.graph
    taken: set[ir.Value] = set()
    lowered: list[_Move] = []
    for region in _regions(graph):
        moves = [move for move in region if not any(value in taken for value, _ in move.slots())]
        if not moves or _worth(moves) <= (0, 0, False):
            continue
        taken.update(value for move in moves for value, _ in move.slots())
        lowered += moves
    _lower(graph, lowered)
    remove_unused(graph)
    names = tuple(str(move.node.name) for move in lowered if move.node.op_type in _SPATIAL)
    if not lowered:
        return None
    return Change(f"dropped an axis of size one around {counted(len(lowered), 'op')}", names)


def _regions(graph: ir.Graph) -> list[list[_Move]]:
    """The ops that can do without an axis, those whose axes are tied together in one list; the best list first."""
    parents: dict[Slot, Slot] = {}

    def root(slot: Slot) -> Slot:
        while parents.setdefault(slot, slot) != slot:
            parents[slot] = parents[parents[slot]]
            slot = parents[slot]
        return slot

    moves = [move for node in graph for move in _moves_of(node)]
    for move in moves:
        first, *others = move.slots()
        for slot in others:
            parents[root(slot)] = root(first)
    regions: dict[Slot, list[_Move]] = {}
    for move in moves:
        regions.setdefault(root(move.slots()[0]), []).append(move)
    return sorted(filter(_loses_one_axis, regions.values()), key=_worth, reverse=True)


def _loses_one_axis(moves: list[_Move]) -> bool:
    """Whether no op and no tensor loses two axes, as where a Transpose ties one of size one to another."""
    slots = {slot for move in moves for slot in move.slots()}
    return len({move.node for move in moves}) == len(moves) and len({value for value, _ in slots}) == len(slots)


def _moves_of(node: ir.Node) -> Iterable[_Move]:
    if any(rank_of(value) == RANK for value in (*node.inputs, *node.outputs)):
        for axis in range(1, RANK):
            drop = drop_of(node, axis)
            if drop is not None:
                yield _Move(node, drop)


def _worth(moves: list[_Move]) -> tuple[int, int, bool]:
    """How many ops along the other axis a region has, how many more Squeezes and Unsqueezes it saves than it takes,
    and whether it takes none.
    """
    nodes = {move.node for move in moves}
    saved = sum(node.op_type in ("Squeeze", "Unsqueeze") for node in nodes)
    inside = {value for move in moves for value, _ in move.slots()}
    entering = sum(value.producer() not in nodes for value in inside)
    leaving = sum(value.is_graph_output() or any(user not in nodes for user, _ in value.uses()) for value in inside)
    return sum(map(_is_spatial, nodes)), saved - entering - leaving, not entering and not leaving


def _is_spatial(node: ir.Node) -> bool:
    """Whether an op works along the other axis; in images, where both are of size one, it is at home at rank 4."""
    if node.op_type not in _SPATIAL:
        return False
    return any(value is not None and dims_of(value)[2:] != (1, 1) for value in (node.inputs[0], node.outputs[0]))


def _lower(graph: ir.Graph, moves: list[_Move]) -> None:
    """Edits the ops in their order, with a Squeeze or an Unsqueeze where a tensor enters or leaves them."""
    place = {node: index for index, node in enumerate(graph)}
    readers = {(move.node, index) for move in moves for index in move.drop.inputs}
    low: dict[Slot, ir.Value] = {}
    for move in sorted(moves, key=lambda move: place[move.node]):
        node, before = move.node, Builder(graph, str(move.node.name), before=move.node)
        for index, axis in move.drop.inputs.items():
            value = node.inputs[index]
            assert value is not None
            if (value, axis) not in low:
                low[value, axis] = before.op("Squeeze", value, before.ints(axis, name="axes"))
            node.replace_input_with(index, low[value, axis])
        move.drop.edit(before)
        for index, axis in move.drop.outputs.items():
            output = node.outputs[index]
            low[_without(graph, output, axis, readers), axis] = output
    for move in moves:
        if move.node.op_type == "Identity":
            leave_out(graph, move.node)


def _without(graph: ir.Graph, output: ir.Value, axis: int, readers: set[tuple[ir.Node, int]]) -> ir.Value:
    """Takes the axis from the shape of an output; returns what its readers have: it, or an Unsqueeze of it."""
    assert output.shape is not None
    shape = ir.Shape([dim for place, dim in enumerate(output.shape) if place != axis])
    return given_shape(graph, output, shape, "Unsqueeze", axis, readers)
