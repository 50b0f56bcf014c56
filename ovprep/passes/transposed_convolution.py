"""Writes transposed convolutions of stride one as what they are: convolutions with the kernel turned round."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.passes.change import Change, counted


def turn_kernels(model: ir.Model) -> Change | None:
    """OpenVINO's CPU plugin has faster kernels for convolutions at rank 3, and as fast ones at rank 4.

    ConvTranspose W [C, F, k], pads [a, b]
    becomes
    Conv W[..., ::-1] [F, C, k], pads [(k - 1) * dilation - a, (k - 1) * dilation - b]
    """
    graph = model.graph
    turned = []
    for node in list(graph):
        made = _as_convolution(graph, node) if node.op_type == "ConvTranspose" else None
        if made is not None:
            replace_value(graph, node.outputs[0], made)
            turned.append(str(node.name))
    remove_unused(graph)
    if not turned:
        return None
    return Change(f"wrote {counted(len(turned), 'transposed convolution')} of stride 1 as convolutions", tuple(turned))


def _as_convolution(graph: ir.Graph, node: ir.Node) -> ir.Value | None:
    """The same values by a Conv; None for a stride, a shape that is asked for, or padding that cuts into the input."""
    weights = array_of(node.inputs[1])
    if weights is None or "output_shape" in node.attributes:
        return None
    axes = weights.ndim - 2
    ones, zeros = (1,) * axes, (0,) * axes
    if (ints_of(node, "strides") or ones) != ones or any(ints_of(node, "output_padding") or ()):
        return None
    if node.attributes.get_string("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    dilations, pads = ints_of(node, "dilations") or ones, ints_of(node, "pads") or (*zeros, *zeros)
    reach = [(taps - 1) * dilation for taps, dilation in zip(weights.shape[2:], dilations, strict=True)]
    left = [whole - cut for whole, cut in zip((*reach, *reach), pads, strict=True)]
    if min(left) < 0:
        return None
    build, groups = Builder(graph, str(node.name), before=node), int_of(node, "group", 1)
    inputs = [node.inputs[0], build.constant(_turned(weights, groups), "kernel"), *node.inputs[2:]]
    return build.op("Conv", *inputs, dilations=dilations, group=groups, pads=tuple(left), strides=ones)


def _turned(weights: NDArray[Any], groups: int) -> NDArray[Any]:
    """`[C, F / groups, *k]` to `[F, C / groups, *k]`, each kernel from its end to its beginning."""
    channels, filters, *taps = weights.shape
    split = weights.reshape(groups, channels // groups, filters, *taps).swapaxes(1, 2)
    whole = split.reshape(groups * filters, channels // groups, *taps)
    return np.ascontiguousarray(np.flip(whole, tuple(range(2, whole.ndim))))
