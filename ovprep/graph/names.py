"""Names that no other value or node of a graph has."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import onnx_ir as ir

# Per graph, each name that was ever taken in it and the number of the next one like it.
_TAKEN: WeakKeyDictionary[ir.Graph, dict[str, int]] = WeakKeyDictionary()


def unique_name(graph: ir.Graph, wanted: str) -> str:
    """The wanted name, or with a number behind it where the graph has or had it already; it is taken from now on."""
    taken = _TAKEN.get(graph)
    if taken is None:
        taken = _TAKEN[graph] = dict.fromkeys(names_in(graph), 1)
    name = wanted
    while name in taken:
        taken[wanted] += 1
        name = f"{wanted}_{taken[wanted] - 1}"
    taken[name] = 1
    return name


def names_in(graph: ir.Graph) -> Iterator[str]:
    """Names of all that stands in a graph and in the graphs that its nodes hold; empty ones among them."""
    for body in (graph, *graph.subgraphs()):
        for value in (*body.inputs, *body.initializers.values()):
            yield value.name or ""
    for node in graph.all_nodes():
        yield node.name or ""
        yield from (output.name or "" for output in node.outputs)
