"""Dense, over the last axis of a tensor of any rank."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.registry import Layer, layer


@layer("Dense")
def dense(layer: Layer, x: ir.Value) -> ir.Value:
    """`[..., C]` times kernel `[C, units]`, plus bias."""
    units, channels = layer.whole("units"), layer.size(x, -1)
    biased = layer.get("use_bias", True)
    weights = layer.take(kernel=(channels, units), **({"bias": (units,)} if biased else {}))
    y = layer.build.op("MatMul", x, layer.constant(weights["kernel"], "kernel"))
    if biased:
        shape = (1,) * (len(layer.shape(x)) - 1) + (units,)
        y = layer.build.op("Add", y, layer.constant(weights["bias"].reshape(shape), "bias"))
    return activate(layer, y, layer.get("activation"))
