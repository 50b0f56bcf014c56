"""Activations, as layers where Keras has one that means the same."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import int_of

_NAMED = {
    "HardSwish": "hard_silu",
    "Mish": "mish",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Alpha and gamma; Klambauer et al., 2017."""


@emits(*_NAMED)
def activation(writer: Writer, node: ir.Node) -> Tensor:
    """One that Keras knows by name and that has no parameter."""
    return writer.layer(node, "Activation", writer.first(node), activation=_NAMED[node.op_type])


@emits("Relu")
def relu(writer: Writer, node: ir.Node) -> Tensor:
    """max(x, 0)."""
    return writer.layer(node, "ReLU", writer.first(node))


@emits("LeakyRelu")
def leaky_relu(writer: Writer, node: ir.Node) -> Tensor:
    """A slope below zero."""
    return writer.layer(node, "LeakyReLU", writer.first(node), negative_slope=node.attributes.get_float("alpha", 0.01))


@emits("Elu")
def elu(writer: Writer, node: ir.Node) -> Tensor:
    """alpha * (e^x - 1) below zero."""
    return writer.layer(node, "ELU", writer.first(node), alpha=node.attributes.get_float("alpha", 1.0))


@emits("Celu")
def celu(writer: Writer, node: ir.Node) -> Tensor:
    """alpha * (e^(x / alpha) - 1) below zero."""
    return writer.ops.celu(writer.first(node), alpha=node.attributes.get_float("alpha", 1.0))


@emits("Selu")
def selu(writer: Writer, node: ir.Node) -> Tensor:
    """gamma * elu(x, alpha), with the two numbers for which it is named."""
    alpha, gamma = (
        node.attributes.get_float(name, default) for name, default in zip(("alpha", "gamma"), _SELU, strict=True)
    )
    if not (math.isclose(alpha, _SELU[0], rel_tol=1e-6) and math.isclose(gamma, _SELU[1], rel_tol=1e-6)):
        return writer.ops.multiply(writer.ops.elu(writer.first(node), alpha=alpha), np.float32(gamma).reshape(()))
    return writer.layer(node, "Activation", writer.first(node), activation="selu")


@emits("HardSigmoid")
def hard_sigmoid(writer: Writer, node: ir.Node) -> Tensor:
    """max(0, min(1, alpha * x + beta)); that of Keras has alpha 1/6, and PyTorch's too."""
    alpha, beta = node.attributes.get_float("alpha", 0.2), node.attributes.get_float("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return writer.layer(node, "Activation", writer.first(node), activation="hard_sigmoid")
    line = writer.ops.add(writer.ops.multiply(writer.first(node), alpha), beta)
    return writer.ops.clip(line, 0.0, 1.0)


@emits("Gelu")
def gelu(writer: Writer, node: ir.Node) -> Tensor:
    """By the error function, or by tanh."""
    if node.attributes.get_string("approximate", "none") == "none":
        return writer.layer(node, "Activation", writer.first(node), activation="gelu")
    return writer.ops.gelu(writer.first(node), approximate=True)


@emits("PRelu")
def prelu(writer: Writer, node: ir.Node) -> Tensor:
    """Slopes below zero for each channel, or for each value: shared along the axes of size one."""
    dims = shape_of(node.inputs[0])
    slopes = writer.array(node, 1, "slopes")
    full = slopes.reshape((1,) * (len(dims) - slopes.ndim) + slopes.shape)
    if full.ndim > len(dims) or full.shape[0] != 1:
        raise writer.refusal(node, "has slopes for each sample")
    shared = [axis for axis in range(1, len(dims)) if full.shape[axis] == 1]
    return writer.layer(node, "PReLU", writer.first(node), [full[0]], shared_axes=shared or None)


@emits("Softmax")
def softmax(writer: Writer, node: ir.Node) -> Tensor:
    """Along one axis."""
    return writer.layer(node, "Softmax", writer.first(node), axis=int_of(node, "axis", -1))


@emits("LogSoftmax")
def log_softmax(writer: Writer, node: ir.Node) -> Tensor:
    """Its logarithm."""
    return writer.ops.log_softmax(writer.first(node), axis=int_of(node, "axis", -1))


@emits("ThresholdedRelu")
def thresholded_relu(writer: Writer, node: ir.Node) -> Tensor:
    """x above alpha, else zero."""
    return writer.ops.threshold(writer.first(node), node.attributes.get_float("alpha", 1.0), 0.0)
