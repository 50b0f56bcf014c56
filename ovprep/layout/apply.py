"""Carries the solver's plan into the graph."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import bytes_of, dims_of, rank_of
from ovprep.layout.explain import Explanation, explain
from ovprep.layout.problem import LayoutProblem, Net, Op, solve
from ovprep.layout.rules import Free, Pinned, Ruling, Swap, oriented_inputs, ruling_of
from ovprep.layout.rules.registry import PERM, RANK


@dataclass(frozen=True)
class LayoutChange:
    """What the plan came to: bytes per inference at batch one, Transposes in the graph, ops that could not move.

    `transposes_after` counts what the layout left; `normalize` counts again once its last pass is done.
    """

    bytes_before: int
    bytes_after: int
    transposes_before: int
    transposes_after: int
    swapped: tuple[str, ...]
    pins: tuple[tuple[str, str], ...]
    explanation: Explanation = field(default=Explanation(), compare=False, repr=False)


def optimise_layout(model: ir.Model) -> LayoutChange:
    """Moves ops to the layouts in which the fewest bytes are transposed, and leaves the Transposes that remain.

        Transpose -> Conv -> Transpose -> Relu -> Transpose -> Conv -> Transpose
        becomes
        Transpose -> Conv -> Relu -> Conv -> Transpose

    The interface stays as it is.
    """
    graph = model.graph
    transposes_before = count_transposes(graph)
    nodes = [node for node in graph if _has_layout(node)]
    rulings = [ruling_of(node) for node in nodes]
    values = list(_oriented_values(graph, nodes))
    problem = _problem(nodes, rulings, values)
    plan = solve(problem)
    explanation = explain(graph, nodes, rulings, values, problem, plan)
    moved = [
        (node, ruling)
        for node, ruling, swapped in zip(nodes, rulings, plan.swapped, strict=False)
        if swapped and isinstance(ruling, Free) and not is_swap(node)
    ]
    for node, ruling in moved:
        _move(graph, node, ruling)
    _cancel_transposes(graph)
    remove_unused(graph)
    pins = [
        (str(node.name), ruling.reason)
        for node, ruling in zip(nodes, rulings, strict=True)
        if isinstance(ruling, Pinned) and not is_swap(node)
    ]
    return LayoutChange(
        plan.bytes_before,
        plan.bytes_after,
        transposes_before,
        count_transposes(graph),
        tuple(str(node.name) for node, _ in moved),
        tuple(pins),
        explanation,
    )


def is_swap(node: ir.Node) -> bool:
    """Whether a node is a Transpose from NWC to NCW or back."""
    perm = node.attributes.get("perm")
    return node.op_type == "Transpose" and perm is not None and tuple(perm.as_ints()) == PERM


def moves_nothing(value: ir.Value) -> bool:
    """Whether swapping a rank-3 value keeps the order of its elements: one of the two axes has size one."""
    return 1 in dims_of(value)[1:]


def _has_layout(node: ir.Node) -> bool:
    return bool(oriented_inputs(node)) or any(rank_of(output) == RANK for output in node.outputs)


def _oriented_values(graph: ir.Graph, nodes: list[ir.Node]) -> Iterator[ir.Value]:
    yield from (value for value in graph.inputs if rank_of(value) == RANK)
    for node in nodes:
        yield from (output for output in node.outputs if rank_of(output) == RANK)


def _problem(nodes: list[ir.Node], rulings: list[Ruling], values: list[ir.Value]) -> LayoutProblem:
    """The nodes come first, in order; the graph's inputs and outputs follow as pinned ops."""
    index = {node: number for number, node in enumerate(nodes)}
    ops = [Op(str(node.name), _kind(node, ruling)) for node, ruling in zip(nodes, rulings, strict=True)]
    nets = []
    for value in values:
        producer = value.producer()
        if producer is None:
            ops.append(Op(f"input {value.name}", "pinned"))
        consumers = [index[user] for user, _ in value.uses() if user in index]
        if value.is_graph_output():
            ops.append(Op(f"output {value.name}", "pinned"))
            consumers.append(len(ops) - 1)
        cost = 0 if moves_nothing(value) else bytes_of(value)
        source = len(ops) - 1 - value.is_graph_output() if producer is None else index[producer]
        nets.append(Net(source, tuple(consumers), cost))
    return LayoutProblem(tuple(ops), tuple(nets))


def _kind(node: ir.Node, ruling: Ruling) -> Literal["free", "pinned", "swap"]:
    if is_swap(node):
        return "swap"
    return "free" if isinstance(ruling, Free) else "pinned"


def _move(graph: ir.Graph, node: ir.Node, ruling: Free) -> None:
    """Lets one node run in the other layout, between Transposes that a later step cancels."""
    before = Builder(graph, str(node.name), before=node)
    for index in oriented_inputs(node):
        node.replace_input_with(index, before.op("Transpose", node.inputs[index], perm=PERM))
    ruling.edit(Swap(before))
    after = Builder(graph, str(node.name), after=node)
    oriented = [output for output in node.outputs if rank_of(output) == RANK]
    infer_outputs(node, graph.opset_imports)
    for output in oriented:
        turned = after.op("Transpose", output, perm=PERM)
        assert turned.producer() is not None
        replace_value(graph, output, turned, keep=turned.producer())


def _cancel_transposes(graph: ir.Graph) -> None:
    """Two swaps in a row are none, and two of the same value are one."""
    made: dict[ir.Value, ir.Value] = {}
    for node in list(graph):
        if not is_swap(node):
            continue
        source, output = node.inputs[0], node.outputs[0]
        assert source is not None
        producer = source.producer()
        if producer is not None and is_swap(producer) and producer.inputs[0] is not None:
            _bypass(graph, output, producer.inputs[0])
        elif source in made:
            _bypass(graph, output, made[source])
        else:
            made[source] = output


def _bypass(graph: ir.Graph, output: ir.Value, source: ir.Value) -> None:
    """Lets the users of `output` use `source`, which has the same elements.

    A graph output that would become a graph input, or a second name of another output, needs a node of its own.
    """
    if output.is_graph_output() and (source.producer() is None or source.is_graph_output()):
        node = output.producer()
        assert node is not None
        for user, index in list(output.uses()):
            user.replace_input_with(index, source)
        node.attributes.clear()
        node.op_type = "Identity"
        node.replace_input_with(0, source)
        return
    replace_value(graph, output, source)


def count_transposes(graph: ir.Graph) -> int:
    """Number of Transposes that run; those of constants do not."""
    return sum(node.op_type == "Transpose" and array_of(node.inputs[0]) is None for node in graph)
