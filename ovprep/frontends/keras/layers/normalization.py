"""Layers that normalise by what training has stored, or by moments of their input, as they are at inference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer, require_inputs, rule_for
from ovprep.frontends.keras.weights import Array


@layer("BatchNormalization")
def batch_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """One Mul and one Add per channel, computed in float64; a later pass folds them into a convolution or a Dense.

    Where layers are to stay whole, it is the operator of ONNX, which has channels on axis 1.
    """
    rank = len(layer.shape(x))
    axis = layer.axis(rank)
    channels = layer.size(x, axis)
    names = _trained(layer)
    shapes = dict.fromkeys((*names, "moving_mean", "moving_variance"), (channels,))
    stored = layer.take(**shapes)
    if layer.scene.whole_layers and axis:
        defaults = {"gamma": np.ones(channels), "beta": np.zeros(channels)}
        inputs = [layer.constant(array, name) for name, array in {**defaults, **stored}.items()]
        return _of_second_axis(layer, "BatchNormalization", x, axis, *inputs, epsilon=layer.number("epsilon", 1e-3))
    weights = {name: array.astype(np.float64) for name, array in stored.items()}
    scale = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + layer.number("epsilon", 1e-3))
    shift = weights.get("beta", 0.0) - weights["moving_mean"] * scale
    # Full rank from the start: a rank-1 constant would move to another axis when the layout does.
    shape = [channels if index == axis else 1 for index in range(rank)]
    y = layer.build.op("Mul", x, layer.constant(scale.reshape(shape), "scale"))
    return layer.build.op("Add", y, layer.constant(shift.reshape(shape), "shift"))


@layer("LayerNormalization")
def layer_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """ONNX normalises over the last axes, so others are brought there and back."""
    rank = len(layer.shape(x))
    stated = _axes(layer, rank)
    axes = sorted(axis % rank for axis in stated)
    sizes = tuple(layer.size(x, axis) for axis in axes)
    stored = tuple(layer.size(x, axis) for axis in stated)
    scaled = layer.flag("rms_scaling", False)
    names = ["gamma"] if scaled else _trained(layer)
    # Keras sorts [-1, 1] as it stands: the weights then have the shape [C, W], and are read as [W, C].
    weights = {name: array.reshape(sizes) for name, array in layer.take(**dict.fromkeys(names, stored)).items()}
    if scaled:
        return _scaled(layer, x, axes, weights["gamma"])
    # ONNX asks for a scale even where the layer has none.
    gamma = layer.constant(weights.get("gamma", np.ones(sizes, np.float32)), "gamma")
    beta = layer.constant(weights["beta"], "beta") if "beta" in weights else None
    order = [axis for axis in range(rank) if axis not in axes] + axes
    inside = x if order == sorted(order) else layer.build.op("Transpose", x, perm=order)
    y = layer.build.op(
        "LayerNormalization", inside, gamma, beta, axis=-len(axes), epsilon=layer.number("epsilon", 1e-3)
    )
    return y if inside is x else layer.build.op("Transpose", y, perm=[order.index(axis) for axis in range(rank)])


def _scaled(layer: Layer, x: ir.Value, axes: Sequence[int], gamma: Array) -> ir.Value:
    """`x / sqrt(variance + epsilon) * gamma`: what Keras calls rms_scaling takes off no mean from the result."""
    build, rank, over = layer.build, len(layer.shape(x)), layer.build.ints(*axes, name="axes")
    distance = build.op("Sub", x, build.op("ReduceMean", x, over, keepdims=1))
    variance = build.op("ReduceMean", build.op("Mul", distance, distance), over, keepdims=1)
    root = build.op("Sqrt", build.op("Add", variance, _full(layer, layer.number("epsilon", 1e-3), rank, "epsilon")))
    shape = [layer.size(x, axis) if axis in axes else 1 for axis in range(rank)]
    return build.op("Mul", build.op("Div", x, root), layer.constant(gamma.reshape(shape), "gamma"))


@layer("GroupNormalization")
def group_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """Wu and He, 2018: moments over all axes but the batch, of each group of channels; -1 groups: one per channel."""
    rank = len(layer.shape(x))
    axis = layer.axis(rank)
    if not axis:
        raise layer.invalid("axis")
    channels, groups = layer.size(x, axis), layer.whole("groups", 32)
    groups = channels if groups == -1 else groups
    if groups < 1 or channels % groups:
        raise layer.invalid("groups")
    weights = layer.take(**dict.fromkeys(_trained(layer), (channels,)))
    # ONNX asks for both even where the layer has none.
    gamma = layer.constant(weights.get("gamma", np.ones(channels)), "gamma")
    beta = layer.constant(weights.get("beta", np.zeros(channels)), "beta")
    attributes = {"num_groups": groups, "epsilon": layer.number("epsilon", 1e-3)}
    build = layer.build
    if rank == 2:
        # OpenVINO computes it with a spatial axis only.
        last = build.ints(2, name="axes")
        y = build.op("GroupNormalization", build.op("Unsqueeze", x, last), gamma, beta, **attributes)
        return build.op("Squeeze", y, last)
    return _of_second_axis(layer, "GroupNormalization", x, axis, gamma, beta, **attributes)


def _of_second_axis(
    layer: Layer, op_type: str, x: ir.Value, axis: int, *weights: ir.Value, **attributes: Any
) -> ir.Value:
    """An op whose channels are on axis 1, for channels on any other but the batch."""
    build, rank = layer.build, len(layer.shape(x))
    order = [0, axis, *(other for other in range(1, rank) if other != axis)]
    first = x if axis == 1 else build.op("Transpose", x, perm=order)
    y = build.op(op_type, first, *weights, **attributes)
    return y if axis == 1 else build.op("Transpose", y, perm=[order.index(place) for place in range(rank)])


@layer("SpectralNormalization")
def spectral_normalization(layer: Layer, x: ir.Value) -> ir.Value | tuple[ir.Value, ...]:
    """The layer inside: training leaves the kernel normalised, and nothing is done to it at inference."""
    if x.dtype != ir.DataType.FLOAT:
        raise layer.unsupported("makes whole numbers of its results")
    layer.leave_out("vector_u")
    inner = layer.inner("layer", "layer")
    rule = rule_for(inner.spec)
    require_inputs(rule, inner.spec, 1)
    result = rule(inner, x)
    inner.expect_no_more_weights()
    return result


@layer("RMSNormalization")
def rms_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """Zhang and Sennrich, 2019: `x / sqrt(mean(x²) + epsilon) * scale`, with the mean over the last axes."""
    build, rank = layer.build, len(layer.shape(x))
    axes = [axis % rank for axis in _axes(layer, rank)]
    if axes != list(range(rank - len(axes), rank)):
        # Keras lines the scale up with the last axes all the same.
        raise layer.unsupported(f"normalises over the axes {axes}, which are not the last ones")
    sizes = tuple(layer.size(x, axis) for axis in axes)
    scale = layer.take(scale=sizes)["scale"].reshape((1,) * (rank - len(axes)) + sizes)
    mean = build.op("ReduceMean", build.op("Mul", x, x), build.ints(*axes, name="axes"), keepdims=1)
    root = build.op("Sqrt", build.op("Add", mean, _full(layer, layer.number("epsilon", 1e-6), rank, "epsilon")))
    return build.op("Mul", build.op("Div", x, root), layer.constant(scale, "scale"))


@layer("UnitNormalization")
def unit_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """Length one along `axis`, which may be several together."""
    rank = len(layer.shape(x))
    return unit_length(layer, x, [axis % rank for axis in _axes(layer, rank)], 1e-12)


def unit_length(layer: Layer, x: ir.Value, axes: Sequence[int], least: float) -> ir.Value:
    """`x / max(sqrt(sum(x²)), least)`, which is `keras.ops.normalize` with `epsilon=least`."""
    build = layer.build
    square = build.op("ReduceSum", build.op("Mul", x, x), build.ints(*axes, name="axes"), keepdims=1)
    length = build.op("Max", build.op("Sqrt", square), _full(layer, least, len(layer.shape(x)), "least"))
    return build.op("Div", x, length)


def _full(layer: Layer, number: float, rank: int, name: str) -> ir.Value:
    return layer.constant(np.full((1,) * rank, number), name)


def _trained(layer: Layer) -> list[str]:
    return ["gamma"] * layer.flag("scale", True) + ["beta"] * layer.flag("center", True)


def _axes(layer: Layer, rank: int) -> list[int]:
    given = layer.get("axis", -1)
    axes = given if isinstance(given, list) else [given]
    inside = [axis % rank for axis in axes if is_whole(axis) and -rank <= axis < rank and axis % rank]
    if not axes or len(set(inside)) < len(axes):
        raise layer.invalid("axis")
    return sorted(axes)
