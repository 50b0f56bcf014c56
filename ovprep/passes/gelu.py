"""Brings a Gelu back that was written by its formula."""

import math

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.passes.change import Change, counted

_NEAR = 1e-6
"""How far a constant of float32 may be from the number that it stands for, in parts of it."""


def name_gelus(model: ir.Model) -> Change | None:
    """PyTorch's older exporter writes the formula; in Keras it is one layer.

    x -> Div(sqrt(2)) -> Erf -> Add(1) -> Mul(x) -> Mul(0.5)
    becomes
    x -> Gelu

    Also where the half is taken of x, or sqrt(1/2) times x. Hendrycks and Gimpel, 2016.
    """
    graph = model.graph
    named = []
    for node in list(graph):
        x = _scaled(node.inputs[0], math.sqrt(0.5)) if node.op_type == "Erf" else None
        one_more = _only_reader(node) if x is not None else None
        if x is None or one_more is None or not _is_by(one_more, "Add", node.outputs[0], 1.0):
            continue
        last = _end(one_more, x)
        if last is None:
            continue
        replace_value(graph, last.outputs[0], Builder(graph, str(node.name), before=last).op("Gelu", x))
        named.append(str(node.name))
    remove_unused(graph)
    return Change(f"named {counted(len(named), 'Gelu')}", tuple(named)) if named else None


def _end(one_more: ir.Node, x: ir.Value) -> ir.Node | None:
    """The node that gives `x * (1 + erf) / 2`, in whatever order the three are multiplied."""
    factors, node = {"x", "half"}, one_more
    while factors:
        value, reader = node.outputs[0], _only_reader(node)
        if reader is None or reader.op_type not in ("Mul", "Div"):
            return None
        other = next((one for one in reader.inputs if one is not value), None)
        if reader.op_type == "Mul" and other is x and "x" in factors:
            factors.remove("x")
        elif reader.op_type == "Mul" and factors == {"x", "half"} and _scaled(other, 0.5) is x:
            factors.clear()
        elif "half" in factors and _scaled(reader.outputs[0], 0.5) is value:
            factors.remove("half")
        else:
            return None
        node = reader
    return node


def _scaled(value: ir.Value | None, factor: float) -> ir.Value | None:
    """What a value is `factor` times of, by a Mul or by a Div."""
    node = None if value is None else value.producer()
    if node is None or node.op_type not in ("Mul", "Div"):
        return None
    for index in (0, 1) if node.op_type == "Mul" else (0,):
        source = node.inputs[index]
        if source is not None and _is_by(node, node.op_type, source, factor if node.op_type == "Mul" else 1 / factor):
            return source
    return None


def _is_by(node: ir.Node, op_type: str, value: ir.Value, number: float) -> bool:
    """Whether a node is an op of a value and a number."""
    other = next((one for one in node.inputs if one is not value), None)
    array = array_of(other)
    if node.op_type != op_type or array is None or array.size != 1 or array_of(value) is not None:
        return False
    return math.isclose(float(array.item()), number, rel_tol=_NEAR)


def _only_reader(node: ir.Node) -> ir.Node | None:
    uses = list(node.outputs[0].uses())
    return uses[0][0] if len(uses) == 1 and not node.outputs[0].is_graph_output() else None
