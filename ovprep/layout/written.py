"""Which of the two layouts each rank-4 tensor of a graph is written in, told by the ops that it meets.

It need not be what the axes mean: it says which of the two Transposes leads to the other layout, and all that is asked
is that every op and every Transpose between the layouts agrees on it. A tensor of which nothing tells has none.
"""

from collections.abc import Iterator, Sequence

import onnx_ir as ir

from ovprep.graph.constants import array_of, ints_of
from ovprep.graph.shapes import rank_of
from ovprep.layout.orientation import Orientation, turned_from
from ovprep.layout.rules.registry import Free, Ruling

_RANK = 4


class Written:
    """The orientation of the rank-4 tensors around some nodes, which come in topological order."""

    def __init__(self, nodes: Sequence[ir.Node], rulings: Sequence[Ruling]) -> None:
        self._parent: dict[ir.Value, ir.Value] = {}
        self._known: dict[ir.Value, Orientation] = {}
        for node, ruling in zip(nodes, rulings, strict=True):
            if isinstance(ruling, Free):  # all its tensors turn together
                values = list(_tensors(node))
                for value in values[1:]:
                    self._parent[self._root(value)] = self._root(values[0])
        for node, ruling in zip(nodes, rulings, strict=True):
            if not isinstance(ruling, Free) and ruling.written is not None:
                for value in filter(None, (node.inputs[0], node.outputs[0])):
                    if rank_of(value) == _RANK:
                        self._known.setdefault(self._root(value), ruling.written)
        for node in nodes:  # after the definitions, which no Transpose can outvote
            self._learn_of_transpose(node)

    def of(self, value: ir.Value | None) -> Orientation | None:
        """The orientation of a rank-4 tensor, None where nothing tells."""
        return None if value is None else self._known.get(self._root(value))

    def of_node(self, node: ir.Node) -> Orientation | None:
        """The one orientation of all rank-4 tensors of a node that may run in either."""
        return next((self.of(value) for value in _tensors(node)), None)

    def _learn_of_transpose(self, node: ir.Node) -> None:
        """A Transpose from NCHW to NHWC says that of its two sides, unless one is known to be otherwise."""
        source = node.inputs[0] if node.op_type == "Transpose" else None
        start = turned_from(ints_of(node, "perm") or ())
        if source is None or start is None or array_of(source) is not None:
            return
        before, after = self._root(source), self._root(node.outputs[0])
        agrees = self._known.get(before, start) is start and self._known.get(after, start.other) is start.other
        if agrees and before is not after:
            self._known[before], self._known[after] = start, start.other

    def _root(self, value: ir.Value) -> ir.Value:
        root = value
        while self._parent.get(root, root) is not root:
            root = self._parent[root]
        while self._parent.get(value, value) is not root:  # shorten the way for the next time
            self._parent[value], value = root, self._parent.get(value, value)
        return root


def _tensors(node: ir.Node) -> Iterator[ir.Value]:
    """The computed rank-4 tensors of a node."""
    for value in (*node.inputs, *node.outputs):
        if value is not None and rank_of(value) == _RANK and array_of(value) is None:
            yield value
