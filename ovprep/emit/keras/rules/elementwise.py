"""Ops on each element, of one tensor or of several that broadcast."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import emits
from ovprep.emit.keras.rules.dense import dense_with_bias
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import array_of
from ovprep.graph.shapes import rank_of

UNARY = {
    "Abs": "abs",
    "Acos": "arccos",
    "Acosh": "arccosh",
    "Asin": "arcsin",
    "Asinh": "arcsinh",
    "Atan": "arctan",
    "Atanh": "arctanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isnan",
    "Log": "log",
    "Neg": "negative",
    "Not": "logical_not",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
BINARY = {
    "And": "logical_and",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Or": "logical_or",
    "Pow": "power",
    "Xor": "logical_xor",
}
MERGING = {
    "Add": ("Add", "add"),
    "Max": ("Maximum", "maximum"),
    "Mean": ("Average", None),
    "Min": ("Minimum", "minimum"),
    "Mul": ("Multiply", "multiply"),
    "Sub": ("Subtract", "subtract"),
    "Sum": ("Add", "add"),
}
"""The layer of several tensors, and the operation that does for others; ONNX and Keras broadcast alike."""


@emits(*UNARY)
def unary(writer: Writer, node: ir.Node) -> Tensor:
    """One operation of the same meaning; both round halves to even."""
    return getattr(writer.ops, UNARY[node.op_type])(writer.first(node))


@emits(*BINARY)
def binary(writer: Writer, node: ir.Node) -> Tensor:
    """Of two tensors, or of a tensor and a constant."""
    return getattr(writer.ops, BINARY[node.op_type])(*_operands(writer, node))


@emits(*MERGING)
def merging(writer: Writer, node: ir.Node) -> Tensor:
    """A layer where all are tensors with a batch, as at the end of a residual branch; a Dense where a bias is added."""
    dense = dense_with_bias(writer, node) if node.op_type == "Add" else None
    if dense is not None:
        return dense
    operands = _operands(writer, node)
    if len(operands) == 1:
        return operands[0]
    layer, operation = MERGING[node.op_type]
    computed = all(array_of(value) is None for value in node.inputs)
    mistaken = layer == "Add" and any(
        taken_for_bias(one, other) for one in node.inputs for other in node.inputs if one is not other
    )
    if computed and not mistaken and len({rank_of(value) for value in node.inputs}) == 1:
        return writer.layer(node, layer, operands)
    if operation is None:
        raise writer.refusal(node, "takes a mean with constants")
    result = operands[0]
    for operand in operands[1:]:
        if mistaken:
            result = writer.ops.subtract(result, writer.ops.negative(operand))
        else:
            result = getattr(writer.ops, operation)(result, operand)
    return result


def taken_for_bias(x: ir.Value | None, other: ir.Value | None) -> bool:
    """Whether Keras' sum of two tensors may be wrong, so that a difference from the negative has to do.

    With TensorFlow, Keras 3 adds what has one axis longer than one as a bias, to the last axis if that is as long, else
    to the second: `[N, W, C] + [1, W, 1]` with W = C is added to the channels. A batch may be one; an open size may be
    any.
    """
    first, second = _full_dims(x, other), _full_dims(other, x)
    longer = [axis for axis, dim in enumerate(second) if dim != 1 and (axis or dim is not None)]
    if len(longer) != 1 or len(first) < 2:
        return False
    axis, size, last = longer[0], second[longer[0]], len(first) - 1

    def may_fit(dim: int | None) -> bool:
        return dim is None or size is None or dim == size

    if axis == last and first[last] != 1:
        return False
    return (axis != last and may_fit(first[last])) or (axis != 1 and may_fit(first[1]))


def _full_dims(value: ir.Value | None, other: ir.Value | None) -> tuple[int | None, ...]:
    """The shape of a value with the axes that it gets beside another."""
    dims, more = shape_of(value), len(shape_of(other)) - len(shape_of(value))
    return (*(1,) * more, *dims)


@emits("Div")
def divide(writer: Writer, node: ir.Node) -> Tensor:
    """ONNX divides integers towards zero."""
    first, second = _operands(writer, node)
    if node.outputs[0].dtype is not None and node.outputs[0].dtype.is_floating_point():
        return writer.ops.divide(first, second)
    array = array_of(node.inputs[1])
    if array is None or (array <= 0).any():  # type: ignore[operator]
        raise writer.refusal(node, "divides integers")
    # Towards zero: the floor of the absolute value, with the sign.
    return writer.ops.multiply(writer.ops.sign(first), writer.ops.floor_divide(writer.ops.abs(first), second))


@emits("Mod")
def modulo(writer: Writer, node: ir.Node) -> Tensor:
    """With the sign of the divisor; that of C, with the sign of the number, has no operation."""
    if node.attributes.get_int("fmod", 0):
        raise writer.refusal(node, "takes the sign of the number")
    return writer.ops.mod(*_operands(writer, node))


@emits("Where")
def where(writer: Writer, node: ir.Node) -> Tensor:
    """Of two where a third says so."""
    return writer.ops.where(*_operands(writer, node))


@emits("Clip")
def clip(writer: Writer, node: ir.Node) -> Tensor:
    """Between two numbers, or on one side of one; ReLU6 is a ReLU."""
    x = writer.first(node)
    low, high = (writer.optional(node, index, "bounds") for index in (1, 2))
    floats = str(x.dtype).startswith("float")
    if low is not None and high is not None and not low.any() and float(high) >= 0 and floats:
        return writer.layer(node, "ReLU", x, max_value=float(high))
    if low is not None:
        x = writer.ops.maximum(x, low)
    return x if high is None else writer.ops.minimum(x, high)


@emits("Cast")
def cast(writer: Writer, node: ir.Node) -> Tensor:
    """To another type; a constant is cast at once."""
    kind = ir.DataType(node.attributes["to"].as_int()).numpy().name
    return writer.ops.cast(writer.first(node), kind)


@emits("Identity", "Dropout")
def identity(writer: Writer, node: ir.Node) -> Tensor:
    """Nothing, as at inference."""
    return writer.of(node.inputs[0])


def _operands(writer: Writer, node: ir.Node) -> list[Any]:
    """Tensors and constants, one of which must be a tensor; all of one rank, where the batch is not to be guessed."""
    if all(array_of(value) is not None for value in node.inputs):
        raise writer.refusal(node, "works on constants alone")
    return [_plain(writer.of(value)) for value in node.inputs]


def _plain(operand: Any) -> Any:
    """A constant of one element of a float tensor as the array that it is; Keras then keeps its type."""
    return np.asarray(operand) if isinstance(operand, np.generic) else operand
