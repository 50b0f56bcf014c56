"""Where in the original file the ops and tensors of a graph come from.

Names of nodes begin with what they come from: a Keras layer, or a node of the file; passes keep to that. What stands
here is kept beside the graph, not in the ONNX that is made of it.
"""

from collections.abc import Iterable

import onnx_ir as ir

_LAYERS = "ovprep.layers"
_TAP = "ovprep.tap"


def remember_layer(graph: ir.Graph, name: str, described: str) -> None:
    """Notes that nodes whose names begin with `name/` are of a layer."""
    graph.meta.setdefault(_LAYERS, {})[name] = described


def remember_tap(value: ir.Value, tap: str) -> None:
    """Notes under which name the original's framework has a tensor; the first name stays."""
    value.meta.setdefault(_TAP, tap)


def taps_of(graph: ir.Graph) -> dict[str, str]:
    """The tensors of a graph that the original's framework has too: their names there, by their names here."""
    values = (output for node in graph for output in node.outputs)
    return {str(value.name): str(value.meta[_TAP]) for value in values if _TAP in value.meta}


def layer_of(tensor: str, as_read: ir.Graph) -> str | None:
    """The layer of the original whose own output a tensor is, in words; None where it is no layer's."""
    tap = taps_of(as_read).get(tensor, "")
    described = as_read.meta.get(_LAYERS, {}).get(tap.partition(":")[0])
    return None if described is None else f"layer {described}"


def is_of_layers(graph: ir.Graph) -> bool:
    """Whether the graph comes from a file of layers."""
    return _LAYERS in graph.meta


def origin_of(name: str, as_read: ir.Graph) -> str | None:
    """What a node comes from, in words, by the node's name and the graph as it was read; None where nothing tells."""
    layers: dict[str, str] = as_read.meta.get(_LAYERS, {})
    if layers:
        known = _longest_beginning(name, layers)
        return None if known is None else f"layer {layers[known]}"
    nodes = {str(node.name): (node, place) for place, node in enumerate(as_read, 1) if node.name}
    known = _longest_beginning(name, nodes)
    if known is None:
        return None
    node, place = nodes[known]
    return f"{known!r} ({node.op_type}, op {place} of {len(as_read)})"


def _longest_beginning(name: str, known: Iterable[str]) -> str | None:
    return max((one for one in known if name == one or name.startswith(f"{one}/")), key=len, default=None)
