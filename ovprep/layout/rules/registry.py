"""What a rule says of an op, and the table of rules.

A rule looks at a node and decides whether it may run in the other layout: `Free`, with the edit that makes it so, or
`Pinned`, with a sentence that reaches the user's report. Whoever applies the edit transposes the node's computed
tensors of ranks 3 and 4, before it and after it; the edit sees to the attributes and the constants.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of
from ovprep.graph.shapes import rank_of
from ovprep.layout.orientation import RANKS, SWAP, Orientation, turn_of

T = TypeVar("T")

RANK = 3
"""The rank of the canonical form: one spatial axis."""
PERM = SWAP
"""NWC to NCW and back."""


class Swap:
    """The change to the other layout, for the edit of one node.

    rank: the highest rank of the node's tensors, to which its axes refer. written: the layout that those of rank 4 are
    in; those of rank 3 turn alike from either.
    """

    def __init__(self, build: Builder, rank: int = RANK, written: Orientation | None = None) -> None:
        self.build, self.rank, self.written = build, rank, written
        self._perm = turn_of(rank, written)

    def perm(self, rank: int) -> tuple[int, ...]:
        """The Transpose of the node's inputs of a rank."""
        return turn_of(rank, self.written)

    def perm_back(self, rank: int) -> tuple[int, ...]:
        """The Transpose of its outputs back to what they were."""
        return turn_of(rank, self.written and self.written.other)

    def axis(self, axis: int) -> int:
        """Where an axis goes; negative axes count from the end."""
        return self._perm.index(axis % self.rank)

    def axes(self, axes: Sequence[int]) -> list[int]:
        """Where several axes go, in the given order."""
        return [self.axis(axis) for axis in axes]

    def per_axis(self, entries: Sequence[T]) -> list[T]:
        """A list of one entry per axis, in the new order of the axes."""
        return [entries[axis] for axis in self._perm]

    def constant(self, array: Array, name: str = "constant") -> ir.Value:
        """A constant that broadcasts against the tensors, turned: lower ranks first get the axes they stand for."""
        full = array.reshape((1,) * (self.rank - array.ndim) + array.shape)
        return self.build.constant(full.transpose(self._perm), name)

    def order(self, dims: Sequence[int]) -> NDArray[np.int64]:
        """For each element of a sample `[1, *dims]` in the new order, which it was in the old."""
        return np.arange(math.prod(dims)).reshape(1, *dims).transpose(self._perm).ravel()


@dataclass(frozen=True)
class Free:
    """The op may run in either layout; `edit` changes the node's attributes and constants for the other one.

    only: at rank 4, the one layout from which this is so, where it is not so from both; `otherwise` is the reason to
    stay in the other case. slower: what it loses in the other layout, in bytes that a Transpose could move meanwhile.
    """

    edit: Callable[[Swap], None]
    only: Orientation | None = None
    otherwise: str = ""
    slower: int = 0


@dataclass(frozen=True)
class Pinned:
    """The op runs as it is written, for the reason given.

    written: the layout that its tensors have by the op's definition.
    """

    reason: str
    written: Orientation | None = None


Ruling = Free | Pinned
Rule = Callable[[ir.Node], Ruling]
RULES: dict[str, Rule] = {}
_TURNS_CONSTANTS: set[str] = set()


def rule(*op_types: str, turns_constants: bool = False) -> Callable[[Rule], Rule]:
    """Registers the rule of one or more ops of the ONNX domain.

    turns_constants: whether the rule's edit also turns a constant first input; else an op that has one is pinned.
    """

    def register(function: Rule) -> Rule:
        for op_type in op_types:
            RULES[op_type] = function
            if turns_constants:
                _TURNS_CONSTANTS.add(op_type)
        return function

    return register


def ruling_of(node: ir.Node) -> Ruling:
    """What the node's rule says; an op without a rule stays as written."""
    if node.domain not in ("", "ai.onnx"):
        return Pinned(f"no rule for {node.domain}.{node.op_type}")
    found = RULES.get(node.op_type)
    if found is None:
        return Pinned(f"no rule for {node.op_type}")
    if any(value.shape is None for value in _computed(node)):
        return Pinned("the rank of one of its tensors is not known")
    if rank_in(node) > max(RANKS):
        return Pinned(f"works on tensors of rank {rank_in(node)}")
    if node.op_type not in _TURNS_CONSTANTS and array_of(node.inputs[0]) is not None:
        return Pinned("works on a constant")
    return found(node)


def rank_in(node: ir.Node) -> int:
    """The highest rank of the node's computed tensors: the one its axes refer to, also where it adds or drops some."""
    return max((rank_of(value) or 0 for value in _computed(node)), default=0)


def oriented_inputs(node: ir.Node) -> list[int]:
    """Positions of the node's computed inputs that have a layout."""
    return [
        index
        for index, value in enumerate(node.inputs)
        if value is not None and rank_of(value) in RANKS and array_of(value) is None
    ]


def oriented_outputs(node: ir.Node) -> list[ir.Value]:
    """The node's outputs that have a layout."""
    return [output for output in node.outputs if rank_of(output) in RANKS]


def swap_constant_inputs(node: ir.Node, positions: Sequence[int]) -> Callable[[Swap], None]:
    """An edit that turns the constant inputs at the given positions; constants of one element stay."""

    def edit(swap: Swap) -> None:
        for index in positions:
            array = array_of(node.inputs[index])
            if array is not None and np.size(array) > 1:
                node.replace_input_with(index, swap.constant(array))

    return edit


def _computed(node: ir.Node) -> Iterator[ir.Value]:
    yield from (value for value in (*node.inputs, *node.outputs) if value is not None and array_of(value) is None)
