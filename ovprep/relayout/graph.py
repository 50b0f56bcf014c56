"""A live Keras model as calls and the tensors between them, nested models included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

from ovprep.errors import OptionError, UnsupportedError


@dataclass(eq=False)
class Call:
    """One call of a layer, of an operation node, or of a nested model.

    inputs are in the order of the flattened arguments, a tensor once per use.
    """

    node: Any
    operation: Any
    inputs: list[Any]
    outputs: list[Any]
    nested: Graph | None = None
    each_step: bool = False  # whether the nested model is in a TimeDistributed, which applies it along axis 1

    @property
    def name(self) -> str:
        """The layer's name and class, as messages quote it."""
        return f"{self.operation.name!r} ({type(self.operation).__name__})"


@dataclass(eq=False)
class Graph:
    """One Functional or Sequential model. `calls` are in topological order; those of its InputLayers are among them."""

    model: Any
    inputs: list[Any]
    outputs: list[Any]
    calls: list[Call] = field(default_factory=list)

    @property
    def is_sequential(self) -> bool:
        """Whether the model is a Sequential, which calls its layers itself."""
        return getattr(self.model, "_functional", None) is not None

    def walk(self) -> Iterator[Graph]:
        """The nested graphs, each once and before the graph that calls it, then this one."""
        seen: set[int] = set()

        def visit(graph: Graph) -> Iterator[Graph]:
            if id(graph) not in seen:
                seen.add(id(graph))
                for call in graph.calls:
                    if call.nested:
                        yield from visit(call.nested)
                yield graph

        yield from visit(self)

    def every_call(self) -> Iterator[Call]:
        """The calls of all graphs, each after what it consumes."""
        for graph in self.walk():
            yield from graph.calls


def read(model: Any) -> Graph:
    """The calls of a model; raises UnsupportedError where they are not known, OptionError for what is no model."""
    if not hasattr(model, "layers"):
        raise OptionError(
            f"The data format of a live keras.Model can be changed, not that of a {type(model).__name__}."
        )
    if not _is_graph(model):
        raise UnsupportedError(
            f"{model.name!r} ({type(model).__name__}) is not a Functional or built Sequential model, so its layers "
            "cannot be seen: build it with keras.Input, or as Sequential with an Input."
        )
    return _read(model, {})


def _is_graph(model: Any) -> bool:
    from keras import Sequential
    from keras.src.models.functional import Functional

    return isinstance(model, Functional) or (isinstance(model, Sequential) and model._functional is not None)


def _read(model: Any, known: dict[int, Graph]) -> Graph:
    if id(model) in known:
        return known[id(model)]
    function = getattr(model, "_functional", None) or model
    graph = known[id(model)] = Graph(model, list(function.inputs), list(function.outputs))
    for node in _in_order(function):
        operation = node.operation
        each_step = type(operation).__name__ == "TimeDistributed" and _is_graph(operation.layer)
        model = operation.layer if each_step else operation
        nested = _read(model, known) if _is_graph(model) else None
        call = Call(node, operation, list(node.arguments.keras_tensors), list(node.outputs), nested, each_step)
        if nested and not _fits(call, nested):
            raise UnsupportedError(f"{call.name} is called with other inputs than it was built with.")
        graph.calls.append(call)
    return graph


def _in_order(function: Any) -> Iterator[Any]:
    """The nodes, each after those that it reads, and the calls of one layer in the order in which they were made.

    A configuration counts the calls of a layer, so that the twin's have to come in the same order.
    """
    nodes = [
        node for depth in sorted(function._nodes_by_depth, reverse=True) for node in function._nodes_by_depth[depth]
    ]
    by_id = {id(node): node for node in nodes}
    sorter: TopologicalSorter[int] = TopologicalSorter({id(node): () for node in nodes})
    for node in nodes:
        sorter.add(id(node), *(id(parent) for parent in node.parent_nodes))
        calls = [id(each) for each in node.operation._inbound_nodes if id(each) in by_id]
        for earlier, later in pairwise(calls):
            sorter.add(later, earlier)
    return (by_id[key] for key in sorter.static_order() if key in by_id)


def _fits(call: Call, nested: Graph) -> bool:
    """Whether the tensors stand for the nested model's inputs in order, as they do when the structures agree."""
    ranks = [len(t.shape) - call.each_step for t in call.inputs]
    return ranks == [len(t.shape) for t in nested.inputs]
