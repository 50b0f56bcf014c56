"""Dense layers on tensors with spatial axes."""

import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.shapes import rank_of
from ovprep.layout.orientation import LAST, RANKS
from ovprep.layout.rules.registry import Free, Pinned, Ruling, Swap, rule

_OF_A_CONVOLUTION = 256
"""Seen at the end of a network of 15 µs: to transpose 240 bytes less made a Conv of its Dense, and took 0.5 µs more."""


@rule("MatMul")
def matmul(node: ir.Node) -> Ruling:
    """`[N, W, C] x [C, F]` is a convolution of kernel one when its input is `[N, C, W]`; likewise `[N, H, W, C]`."""
    weights = array_of(node.inputs[1])
    if weights is None or weights.ndim != 2 or rank_of(node.inputs[0]) not in RANKS:
        return Pinned("MatMul of two computed tensors works on the last axes by definition")

    def edit(swap: Swap) -> None:
        node.op_type = "Conv"
        kernel = weights.T.reshape(*weights.T.shape, *(1,) * (swap.rank - 2))
        node.replace_input_with(1, swap.build.constant(kernel, "pointwise"))

    return Free(edit, only=LAST, otherwise="mixes an axis that is not the channels", slower=_OF_A_CONVOLUTION)
