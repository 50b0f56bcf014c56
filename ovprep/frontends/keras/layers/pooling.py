"""Max, average and global pooling."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer, layer
from ovprep.frontends.keras.layers.spatial import from_ncw, padding_of, to_ncw


@layer("MaxPooling1D", "AveragePooling1D")
def pooling1d(layer: Layer, x: ir.Value) -> ir.Value:
    """A window of `pool_size`; an average counts the samples that are there, not the padding."""
    layer.expect_rank(x, 3)
    size = layer.whole("pool_size", least=1)
    stride = layer.whole("strides", size, least=1)
    ncw = to_ncw(layer, x)
    op = "MaxPool" if layer.spec.class_name.startswith("Max") else "AveragePool"
    window = padding_of(layer, ncw, size, stride)
    return from_ncw(layer, layer.build.op(op, ncw, kernel_shape=(size,), strides=(stride,), **window))


@layer("GlobalMaxPooling1D", "GlobalAveragePooling1D")
def global_pooling1d(layer: Layer, x: ir.Value) -> ir.Value:
    """A reduction over time: `[N, W, C]` or `[N, C, W]` to `[N, C]`, or with the axis kept at size one."""
    layer.expect_rank(x, 3)
    op = "ReduceMax" if layer.spec.class_name.startswith("GlobalMax") else "ReduceMean"
    time = layer.build.ints(2 if layer.channels_first else 1, name="axes")
    return layer.build.op(op, x, time, keepdims=int(layer.flag("keepdims", False)))
