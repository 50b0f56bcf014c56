"""An If whose condition is known, replaced by the branch that it takes."""

from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import branches_of, release_branches, replace_value
from ovprep.graph.extents import Extent, Extents, minus
from ovprep.graph.names import names_in, unique_name
from ovprep.graph.shape_values import ShapeValues


def deciding_inputs(value: ir.Value | None) -> tuple[list[str], list[str]]:
    """Names of the inputs of the graph whose values decide over a value, and of those whose sizes alone do."""
    values: dict[str, bool] = {}
    waiting, seen = [(value, True)], set()
    while waiting:
        one, by_value = waiting.pop()
        if one is None or (one, by_value) in seen:
            continue
        seen.add((one, by_value))
        node = one.producer()
        if one.is_graph_input():
            values[str(one.name)] = by_value or values.get(str(one.name), False)
        elif node is not None:
            waiting += [(given, by_value and node.op_type not in ("Shape", "Size")) for given in node.inputs]
    return [name for name in values if values[name]], [name for name in values if not values[name]]


@dataclass(frozen=True)
class Taken:
    """The nodes of a branch, in the graph now, and the values that stand for the outputs of the If."""

    nodes: list[ir.Node]
    outputs: list[ir.Value]


_HANDED_ON = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze")


def truth_of(value: ir.Value | None, known: ShapeValues) -> bool | None:
    """Whether a condition of one element holds; None where that depends on the inputs, or on an open size.

    Open sizes are at least one.
    """
    array = array_of(value)
    if array is not None:
        return bool(array.item()) if array.size == 1 else None
    node = None if value is None else value.producer()
    if node is None:
        return None
    if node.op_type in _HANDED_ON:
        truth = _is_not_zero(known.numbers(node.inputs[0]))
        return truth_of(node.inputs[0], known) if truth is None else truth
    if node.op_type == "Equal":
        return _are_equal(*(known.numbers(one) for one in node.inputs))
    truths = [truth_of(one, known) for one in node.inputs] if node.op_type in ("Not", "And", "Or") else []
    if node.op_type == "Not" and truths[0] is not None:
        return not truths[0]
    deciding = node.op_type == "Or"
    if deciding in truths:
        return deciding
    return not deciding if truths and node.op_type != "Not" and None not in truths else None


def take_branch(graph: ir.Graph, node: ir.Node, truth: bool) -> Taken:
    """Puts the nodes of a branch in the place of the If."""
    taken = node.attributes["then_branch" if truth else "else_branch"].as_graph()
    made, inner = list(taken.outputs), list(taken)
    taken.outputs.clear()
    taken.remove(inner)
    release_branches(node)  # of the branch that is not taken; this one is empty
    for body in branches_of(node):
        body.outputs.clear()
        body.remove(list(body))  # its names are free
    _rename(graph, inner)
    graph.insert_before(node, inner)
    build = Builder(graph, str(node.name), before=node)
    for index, (output, value) in enumerate(zip(node.outputs, made, strict=True)):
        taken_over = value.producer() in inner and not value.is_graph_output()
        if output.is_graph_output() and not taken_over:  # the value has a name of its own to keep
            made[index] = build.op("Identity", value)
            inner.extend(filter(None, [made[index].producer()]))
        replace_value(graph, output, made[index])
    graph.remove(node, safe=True)
    return Taken(inner, made)


def _rename(graph: ir.Graph, inner: list[ir.Node]) -> None:
    """Gives other names to what has the name of something in the graph, or in a branch of it that is still one.

    Branches side by side may share theirs; what now stands in the graph is seen from all of them.
    """
    taken = set(names_in(graph)) - {""}
    for one in inner:
        if one.name is None or one.name in taken:
            one.name = unique_name(graph, one.name or one.op_type)
        for output in one.outputs:
            if output.name is None or output.name in taken:
                output.name = unique_name(graph, output.name or one.name)


def _is_not_zero(numbers: Extents | None) -> bool | None:
    if numbers is None or len(numbers) != 1:
        return None
    (number,) = numbers
    return number.number != 0 if number.number is not None else _is_positive(number) or None


def _is_positive(size: Extent) -> bool:
    return size.times > 0 and size.plus > -size.times


def _are_equal(left: Extents | None, right: Extents | None) -> bool | None:
    if left is None or right is None or len(left) != 1 or len(right) != 1:
        return None
    if left == right:
        return True
    difference = minus(left[0], right[0])
    return None if difference is None or difference.number is None else difference.number == 0
