"""How often a Loop runs, and which step it is at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.extents import Extent, minus
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import rank_of
from ovprep.passes.recurrence.refusal import NotACell

_SAME = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape")
_ENDLESS = 2**31 - 1
"""A number of steps from here on means "until the condition says so"."""


@dataclass(frozen=True)
class Count:
    """`step * i + start` at step number i."""

    step: int
    start: Extent


class Counts:
    """The whole numbers that a loop counts with: its own counter, states that grow by one, and sizes."""

    def __init__(
        self, counter: ir.Value, states: Mapping[ir.Value, tuple[ir.Value, ir.Value]], known: ShapeValues
    ) -> None:
        self._counter, self._states, self._known = counter, states, known
        self._open: set[ir.Value] = set()

    def of(self, value: ir.Value) -> Count | None:
        """What a value counts, or None."""
        if (rank_of(value) or 0) > 1:
            return None
        array = array_of(value)
        if array is not None:
            whole = array.size == 1 and array.dtype.kind in "if" and np.ravel(array)[0] % 1 == 0
            return Count(0, Extent(int(np.ravel(array)[0]))) if whole else None
        if value is self._counter:
            return Count(1, Extent(0))
        if value in self._states:
            return self._of_state(value)
        numbers, producer = self._known.numbers(value), value.producer()
        if numbers is not None:
            return Count(0, numbers[0]) if len(numbers) == 1 else None
        if producer is None or not producer.inputs or producer.inputs[0] is None:
            return None
        if producer.op_type in _SAME:
            return self.of(producer.inputs[0])
        return self._of_sum(producer)

    def _of_sum(self, node: ir.Node) -> Count | None:
        if node.op_type not in ("Add", "Sub"):
            return None
        one, other = (None if value is None else self.of(value) for value in node.inputs)
        if one is None or other is None:
            return None
        if node.op_type == "Sub":
            start, step = minus(one.start, other.start), one.step - other.step
        else:
            start, step = one.start + other.start, one.step + other.step
        return None if start is None else Count(step, start)

    def _of_state(self, value: ir.Value) -> Count | None:
        """A state that stays what it is, or that one is added to in each step."""
        start, after = self._states[value]
        if value in self._open:  # the question is what comes of it: itself, and so much more
            return Count(0, Extent(0, 1, value))
        self._open.add(value)
        then, first = self.of(after), self.of(start)
        self._open.discard(value)
        if then is None or first is None or then.step or (then.start.times, then.start.of) != (1, value):
            return None
        return None if first.step else Count(then.start.plus, first.start)

    def steps(self, limit: ir.Value | None, condition: ir.Value | None, after: ir.Value, given: ir.Value) -> Extent:
        """The number of steps. Raises NotACell where it depends on what they compute."""
        if condition is not None and not self._starts(condition):
            raise NotACell("may not run at all")
        bounds = self._bounds(after, given)
        most = None if limit is None else self.of(limit)
        if limit is not None and (most is None or most.step):
            raise NotACell("runs as often as its inputs ask for")
        if most is not None and (most.start.number or 0) < _ENDLESS:
            bounds.append(most.start)
        if not bounds:
            raise NotACell("has no end")
        least = bounds[0]
        for bound in bounds[1:]:
            difference = minus(bound, least)
            if difference is None or difference.number is None:
                raise NotACell("runs as often as the smaller of two sizes")
            least = bound if difference.number < 0 else least
        return least

    def _starts(self, value: ir.Value) -> bool:
        """Whether the first step runs, of a sequence that is not empty."""
        array, node = array_of(value), value.producer()
        if array is not None:
            return bool(np.ravel(array)[0])
        if node is None or None in node.inputs:
            return False
        if node.op_type == "And":
            return all(value is not None and self._starts(value) for value in node.inputs)
        if node.op_type in ("Identity", "Cast") and node.inputs[0] is not None:
            return self._starts(node.inputs[0])
        left, right = (self.of(value) if value is not None else None for value in (*node.inputs, None, None)[:2])
        if node.op_type != "Less" or left is None or right is None:
            return False
        gap = minus(right.start, left.start)
        return gap is not None and (gap.plus > 0 if gap.number is not None else gap.plus >= 0 and gap.times > 0)

    def _bounds(self, value: ir.Value, given: ir.Value) -> list[Extent]:
        """The numbers of steps after which a condition for the next one fails; none of them where it never does."""
        array, node = array_of(value), value.producer()
        if value is given or (array is not None and bool(np.ravel(array)[0])):
            return []
        operands = [] if node is None else [value for value in node.inputs if value is not None]
        if node is not None and node.op_type == "And":
            return [bound for operand in operands for bound in self._bounds(operand, given)]
        if node is not None and node.op_type in ("Identity", "Cast"):
            return self._bounds(operands[0], given)
        left, right = (self.of(operand) for operand in operands) if len(operands) == 2 else (None, None)
        gap = None if left is None or right is None else minus(right.start, left.start)
        if node is None or node.op_type != "Less" or left is None or right is None or gap is None:
            raise NotACell("ends when its steps say so")
        if (left.step, right.step) != (1, 0):
            raise NotACell("ends when its steps say so")
        bound = gap + 1  # step number i is followed by another one as long as i < gap
        assert bound is not None
        return [bound]
