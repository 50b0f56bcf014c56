"""Folds scales and shifts into the convolution or the Dense before them."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.apply import is_swap
from ovprep.layout.rules.registry import PERM
from ovprep.passes.change import Change, counted

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class _Linear:
    """A linear op: its weights, the axis of these that the outputs are on, its bias, the channel axis of the result."""

    node: ir.Node
    weights: Array
    weight_axis: int
    bias: Float64
    channel_axis: int


@dataclass(frozen=True)
class _Chain:
    """What follows a linear op: `end` is the linear result, scaled and shifted per channel, swapped if `swapped`."""

    scale: Float64
    shift: Float64
    nodes: tuple[ir.Node, ...]
    swapped: bool
    end: ir.Value


def fold_affine(model: ir.Model) -> Change | None:
    """BatchNorm costs nothing where a linear op comes before it. Computed in float64, rounded once.

    Conv(w, b) -> Mul(s) -> Add(t)
    becomes
    Conv(w * s, b * s + t)

    A Transpose between them stays behind the convolution, where it was.
    """
    graph = model.graph
    folded = []
    for node in list(graph):
        linear = _linear_of(node)
        if linear is None:
            continue
        chain = _affine_behind(linear)
        if not chain.nodes or (node.op_type == "MatMul" and [member.op_type for member in chain.nodes] == ["Add"]):
            continue
        _rescale(graph, linear, chain)
        replace_value(graph, chain.end, _result(graph, linear, chain))
        folded += [str(member.name) for member in chain.nodes]
    remove_unused(graph)
    if not folded:
        return None
    return Change(f"folded {counted(len(folded), 'scale or shift', 'scales and shifts')}", tuple(folded))


def _linear_of(node: ir.Node) -> _Linear | None:
    if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
        return None
    weights, output = array_of(node.inputs[1]), node.outputs[0]
    rank = rank_of(output)
    if weights is None or rank is None or weights.dtype != np.float32:
        return None
    axis, channel = 0, 1
    if node.op_type == "ConvTranspose":
        axis = 1
        if int_of(node, "group", 1) != 1:
            return None
    elif node.op_type == "MatMul":
        axis, channel = 1, rank - 1
        if weights.ndim != 2:
            return None
    elif node.op_type == "Gemm":
        axis = 0 if int_of(node, "transB", 0) else 1
        if node.attributes.get_float("alpha", 1.0) != 1.0 or node.attributes.get_float("beta", 1.0) != 1.0:
            return None
    given = node.inputs[2] if len(node.inputs) > 2 else None
    bias = array_of(given)
    if given is not None and (bias is None or not _one_per_output(bias, weights.shape[axis])):
        return None
    full = np.broadcast_to(np.ravel(0.0 if bias is None else bias), weights.shape[axis]).astype(np.float64)
    return _Linear(node, weights, axis, full, channel)


def _one_per_output(bias: Array, outputs: int) -> bool:
    """Whether a bias is a number for each output, or one for all; a Gemm may also take one for each sample."""
    return bias.size == 1 or bias.shape[-1] == bias.size == outputs


def _affine_behind(linear: _Linear) -> _Chain:
    """The chain of per-channel Mul, Add, Div and Sub, and of Transposes, that alone reads the linear op."""
    channels = linear.weights.shape[linear.weight_axis]
    value, axis, swapped = linear.node.outputs[0], linear.channel_axis, False
    chain = _Chain(np.ones(channels), np.zeros(channels), (), swapped, value)
    while len(value.uses()) == 1 and not value.is_graph_output():
        ((user, index),) = value.uses()
        if is_swap(user):
            swapped, axis = not swapped, PERM[axis]
        else:
            step = _step(user, index, value, axis, channels)
            if step is None:
                break
            factor, offset = step
            end = user.outputs[0]
            chain = _Chain(chain.scale * factor, chain.shift * factor + offset, (*chain.nodes, user), swapped, end)
        value = user.outputs[0]
    return chain


def _step(
    node: ir.Node, index: int, value: ir.Value, axis: int, channels: int
) -> tuple[Float64 | float, Float64 | float] | None:
    """Factor and offset of one node, or None where it is not per channel."""
    if node.op_type not in ("Add", "Div", "Mul", "Sub"):
        return None
    constant = array_of(node.inputs[1 - index])
    per_channel = None if constant is None else _per_channel(constant, len(dims_of(value)), axis, channels)
    if per_channel is None:
        return None
    if node.op_type == "Mul":
        return per_channel, 0.0
    if node.op_type == "Add":
        return 1.0, per_channel
    if node.op_type == "Sub":
        return (1.0, -per_channel) if index == 0 else (-1.0, per_channel)
    return (1.0 / per_channel, 0.0) if index == 0 and np.all(per_channel != 0) else None


def _per_channel(array: Array, rank: int, axis: int, channels: int) -> Float64 | None:
    if array.ndim > rank:
        return None
    full = array.reshape((1,) * (rank - array.ndim) + array.shape)
    if full.size != full.shape[axis] or full.size not in (1, channels):
        return None
    return np.broadcast_to(full.ravel(), channels).astype(np.float64)


def _rescale(graph: ir.Graph, linear: _Linear, chain: _Chain) -> None:
    """Puts the chain into the weights and the bias; a MatMul has no bias."""
    node, build = linear.node, Builder(graph, str(linear.node.name), before=linear.node)
    shape = [1] * linear.weights.ndim
    shape[linear.weight_axis] = -1
    weights = (linear.weights.astype(np.float64) * chain.scale.reshape(shape)).astype(np.float32)
    node.replace_input_with(1, build.constant(weights, "folded_weights"))
    if node.op_type != "MatMul":
        node.resize_inputs(3)
        node.replace_input_with(2, build.constant(_bias(linear, chain), "folded_bias"))


def _result(graph: ir.Graph, linear: _Linear, chain: _Chain) -> ir.Value:
    """What the chain came to: the output of the linear op, with the bias of a MatMul, and turned as the chain was."""
    build = Builder(graph, str(linear.node.name), after=linear.node)
    result, bias = linear.node.outputs[0], _bias(linear, chain)
    if linear.node.op_type == "MatMul" and np.any(bias):
        shape = (1,) * (len(dims_of(result)) - 1) + (-1,)
        result = build.op("Add", result, build.constant(bias.reshape(shape), "folded_bias"))
    return build.op("Transpose", result, perm=PERM) if chain.swapped else result


def _bias(linear: _Linear, chain: _Chain) -> Array:
    return (linear.bias * chain.scale + chain.shift).astype(np.float32)
