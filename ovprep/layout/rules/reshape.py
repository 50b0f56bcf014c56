"""Reshapes: to features, and between one spatial axis and two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.constants import ints_of
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.orientation import FIRST, LAST, Orientation
from ovprep.layout.rules.flatten import flatten
from ovprep.layout.rules.registry import Free, Pinned, Ruling, Swap, rule


@dataclass(frozen=True)
class _Spatial:
    """A Reshape that joins or cuts spatial axes: the number of channels, and the targets for the axes behind the batch.

    target: of the spatial axes, in their order.
    """

    written: Orientation
    channels: int
    target: tuple[int, ...]


@rule("Reshape")
def reshape(node: ir.Node) -> Ruling:
    """`[N, C, H, W]` to `[N, C, H*W]` is `[N, H, W, C]` to `[N, H*W, C]` with the channels last; so is the way back."""
    if {rank_of(node.inputs[0]), rank_of(node.outputs[0])} != {3, 4}:
        return flatten(node)
    found = [plan for plan in (_plan(node, FIRST), _plan(node, LAST)) if plan is not None]
    if not found:
        return Pinned("reshapes across the layout's axes")
    batch = (ints_of(node, "shape", 1) or ())[0]

    def edit(swap: Swap) -> None:
        plan = next(plan for plan in found if plan.written is swap.written)
        turned = (*plan.target, plan.channels) if plan.written is FIRST else (plan.channels, *plan.target)
        node.replace_input_with(1, swap.build.ints(batch, *turned, name="shape"))

    only = found[0].written if len(found) == 1 else None
    return Free(edit, only=only, otherwise="reshapes across the layout's axes")


def _plan(node: ir.Node, written: Orientation) -> _Spatial | None:
    """What a Reshape does to `[N, C, H, W]` or `[N, C, W]`, or the same with C last; None where it moves channels.

    It is so where the batch and the channels stay: elements keep their order, so the others are joined or cut.
    """
    source, target = node.inputs[0], ints_of(node, "shape", 1)
    assert source is not None
    if target is None:
        return None
    before, after = dims_of(source), dims_of(node.outputs[0])
    place = 1 if written is FIRST else len(before) - 1
    out = 1 if written is FIRST else len(after) - 1
    channels, spatial = before[place], target[2:] if written is FIRST else target[1:-1]
    if channels is None or after[out] != channels or 0 in spatial or not _keeps_batch(target[0], before, after):
        return None
    return _Spatial(written, channels, spatial)


def _keeps_batch(first: int, before: Sequence[int | None], after: Sequence[int | None]) -> bool:
    """Whether the first number of a target is the batch as it was; -1 is, where all other sizes are known."""
    if first == -1:
        sizes = [[dim for dim in dims[1:] if dim is not None] for dims in (before, after)]
        known = len(sizes[0]) + len(sizes[1]) == len(before) + len(after) - 2
        return known and math.prod(sizes[0]) == math.prod(sizes[1])
    return first in (0, before[0])
