"""Dense layers and products of tensors."""

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.writer import Tensor, Writer
from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.shapes import dims_of


@emits("MatMul", domain=LAST)
@emits("MatMul")
def matmul(writer: Writer, node: ir.Node) -> Tensor:
    """A Dense where the second factor is a matrix of weights; one with a bias is written where that is added."""
    weights = array_of(node.inputs[1])
    if weights is None or weights.ndim != 2 or array_of(node.inputs[0]) is not None:
        return writer.ops.matmul(writer.of(node.inputs[0]), writer.of(node.inputs[1]))
    return None if _adds_bias(node) else _dense(writer, node, writer.first(node), weights, None)


def dense_with_bias(writer: Writer, add: ir.Node) -> Tensor | None:
    """The Dense that an Add completes, None for all other Adds."""
    for value in add.inputs:
        product = None if value is None else value.producer()
        if product is not None and product.op_type == "MatMul" and _adds_bias(product):
            bias = next(array for array in map(array_of, add.inputs) if array is not None)
            return _dense(writer, add, writer.first(product), writer.array(product, 1, "weights"), bias.ravel())
    return None


def _adds_bias(node: ir.Node) -> bool:
    """Whether all that reads a product with weights is an Add of one number per unit."""
    weights, output = array_of(node.inputs[1]), node.outputs[0]
    uses = list(output.uses())
    if weights is None or weights.ndim != 2 or len(uses) != 1 or output.is_graph_output():
        return False
    add = uses[0][0]
    arrays = [array for array in map(array_of, add.inputs) if array is not None] if add.op_type == "Add" else []
    if len(arrays) != 1 or arrays[0].size != weights.shape[1] or arrays[0].shape[-1:] != weights.shape[1:]:
        return False
    return len(dims_of(add.outputs[0])) == len(dims_of(output))


@emits("Gemm")
def gemm(writer: Writer, node: ir.Node) -> Tensor:
    """`alpha * A * B + beta * C`."""
    if int_of(node, "transA", 0) or array_of(node.inputs[1]) is None:
        raise writer.refusal(node, "turns its input or has computed weights")
    weights = writer.array(node, 1, "weights")
    weights = weights.T if int_of(node, "transB", 0) else weights
    alpha, beta = (node.attributes.get_float(name, 1.0) for name in ("alpha", "beta"))
    bias = writer.optional(node, 2, "biases")
    if bias is not None and bias.size > 1 and bias.shape != (*(1,) * (bias.ndim - 1), weights.shape[1]):
        raise writer.refusal(node, "adds another bias to each sample")
    shift = None if bias is None else np.broadcast_to(bias.ravel(), weights.shape[1:])
    return _dense(
        writer, node, writer.first(node), _times(weights, alpha), None if shift is None else _times(shift, beta)
    )


def _times(array: Array, factor: float) -> Array:
    return array if factor == 1 else (array.astype(np.float64) * factor).astype(array.dtype)


def _dense(writer: Writer, node: ir.Node, x: Tensor, weights: Array, bias: Array | None) -> Tensor:
    given = [weights] if bias is None else [weights, bias]
    return writer.layer(node, "Dense", x, given, units=weights.shape[1], use_bias=bias is not None)
