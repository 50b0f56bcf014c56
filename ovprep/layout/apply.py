"""Carries the solver's plan into the graph."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import bytes_of, dims_of, rank_of
from ovprep.layout.explain import Explainer, Explanation
from ovprep.layout.orientation import RANKS, SWAP, Orientation, turn_of, turned_from
from ovprep.layout.problem import LayoutProblem, Net, Op, solve
from ovprep.layout.rules import Free, Pinned, Ruling, Swap, oriented_inputs, oriented_outputs, rank_in, ruling_of
from ovprep.layout.written import Written

_BETWEEN_A_PAIR = 8
"""More than a float has bytes for each of an int8."""


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

    @property
    def unknown_ports(self) -> tuple[tuple[str, str], ...]:
        """Inputs and outputs whose layout stays since nothing tells what their axes mean, each with the reason."""
        ports = (op for op in self.explanation.ops if op.type in ("input", "output") and op.layout is None)
        return tuple((op.op, op.pin) for op in ports if op.pin is not None)


def optimise_layout(model: ir.Model) -> LayoutChange:
    """Moves ops to the layouts in which the fewest bytes are transposed, and leaves the Transposes that remain.

        Transpose -> Conv -> Transpose -> Relu -> Transpose -> Conv -> Transpose
        becomes
        Transpose -> Conv -> Relu -> Conv -> Transpose

    The interface stays as it is.
    """
    graph = model.graph
    transposes_before = count_transposes(graph)
    nodes = [node for node in graph if oriented_inputs(node) or oriented_outputs(node)]
    rulings = [ruling_of(node) for node in nodes]
    written = Written(nodes, rulings)
    rulings = [_settled(node, ruling, written) for node, ruling in zip(nodes, rulings, strict=True)]
    values = list(_oriented_values(graph, nodes))
    problem = _problem(nodes, rulings, values, written)
    plan = solve(problem)
    explanation = Explainer(graph, nodes, rulings, values, problem, plan, written).explanation()
    pins = [
        (str(node.name), ruling.reason)
        for node, ruling in zip(nodes, rulings, strict=True)
        if isinstance(ruling, Pinned) and not _dissolves(node, written)
    ]
    moved = [
        (node, ruling, written.of_node(node))  # now, since moving makes values that are not known there
        for node, ruling, swapped in zip(nodes, rulings, plan.swapped, strict=False)
        if swapped and isinstance(ruling, Free)
    ]
    for node, ruling, orientation in moved:
        _move(graph, node, ruling, orientation)
    _cancel_transposes(graph)
    remove_unused(graph)
    return LayoutChange(
        plan.bytes_before,
        plan.bytes_after,
        transposes_before,
        count_transposes(graph),
        tuple(str(node.name) for node, *_ in moved),
        tuple(pins),
        explanation,
    )


def is_swap(node: ir.Node) -> bool:
    """Whether a node is a Transpose from NWC to NCW or back."""
    return node.op_type == "Transpose" and ints_of(node, "perm") == SWAP


def moves_nothing(value: ir.Value, perm: tuple[int, ...] = SWAP) -> bool:
    """Whether a Transpose of a value keeps the order of its elements: it moves no axes but those of size one."""
    dims = dims_of(value)
    kept = [axis for axis in perm if dims[axis] != 1]
    return kept == sorted(kept)


def _settled(node: ir.Node, ruling: Ruling, written: Written) -> Ruling:
    """The ruling, now that it is known in which layout the node's tensors of rank 4 are."""
    if isinstance(ruling, Pinned) or rank_in(node) == RANKS[0]:
        return ruling
    orientation = written.of_node(node)
    if orientation is None:
        return Pinned("nothing tells where its channels are")
    return Pinned(ruling.otherwise) if ruling.only not in (None, orientation) else ruling


def _dissolves(node: ir.Node, written: Written) -> bool:
    """Whether a node is a Transpose from one layout of a computed tensor to the other."""
    if node.op_type != "Transpose" or array_of(node.inputs[0]) is not None:
        return False
    perm = ints_of(node, "perm") or ()
    start = turned_from(perm)
    return is_swap(node) or (
        start is not None and (start, start.other) == (written.of(node.inputs[0]), written.of(node.outputs[0]))
    )


