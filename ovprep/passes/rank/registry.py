"""What a rule says of an op that is to run at rank 4, and the table of rules."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.shapes import rank_of

RANK = 3
"""The rank of tensors before they are lifted."""

Edit = Callable[[Builder, int], None]


def leave_as_it_is(build: Builder, axis: int) -> None:
    """The edit of an op that names no axis."""


@dataclass(frozen=True)
class Lift:
    """How a node runs with one more axis of size one.

    inputs, outputs: the positions of the rank-3 tensors that gain the axis; all of them at the same place.
    edit: changes the node's attributes and constants, told that place: 1 (`[N, 1, W, C]`) or 2 (`[N, C, 1, W]`).
    spatial: the op needs `[N, C, 1, W]`, channels before all spatial axes.
    """

    inputs: tuple[int, ...] = (0,)
    outputs: tuple[int, ...] = (0,)
    edit: Edit = leave_as_it_is
    spatial: bool = False


LiftRule = Callable[[ir.Node], Lift | None]
RULES: dict[str, LiftRule] = {}


def rule(*op_types: str) -> Callable[[LiftRule], LiftRule]:
    """Registers the rule of one or more ops of the ONNX domain, which says None of a node that it does not cover."""

    def register(function: LiftRule) -> LiftRule:
        RULES.update(dict.fromkeys(op_types, function))
        return function

    return register


def lift_of(node: ir.Node) -> Lift | None:
    """What the node's rule says; None where there is no rule, or a tensor that it names is not of rank 3."""
    found = RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    lift = found(node) if found is not None and node.inputs else None
    if lift is None:
        return None
    values = [*(node.inputs[place] for place in lift.inputs), *(node.outputs[place] for place in lift.outputs)]
    return lift if all(rank_of(value) == RANK for value in values) else None


def moved(along: int, axis: int) -> int:
    """Where an axis of a rank-3 tensor is once there is one more at `axis`."""
    own = along % RANK
    return own + (own >= axis)


def widened(numbers: tuple[int, ...], axis: int, one: int) -> tuple[int, ...]:
    """A list of one number per axis with one more."""
    return (*numbers[:axis], one, *numbers[axis:])
