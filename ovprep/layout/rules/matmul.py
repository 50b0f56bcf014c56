"""Dense layers on rank-3 tensors."""

import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.registry import RANK, Free, Pinned, Ruling, Swap, rule


@rule("MatMul")
def matmul(node: ir.Node) -> Ruling:
    """`[N, W, C] x [C, F]` is a convolution of kernel one when its input is `[N, C, W]`."""
    weights = array_of(node.inputs[1])
    if weights is None or weights.ndim != 2 or rank_of(node.inputs[0]) != RANK:
        return Pinned("MatMul of two computed tensors works on the last axes by definition")

    def edit(swap: Swap) -> None:
        node.op_type = "Conv"
        node.replace_input_with(1, swap.build.constant(weights.T[:, :, None], "pointwise"))

    return Free(edit)
