"""Ops with fewer axes on one side: what they drop, or add, decides whether the order of the rest shows there."""

from collections.abc import Callable, Sequence

import onnx_ir as ir

from ovprep.layout.orientation import FIRST, LAST
from ovprep.layout.rules.registry import RANK, Free, Pinned, Ruling, Swap, rank_in


def without_axes(node: ir.Node, axes: Sequence[int], edit: Callable[[Swap], None]) -> Ruling:
    """The ruling of a node whose smaller side has all axes of the larger but these, in the same order.

    The smaller side must turn with the larger or not at all:

    - one axis is left, or the batch and one more: there is one order.
    - the batch and two more of `[N, C, H, W]`: `[N, C, W]`, turned, is `[N, W, C]`, but `[N, H, W]` stays as it is.
    - two axes without the batch: they would stand there in another order.
    """
    rank = rank_in(node)
    gone = {axis % rank for axis in axes}
    left = rank - len(gone)
    if left <= 1 or (left == 2 and 0 not in gone) or not gone:
        return Free(edit)
    does = "adds" if node.op_type == "Unsqueeze" else "drops"
    if 0 in gone:
        return Pinned(f"{does} the batch, so the order of the other axes would show")
    assert left == RANK
    channels = {1: FIRST, rank - 1: LAST}.get(next(iter(gone)))
    if channels is None:
        return Free(edit)
    return Free(edit, only=channels.other, otherwise=f"{does} the channels, so the other axes stay as they are")