def _oriented_values(graph: ir.Graph, nodes: list[ir.Node]) -> Iterator[ir.Value]:
    yield from (value for value in graph.inputs if rank_of(value) in RANKS)
    for node in nodes:
        yield from oriented_outputs(node)


def _problem(nodes: list[ir.Node], rulings: list[Ruling], values: list[ir.Value], written: Written) -> LayoutProblem:
    """The nodes come first, in order; the graph's inputs and outputs follow as pinned ops."""
    index = {node: number for number, node in enumerate(nodes)}
    ops = [
        Op(str(node.name), _kind(node, ruling, written), ruling.slower if isinstance(ruling, Free) else 0)
        for node, ruling in zip(nodes, rulings, strict=True)
    ]
    nets = []
    for value in values:
        producer = value.producer()
        if producer is None:
            ops.append(Op(f"input {value.name}", "pinned"))
        consumers = [index[user] for user, _ in value.uses() if user in index]
        if value.is_graph_output():
            ops.append(Op(f"output {value.name}", "pinned"))
            consumers.append(len(ops) - 1)
        source = len(ops) - 1 - value.is_graph_output() if producer is None else index[producer]
        nets.append(Net(source, tuple(consumers), _cost(value, written)))
    return LayoutProblem(tuple(ops), tuple(nets))


def _cost(value: ir.Value, written: Written) -> int:
    """The bytes that a Transpose to the other layout moves; a value that has no other layout is never asked for.

    Between a QuantizeLinear and its DequantizeLinear one costs more than on either side of the pair, which runtimes
    take for integers only where nothing stands between.
    """
    rank, orientation = rank_of(value) or 0, written.of(value)
    if rank != RANKS[0] and orientation is None:
        return 0
    producer = value.producer()
    if producer is not None and producer.op_type == "QuantizeLinear":
        return _BETWEEN_A_PAIR * bytes_of(value)
    return 0 if moves_nothing(value, turn_of(rank, orientation)) else bytes_of(value)


def _kind(node: ir.Node, ruling: Ruling, written: Written) -> Literal["free", "pinned", "swap"]:
    if _dissolves(node, written):
        return "swap"
    return "free" if isinstance(ruling, Free) else "pinned"


def _move(graph: ir.Graph, node: ir.Node, ruling: Free, written: Orientation | None) -> None:
    """Lets one node run in the other layout, between Transposes that a later step cancels."""
    before = Builder(graph, str(node.name), before=node)
    swap = Swap(before, rank_in(node), written)
    for index in oriented_inputs(node):
        value = node.inputs[index]
        node.replace_input_with(index, before.op("Transpose", value, perm=swap.perm(rank_of(value) or 0)))
    ruling.edit(swap)
    after = Builder(graph, str(node.name), after=node)
    for output in oriented_outputs(node):
        shape = output.shape or ir.Shape([])
        # Shape inference would lose what is known of open axes.
        output.shape = ir.Shape([shape[axis] for axis in swap.perm(len(shape))])
        turned = after.op("Transpose", output, perm=swap.perm_back(rank_of(output) or 0))
        assert turned.producer() is not None
        replace_value(graph, output, turned, keep=turned.producer())


def _cancel_transposes(graph: ir.Graph) -> None:
    """Two opposite Transposes between the layouts in a row are none, and two alike of one value are one."""
    made: dict[tuple[ir.Value, tuple[int, ...]], ir.Value] = {}
    for node in list(graph):
        source, output, perm = node.inputs[0] if node.inputs else None, node.outputs[0], turn_in(node)
        if source is None or not perm:
            continue
        producer = source.producer()
        first = turn_in(producer) if producer is not None else ()
        if producer is not None and producer.inputs[0] is not None and _undoes(perm, first):
            _bypass(graph, output, producer.inputs[0])
        elif (source, perm) in made:
            _bypass(graph, output, made[source, perm])
        else:
            made[source, perm] = output


def turn_in(node: ir.Node) -> tuple[int, ...]:
    """The permutation of a Transpose that may lie between two layouts, empty for other nodes."""
    perm = ints_of(node, "perm") or () if node.op_type == "Transpose" else ()
    return perm if perm == SWAP or turned_from(perm) is not None else ()


def _undoes(perm: tuple[int, ...], first: tuple[int, ...]) -> bool:
    """Whether one permutation after another leaves all axes where they were."""
    return len(first) == len(perm) and [first[axis] for axis in perm] == list(range(len(perm)))


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
