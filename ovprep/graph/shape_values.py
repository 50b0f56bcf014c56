"""What the shape arithmetic of a graph comes to: sizes of tensors, and the integers that are computed from them."""

import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.extents import Extent, Extents
from ovprep.graph.integer_rules import INTEGER_RULES
from ovprep.graph.shapes import rank_of
from ovprep.graph.size_rules import SIZE_RULES

_LARGEST = {ir.DataType.INT32: 2**31 - 1, ir.DataType.INT64: 2**62}
"""Numbers beyond these are no sizes, and may be what a runtime would wrap around."""
_LONGEST = 64
"""Longer lists of integers carry data, not shapes."""


class ShapeValues:
    """Follows sizes through the ops that exporters compute shapes with. Ask in topological order.

    An open axis that has a name is the same size wherever that name stands; one without a name is a size of its own.
    """

    def __init__(self) -> None:
        self._dims: dict[ir.Value, Extents] = {}
        self._lists: dict[ir.Value, Extents] = {}

    def dims(self, value: ir.Value | None) -> Extents | None:
        """The size of each axis of a value, None where its rank is not known."""
        if value is None or value.shape is None:
            return None
        known = self._dims.get(value, ())
        if len(known) != len(value.shape):
            known = tuple(Extent(0, 1, (value, axis)) for axis in range(len(value.shape)))
        return tuple(
            Extent(dim)
            if isinstance(dim, int)
            else own
            if not _is_own(own, value) or dim.value is None
            else _named(dim)
            for dim, own in zip(value.shape, known, strict=True)
        )

    def numbers(self, value: ir.Value | None) -> Extents | None:
        """The integers that a tensor of rank 0 or 1 holds, or None."""
        array = array_of(value)
        if array is not None:
            small = array.dtype.kind == "i" and array.size <= _LONGEST
            return tuple(Extent(int(number)) for number in array.ravel()) if small else None
        return None if value is None else self._lists.get(value)

    def learn(self, node: ir.Node) -> None:
        """Takes in what a node makes of the sizes of its inputs. Its inputs have been learned before."""
        sizes = self._sizes_of(node)
        if sizes is not None and rank_of(node.outputs[0]) == len(sizes):
            self._dims[node.outputs[0]] = sizes
        rule = INTEGER_RULES.get(node.op_type)
        largest = _LARGEST.get(node.outputs[0].dtype or ir.DataType.UNDEFINED)
        if rule is None or largest is None:
            return
        made = rule(self, node)
        for output, numbers in zip(node.outputs, made or (), strict=False):
            if len(numbers) <= _LONGEST and all(max(abs(n.plus), abs(n.times)) <= largest for n in numbers):
                self._lists[output] = numbers

    def stands_for(self, new: ir.Value, old: ir.Value) -> None:
        """Takes in that a value has the sizes of another."""
        dims = self.dims(old)
        if dims is not None:
            self._dims[new] = dims

    def _sizes_of(self, node: ir.Node) -> Extents | None:
        rule = SIZE_RULES.get(node.op_type)
        source = self.dims(node.inputs[0]) if rule is not None and node.inputs else None
        return None if rule is None or source is None else rule(self, node, source)


def _is_own(extent: Extent, value: ir.Value) -> bool:
    return isinstance(extent.of, tuple) and extent.of[0] is value


def _named(dim: ir.SymbolicDim) -> Extent:
    return Extent(0, 1, dim.value)
