"""What a rule says of an op that is to do without an axis of size one, and the table of rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.shapes import rank_of

RANK = 4
"""The rank of tensors that have one spatial axis too many."""

Edit = Callable[[Builder], None]


def leave_as_it_is(build: Builder) -> None:
    """The edit of an op that names no axis."""


@dataclass(frozen=True)
class Drop:
    """How a node does without an axis.

    inputs, outputs: per position, the axis that the rank-4 tensor there loses. All of them must have size one.
    edit: changes the node's attributes and constants accordingly.
    """

    inputs: Mapping[int, int] = field(default_factory=dict)
    outputs: Mapping[int, int] = field(default_factory=dict)
    edit: Edit = leave_as_it_is


DropRule = Callable[[ir.Node, int], Drop | None]
RULES: dict[str, DropRule] = {}


def rule(*op_types: str) -> Callable[[DropRule], DropRule]:
    """Registers the rule of one or more ops of the ONNX domain.

    A rule gets a node and an axis: of its input for ops that reorder axes, else of its rank-4 tensors, which share it.
    """

    def register(function: DropRule) -> DropRule:
        RULES.update(dict.fromkeys(op_types, function))
        return function

    return register


def drop_of(node: ir.Node, axis: int) -> Drop | None:
    """What the node's rule says of an axis, None where it has no rule or needs the axis."""
    found = RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if found is None or not node.inputs or node.inputs[0] is None:
        return None
    drop = found(node, axis)
    if drop is None or not (drop.inputs or drop.outputs):
        return None
    slots = [(node.inputs[place], at) for place, at in drop.inputs.items()]
    slots += [(node.outputs[place], at) for place, at in drop.outputs.items()]
    return drop if all(_is_one(value, at) for value, at in slots) else None


def without(numbers: tuple[int, ...], *places: int) -> tuple[int, ...]:
    """A list of one number per axis without some of them."""
    return tuple(number for place, number in enumerate(numbers) if place not in places)


def _is_one(value: ir.Value | None, axis: int) -> bool:
    if value is None or value.shape is None or rank_of(value) != RANK or not 0 < axis < RANK:
        return False
    return value.shape[axis] == 1
