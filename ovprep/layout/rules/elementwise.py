"""Ops that treat every element alike."""

import onnx_ir as ir

from ovprep.graph.constants import is_constant
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.registry import Free, Pinned, Ruling, rank_in, rule, swap_constant_inputs

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


@rule(*UNARY)
def unary(node: ir.Node) -> Ruling:
    """Nothing to change."""
    return Free(lambda swap: None)


@rule(*BROADCASTING, turns_constants=True)
def broadcasting(node: ir.Node) -> Ruling:
    """Constants are turned; a computed tensor of a lower rank would be spread along another axis."""
    for value in node.inputs:
        if value is None or is_constant(value) or rank_of(value) in (0, rank_in(node)):
            continue
        return Pinned(f"broadcasts a computed tensor of rank {rank_of(value)}")
    return Free(swap_constant_inputs(node, range(len(node.inputs))))
