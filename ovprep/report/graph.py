"""The graph before and after, as lists of ops with their edges: what a drawing of it needs."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import onnx_ir as ir

from ovprep.graph.shapes import rank_of
from ovprep.layout.letters import layouts_of
from ovprep.layout.rules.spatial import CHANNEL_FIRST

_BY_DEFINITION = {3: "NCW", 4: "NCHW"}


@dataclass(frozen=True)
class ListedOp:
    """One op of a graph, or one of its inputs and outputs (their type is "input" or "output").

    layout  in which it runs, in letters; of a Transpose what it makes; None where it has none, or nothing tells
    inputs  places, in the list, of what makes its inputs; constants are left out
    change  "removed" or "added" where the graph on the other side has no op of that name and type
    """

    name: str
    type: str
    layout: str | None
    inputs: tuple[int, ...]
    change: Literal["removed", "added"] | None


@dataclass(frozen=True)
class GraphChange:
    """A model as it was read, and as it was written; both in an order in which they can run."""

    before: tuple[ListedOp, ...]
    after: tuple[ListedOp, ...]


def graph_change(before: ir.Graph, after: ir.Graph) -> GraphChange:
    """Lists the ops of two graphs of the same model, and which of them only one has."""
    return GraphChange(_listed(before, _keys(after), "removed"), _listed(after, _keys(before), "added"))


def _keys(graph: ir.Graph) -> set[tuple[str, str]]:
    return {(str(node.name), node.op_type) for node in graph}


def _listed(
    graph: ir.Graph, elsewhere: Collection[tuple[str, str]], change: Literal["removed", "added"]
) -> tuple[ListedOp, ...]:
    layouts = layouts_of(graph)
    places: dict[ir.Value, int] = {}
    ops: list[ListedOp] = []

    def add(name: str, kind: str, layout: str | None, *sources: ir.Value | None, same: bool = True) -> None:
        inputs = dict.fromkeys(places[value] for value in sources if value in places)
        ops.append(ListedOp(name, kind, layout, tuple(inputs), None if same else change))

    for value in graph.inputs:
        places[value] = len(ops)
        add(str(value.name), "input", _known(layouts.get(value)))
    for node in graph:
        places.update(dict.fromkeys(node.outputs, len(ops)))
        name, kind = str(node.name), node.op_type
        add(name, kind, _layout(node, layouts), *node.inputs, same=(name, kind) in elsewhere)
    for value in graph.outputs:
        add(str(value.name), "output", _known(layouts.get(value)), value)
    return tuple(ops)


def _layout(node: ir.Node, layouts: dict[ir.Value, str]) -> str | None:
    """By definition where the op knows one layout alone, else that of what it makes, or at least of what it takes."""
    first = node.inputs[0] if node.inputs else None
    if node.op_type in CHANNEL_FIRST and first is not None:
        return _BY_DEFINITION.get(rank_of(first) or 0)
    known = (_known(layouts.get(value)) for value in (*node.outputs, *node.inputs) if value is not None)
    return next((letters for letters in known if letters), None)


def _known(letters: str | None) -> str | None:
    return letters if letters and "?" not in letters else None
