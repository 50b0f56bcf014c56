"""The body of a model: what is lifted to rank 4 together, and where each tensor has the new axis."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.shapes import rank_of
from ovprep.layout.apply import is_swap
from ovprep.passes.rank.registry import RANK, Lift, lift_of

_RESHAPING = frozenset({"Flatten", "Reshape", "Shape", "Squeeze", "Unsqueeze"})
"""Read and make what they did, behind a Squeeze and before an Unsqueeze, none of which moves anything."""
_BRANCHES = frozenset({"If", "Loop", "Scan"})

NCHW, NHWC = 2, 1
"""Where the new axis stands in tensors with channels first, and with channels last."""


@dataclass(frozen=True)
class Body:
    """The ops that are lifted, in the order of the graph, and where their inputs and their outputs have the axis.

    The two places differ in swaps alone.
    """

    lifts: dict[ir.Node, Lift]
    axes: dict[ir.Node, tuple[int, int]]


def body_of(graph: ir.Graph) -> Body | str:
    """All ops on rank-3 tensors from the first convolution to the last, and those around them; or why there is no body.

    An op that has no rule, as a recurrence, ends the body where all convolutions lie to one side of it: what lies on
    the other side stays at rank 3 with it. Between convolutions, it would cut the body in two, which is slower than
    either form.
    """
    nodes = [node for node in graph if _is_low(node)]
    lifts = {node: lift for node in nodes if (lift := lift_of(node)) is not None}
    spatial = {node for node, lift in lifts.items() if lift.spatial}
    if not spatial:
        return "it has no convolution or pooling of rank 3"
    branch = next((node for node in graph if node.op_type in _BRANCHES), None)
    if branch is not None:
        return f"{branch.op_type} {branch.name} holds graphs of its own"
    behind, ahead = _reached(graph, spatial), _reaching(graph, spatial)
    blocked = [node for node in nodes if node not in lifts and node.op_type not in _RESHAPING]
    for node in blocked:
        if node in behind and node in ahead:
            return f"{node.op_type} {node.name}, between convolutions, has no form at rank 4"
    tail, front = ({node for node in blocked if node in behind}, {node for node in blocked if node not in behind})
    outside = tail | _reached(graph, tail) | front | _reaching(graph, front)
    return _connected({node: lift for node, lift in lifts.items() if node not in outside}, spatial)


def _connected(lifts: dict[ir.Node, Lift], spatial: set[ir.Node]) -> Body:
    """The ops that share tensors with a spatial one, as they are or turned; others would gain nothing."""
    turned, tied = _Groups(), _Groups()
    for node, lift in lifts.items():
        turned.join(_tensors(node, lift))
        if not is_swap(node):
            tied.join(_tensors(node, lift))
    anchors = [_tensors(node, lifts[node])[0] for node in spatial]
    inside, first = set(map(turned.root, anchors)), set(map(tied.root, anchors))
    swaps = [tuple(map(tied.root, _tensors(node, lift))) for node, lift in lifts.items() if is_swap(node)]
    last = {one for pair in swaps for one, other in (pair, pair[::-1]) if other in first} - first

    def place(value: ir.Value) -> int:
        return NHWC if tied.root(value) in last else NCHW

    kept = {node: lift for node, lift in lifts.items() if turned.root(_tensors(node, lift)[0]) in inside}
    axes = {}
    for node, lift in kept.items():
        tensors = _tensors(node, lift)
        axes[node] = place(tensors[0]), place(tensors[-1])
    return Body(kept, axes)


def _tensors(node: ir.Node, lift: Lift) -> list[ir.Value]:
    """Those that gain the axis, inputs first."""
    values = [*(node.inputs[place] for place in lift.inputs), *(node.outputs[place] for place in lift.outputs)]
    return [value for value in values if value is not None]


def _is_low(node: ir.Node) -> bool:
    return any(rank_of(value) == RANK for value in (*node.inputs, *node.outputs))


def _reached(graph: ir.Graph, sources: set[ir.Node]) -> set[ir.Node]:
    """The nodes behind some, these left out unless one lies behind another."""
    found: set[ir.Node] = set()
    for node in graph:
        makers = (value.producer() for value in node.inputs if value is not None)
        if any(maker in found or maker in sources for maker in makers if maker is not None):
            found.add(node)
    return found


def _reaching(graph: ir.Graph, targets: set[ir.Node]) -> set[ir.Node]:
    """The nodes ahead of some, these left out unless one lies ahead of another."""
    found: set[ir.Node] = set()
    for node in reversed(graph):
        if any(user in found or user in targets for output in node.outputs for user, _ in output.uses()):
            found.add(node)
    return found


class _Groups:
    """Tensors that have something in common."""

    def __init__(self) -> None:
        self._parents: dict[ir.Value, ir.Value] = {}

    def root(self, value: ir.Value) -> ir.Value:
        """The tensor that stands for its group."""
        while self._parents.setdefault(value, value) is not value:
            self._parents[value] = self._parents[self._parents[value]]
            value = self._parents[value]
        return value

    def join(self, values: Iterable[ir.Value]) -> None:
        """Makes one group of those of some tensors."""
        first, *others = values
        for value in others:
            self._parents[self.root(value)] = self.root(first)
