"""Dense, over the last axis of a tensor of any rank."""

import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer


@layer("Dense")
def dense(layer: Layer, x: ir.Value) -> ir.Value:
    """`[..., C]` times kernel `[C, units]`, plus bias."""
    if len(layer.shape(x)) < 2:
        raise ModelError(f"Layer {layer.spec} takes rank 2 or more, but is given {list(layer.shape(x))}.")
    units, channels = layer.whole("units", least=1), layer.size(x, -1)
    biased = layer.flag("use_bias", True)
    weights = layer.take(kernel=(channels, units), **({"bias": (units,)} if biased else {}))
    y = layer.build.op("MatMul", layer.floats(x), layer.constant(weights["kernel"], "kernel"))
    if biased:
        shape = (1,) * (len(layer.shape(x)) - 1) + (units,)
        y = layer.build.op("Add", y, layer.constant(weights["bias"].reshape(shape), "bias"))
    return activate(layer, y, layer.get("activation"))
