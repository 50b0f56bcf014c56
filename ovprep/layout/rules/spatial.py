"""Ops whose definition fixes where the channels are."""

import onnx_ir as ir

from ovprep.layout.orientation import FIRST
from ovprep.layout.rules.registry import Pinned, Ruling, rule

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
    """Normalises over the last axes, whatever they are."""
    return Pinned("LayerNormalization works on the last axes by definition")
