"""Ops that treat every element alike."""

import onnx_ir as ir

from ovprep.graph.constants import is_constant
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.orientation import RANKS
from ovprep.layout.rules.registry import Free, Pinned, Ruling, Swap, rank_in, rule, swap_constant_inputs

_UNARY = (
    "Abs Acos Acosh Asin Asinh Atan Atanh Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus "
    "Softsign Sqrt Tan Tanh ThresholdedRelu Dropout"
)
_BROADCASTING = (
    "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor "
    "BitwiseAnd BitwiseOr BitwiseXor Clip"
)

UNARY = tuple(_UNARY.split())
"""One input, one output, no axis."""

BROADCASTING = tuple(_BROADCASTING.split())
"""Several inputs that broadcast to one shape (Clip's bounds are scalars)."""

ELEMENTWISE = frozenset((*UNARY, *BROADCASTING))


@rule(*UNARY)
def unary(node: ir.Node) -> Ruling:
    """Nothing to change."""
    return Free(lambda swap: None)


@rule(*BROADCASTING, turns_constants=True)
def broadcasting(node: ir.Node) -> Ruling:
    """Constants are turned; of computed tensors of a lower rank, those with one axis that is not of size one.

    A gate `[1, C]` that scales `[N, W, C]` scales `[N, C, W]` as `[1, C, 1]`.
    """
    constants = swap_constant_inputs(node, range(len(node.inputs)))
    axes: dict[int, int] = {}
    for index, value in enumerate(node.inputs):
        if value is None or is_constant(value) or rank_of(value) in (0, rank_in(node)):
            continue
        longer = [axis for axis, dim in enumerate(dims_of(value)) if dim != 1]
        if rank_of(value) in RANKS or len(longer) > 1:
            return Pinned(f"broadcasts a computed tensor of rank {rank_of(value)}")
        axes[index] = longer[0] - len(dims_of(value)) if longer else -1

    def edit(swap: Swap) -> None:
        constants(swap)
        for index, axis in axes.items():
            target = [1] * swap.rank
            target[swap.axis(axis)] = -1
            spread = swap.build.op("Reshape", node.inputs[index], swap.build.ints(*target, name="shape"))
            node.replace_input_with(index, spread)

    return Free(edit)
