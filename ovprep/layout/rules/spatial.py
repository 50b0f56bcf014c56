"""Ops whose definition fixes where the channels are."""

import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of
from ovprep.layout.orientation import FIRST
from ovprep.layout.rules.registry import Free, Pinned, Ruling, Swap, rank_in, rule

CHANNEL_FIRST = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "GroupNormalization",
        "InstanceNormalization",
        "LpPool",
        "MaxPool",
    }
)
"""Their input and output are NCW, or NCHW, by definition."""


@rule(*sorted(CHANNEL_FIRST))
def channel_first(node: ir.Node) -> Ruling:
    """Defined on NCW and NCHW alone."""
    return Pinned(f"{node.op_type} is channel-first by definition", written=FIRST)


@rule("Transpose")
def transpose(node: ir.Node) -> Ruling:
    """Between the two layouts it is no op to place, but what the placing removes; here are the others."""
    return Pinned("moves other axes than channels and time")


@rule("LayerNormalization")
def layer_normalization(node: ir.Node) -> Ruling:
    """Normalises over the last axes, whatever they are; over all but the batch, these may be in any order.

    The weights of shape `[C, W]` are turned with them.
    """
    rank, weights = rank_in(node), [index for index, value in enumerate(node.inputs) if index and value is not None]
    arrays = {index: array_of(node.inputs[index]) for index in weights}
    whole = int_of(node, "axis", -1) % rank == 1 and len(node.outputs) == 1
    if not whole or any(array is None or array.ndim != rank - 1 for array in arrays.values()):
        return Pinned("LayerNormalization works on the last axes by definition")

    def edit(swap: Swap) -> None:
        order = [axis - 1 for axis in swap.perm(rank)[1:]]
        for index, array in arrays.items():
            assert array is not None
            node.replace_input_with(index, swap.build.constant(array.transpose(order), "turned"))

    return Free(edit)
