"""Normalisations, which stay layers and so can be trained."""

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.writer import Tensor, Writer, shape_of
from ovprep.graph.constants import int_of


@emits("BatchNormalization", domain=LAST)
def batch_norm(writer: Writer, node: ir.Node) -> Tensor:
    """ONNX gives scale, bias, mean and variance, in the order in which Keras has them; momentum means the same."""
    weights = [writer.array(node, index, "statistics") for index in range(1, 5)]
    if int_of(node, "training_mode", 0):
        raise writer.refusal(node, "is in training mode")
    return writer.layer(
        node,
        "BatchNormalization",
        writer.first(node),
        weights,
        axis=-1,
        epsilon=node.attributes.get_float("epsilon", 1e-5),
        momentum=node.attributes.get_float("momentum", 0.9),
    )


@emits("InstanceNormalization", domain=LAST)
def instance_norm(writer: Writer, node: ir.Node) -> Tensor:
    """A GroupNormalization with a group for each channel."""
    return _groups(writer, node, -1)


@emits("GroupNormalization", domain=LAST)
def group_norm(writer: Writer, node: ir.Node) -> Tensor:
    """With scale and bias per channel, as since opset 21."""
    return _groups(writer, node, int_of(node, "num_groups", 1))


def _groups(writer: Writer, node: ir.Node, groups: int) -> Tensor:
    weights = [writer.array(node, index, "scales") for index in (1, 2)]
    return writer.layer(
        node,
        "GroupNormalization",
        writer.first(node),
        weights,
        groups=groups,
        axis=-1,
        epsilon=node.attributes.get_float("epsilon", 1e-5),
    )


@emits("LayerNormalization")
def layer_norm(writer: Writer, node: ir.Node) -> Tensor:
    """Over the last axes, with a scale and a bias for each value of them."""
    dims = shape_of(node.inputs[0])
    axis = int_of(node, "axis", -1) % len(dims)
    normalised = dims[axis:]
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        raise writer.refusal(node, "gives its statistics")
    scale, bias = writer.array(node, 1, "scales"), writer.optional(node, 2, "biases")
    if None in normalised:
        raise writer.refusal(node, "normalises over an open axis")
    weights = [np.broadcast_to(array, normalised) for array in (scale, bias) if array is not None]  # type: ignore[arg-type]
    return writer.layer(
        node,
        "LayerNormalization",
        writer.first(node),
        weights,
        axis=list(range(axis, len(dims))) if len(normalised) > 1 else -1,
        epsilon=node.attributes.get_float("epsilon", 1e-5),
        center=bias is not None,
    )
