"""What a rule says of an op, and the table of rules.

A rule looks at a node and decides whether it may run in the other layout: `Free`, with the edit that makes it so, or
`Pinned`, with a sentence that reaches the user's report. Whoever applies the edit transposes the node's computed rank-3
inputs before it and its rank-3 outputs after it; the edit sees to the attributes and the constants.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of
from ovprep.graph.shapes import rank_of

RANK = 3
"""The rank whose layout is decided: one spatial axis."""
PERM = (0, 2, 1)
"""NWC to NCW and back; its own inverse, so a label, never this permutation, says which is which."""


class Swap:
    """The change to the other layout, for the edit of one node."""

    def __init__(self, build: Builder) -> None:
        self.build = build

    def axis(self, axis: int) -> int:
        """Where an axis of a rank-3 tensor goes; negative axes count from the end."""
        return PERM[axis % RANK]

    def axes(self, axes: Sequence[int]) -> list[int]:
        """Where several axes go, in the given order."""
        return [self.axis(axis) for axis in axes]

    def per_axis(self, numbers: Sequence[int]) -> list[int]:
        """A list of one number per axis, in the new order of the axes."""
        return [numbers[axis] for axis in PERM]

    def constant(self, array: Array, name: str = "constant") -> ir.Value:
        """A constant that broadcasts against rank-3 tensors, turned: lower ranks first get the axes they stand for."""
        full = array.reshape((1,) * (RANK - array.ndim) + array.shape)
        return self.build.constant(full.transpose(PERM), name)


@dataclass(frozen=True)
class Free:
    """The op may run in either layout; `edit` changes the node's attributes and constants for the other one."""

    edit: Callable[[Swap], None]


@dataclass(frozen=True)
class Pinned:
    """The op runs as it is written, for the reason given."""

    reason: str


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
    ranks = [rank_of(value) for value in (*node.inputs, *node.outputs) if value is not None and array_of(value) is None]
    if None in ranks:
        return Pinned("the rank of one of its tensors is not known")
    if any(rank is not None and rank > RANK for rank in ranks):
        return Pinned(f"works on tensors of rank {max(rank or 0 for rank in ranks)}")
    if node.op_type not in _TURNS_CONSTANTS and array_of(node.inputs[0]) is not None:
        return Pinned("works on a constant")
    return found(node)


def oriented_inputs(node: ir.Node) -> list[int]:
    """Positions of the node's computed inputs that have a layout."""
    return [
        index
        for index, value in enumerate(node.inputs)
        if value is not None and rank_of(value) == RANK and array_of(value) is None
    ]


def swap_constant_inputs(node: ir.Node, positions: Sequence[int]) -> Callable[[Swap], None]:
    """An edit that turns the constant inputs at the given positions; constants of one element stay."""

    def edit(swap: Swap) -> None:
        for index in positions:
            array = array_of(node.inputs[index])
            if array is not None and np.size(array) > 1:
                node.replace_input_with(index, swap.constant(array))

    return edit
