"""BatchNormalization and LayerNormalization, as they are at inference."""

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer, layer


@layer("BatchNormalization")
def batch_normalization(layer: Layer, x: ir.Value) -> ir.Value:
    """One Mul and one Add per channel, computed in float64; a later pass folds them into a convolution or a Dense."""
    rank = len(layer.shape(x))
    axis = layer.whole("axis", -1) % rank
    channels = layer.size(x, axis)
    names = [name for name, used in (("gamma", layer.get("scale", True)), ("beta", layer.get("center", True))) if used]
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
    if layer.get("rms_scaling"):
        raise layer.unsupported("uses rms_scaling")
    rank = len(layer.shape(x))
    axes = _axes(layer, rank)
    sizes = tuple(layer.size(x, axis) for axis in axes)
    names = [name for name, used in (("gamma", layer.get("scale", True)), ("beta", layer.get("center", True))) if used]
    weights = layer.take(**dict.fromkeys(names, sizes))
    # ONNX asks for a scale even where the layer has none.
    gamma = layer.constant(weights.get("gamma", np.ones(sizes, np.float32)), "gamma")
    beta = layer.constant(weights["beta"], "beta") if "beta" in weights else None
    order = [axis for axis in range(rank) if axis not in axes] + axes
    inside = x if order == sorted(order) else layer.build.op("Transpose", x, perm=order)
    y = layer.build.op(
        "LayerNormalization", inside, gamma, beta, axis=-len(axes), epsilon=layer.number("epsilon", 1e-3)
    )
    return y if inside is x else layer.build.op("Transpose", y, perm=[order.index(axis) for axis in range(rank)])


def _axes(layer: Layer, rank: int) -> list[int]:
    given = layer.get("axis", -1)
    axes = given if isinstance(given, list) else [given]
    if not all(isinstance(axis, int) and -rank <= axis < rank for axis in axes):
        raise layer.invalid("axis")
    return sorted(axis % rank for axis in axes)
