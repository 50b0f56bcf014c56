"""What lies between two Transposes, and whether it computes the same on their other side."""

from dataclasses import dataclass, field

import onnx_ir as ir

from ovprep.graph.constants import array_of, ints_of
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.elementwise import BROADCASTING, UNARY

RESHAPING = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")


@dataclass
class Path:
    """What lies between two Transposes: ops on the axes that the first made, Reshapes, ops on those for the second."""

    first: ir.Node
    before: list[ir.Node] = field(default_factory=list)
    reshapes: list[ir.Node] = field(default_factory=list)
    after: list[ir.Node] = field(default_factory=list)


def path_to(node: ir.Node) -> Path | None:
    """The way up from a Transpose to the next one, None where something on it cannot be passed."""
    between: list[ir.Node] = []
    value = node.inputs[0]
    while value is not None:
        maker = value.producer()
        if maker is None or value.is_graph_output() or (len(value.uses()) > 1 and not is_transpose(maker)):
            return None
        if is_transpose(maker):
            return _divided(maker, between, node)
        if maker.op_type not in RESHAPING and _passing(maker) is None:
            return None
        between.insert(0, maker)
        value = maker.inputs[0] if maker.op_type in RESHAPING else maker.inputs[computed_inputs(maker)[0]]
    return None


def _divided(first: ir.Node, between: list[ir.Node], second: ir.Node) -> Path | None:
    alone = all(is_transpose(user) for user, _ in first.outputs[0].uses()) or len(first.outputs[0].uses()) == 1
    places = [place for place, node in enumerate(between) if node.op_type in RESHAPING]
    start, end = (places[0], places[-1] + 1) if places else (len(between), len(between))
    reshapes = between[start:end]
    if not alone or any(node.op_type not in RESHAPING for node in reshapes):
        return None
    path = Path(first, between[:start], reshapes, between[end:])
    passes = _lets_pass(path.before, first) and _lets_pass(path.after, second)
    if not passes and not places and _lets_pass(between, second):
        return Path(first, [], [], between)
    return path if passes else None


def _lets_pass(nodes: list[ir.Node], transpose: ir.Node) -> bool:
    """Whether the ops compute the same on the other side of a Transpose."""
    perm = ints_of(transpose, "perm") or ()
    return perm[-1] == len(perm) - 1 or not any(_passing(node) == "not the last axis" for node in nodes)


def _passing(node: ir.Node) -> str | None:
    """Which Transposes an op lets pass: "any", those that move "not the last axis", or None."""
    source, computed = node.outputs[0], computed_inputs(node)
    if len(computed) != 1 or len(node.outputs) != 1:
        return None
    value = node.inputs[computed[0]]
    if value is None or rank_of(value) is None or rank_of(value) != rank_of(source) or value.dtype != source.dtype:
        return None
    if node.op_type in UNARY:
        return "any"
    constants = [array for array in map(array_of, node.inputs) if array is not None]
    if node.op_type == "MatMul" and computed == [0] and constants[0].ndim == 2:
        return "not the last axis"
    if node.op_type not in BROADCASTING or any(array.ndim > (rank_of(value) or 0) for array in constants):
        return None
    if all(array.size == 1 for array in constants):
        return "any"
    return "not the last axis" if all(array.size in (1, *array.shape[-1:]) for array in constants) else None


def computed_inputs(node: ir.Node) -> list[int]:
    """Positions of the inputs that are no constants."""
    return [place for place, value in enumerate(node.inputs) if value is not None and array_of(value) is None]


def is_transpose(node: ir.Node) -> bool:
    """Whether a node is a Transpose of a computed tensor."""
    return node.op_type == "Transpose" and "perm" in node.attributes and array_of(node.inputs[0]) is None
