"""BatchNormalization and LayerNormalization, as they are at inference."""

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer, is_whole, layer


@layer("BatchNormalization")
def batch_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """One Mul and one Add per channel, computed in float64; a later pass folds them into a convolution or a Dense."""
    rank = len(layer.shape(x))
    axis = layer.axis(rank)
    channels = layer.size(x, axis)
    names = _trained(layer)
    shapes = dict.fromkeys((*names, "moving_mean", "moving_variance"), (channels,))
    weights = {name: array.astype(np.float64) for name, array in layer.take(**shapes).items()}
    scale = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + layer.number("epsilon", 1e-3))
    shift = weights.get("beta", 0.0) - weights["moving_mean"] * scale
    # Full rank from the start: a rank-1 constant would move to another axis when the layout does.
    shape = [channels if index == axis else 1 for index in range(rank)]
    y = layer.build.op("Mul", x, layer.constant(scale.reshape(shape), "scale"))
    return layer.build.op("Add", y, layer.constant(shift.reshape(shape), "shift"))


@layer("LayerNormalization")
def layer_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """ONNX normalises over the last axes, so others are brought there and back."""
    if layer.flag("rms_scaling", False):
        raise layer.unsupported("uses rms_scaling")
    rank = len(layer.shape(x))
    stated = _axes(layer, rank)
    axes = sorted(axis % rank for axis in stated)
    sizes = tuple(layer.size(x, axis) for axis in axes)
    stored = tuple(layer.size(x, axis) for axis in stated)
    names = _trained(layer)
    # Keras sorts [-1, 1] as it stands: the weights then have the shape [C, W], and are read as [W, C].
    weights = {name: array.reshape(sizes) for name, array in layer.take(**dict.fromkeys(names, stored)).items()}
    # ONNX asks for a scale even where the layer has none.
    gamma = layer.constant(weights.get("gamma", np.ones(sizes, np.float32)), "gamma")
    beta = layer.constant(weights["beta"], "beta") if "beta" in weights else None
    order = [axis for axis in range(rank) if axis not in axes] + axes
    inside = x if order == sorted(order) else layer.build.op("Transpose", x, perm=order)
    y = layer.build.op(
        "LayerNormalization", inside, gamma, beta, axis=-len(axes), epsilon=layer.number("epsilon", 1e-3)
    )
    return y if inside is x else layer.build.op("Transpose", y, perm=[order.index(axis) for axis in range(rank)])


def _trained(layer: Layer) -> list[str]:
    return ["gamma"] * layer.flag("scale", True) + ["beta"] * layer.flag("center", True)


def _axes(layer: Layer, rank: int) -> list[int]:
    given = layer.get("axis", -1)
    axes = given if isinstance(given, list) else [given]
    inside = [axis % rank for axis in axes if is_whole(axis) and -rank <= axis < rank and axis % rank]
    if not axes or len(set(inside)) < len(axes):
        raise layer.invalid("axis")
    return sorted(axes)
