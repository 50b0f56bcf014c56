"""Layers that do something in training only: at inference their output is their input."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer


@layer(
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout1D",
    "SpatialDropout2D",
)
def passthrough(layer: Layer, x: ir.Value, *, training: bool = False) -> ir.Value:
    """Nothing to compute, also where the model asks for the noise of training at inference."""
    if training:
        layer.warn("is called with training=True, so that its outputs are random in Keras; ovprep leaves it out.")
    return x
