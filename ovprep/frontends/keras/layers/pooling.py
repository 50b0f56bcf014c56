"""Max, average and global pooling, over one spatial axis or two."""

import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.spatial import from_ncw, padding_of, spatial_axes, spatial_rank, to_ncw


@layer("MaxPooling1D", "AveragePooling1D", "MaxPooling2D", "AveragePooling2D")
def pooling(layer: Layer, x: ir.Value) -> ir.Value:
    """A window of `pool_size`; an average counts the samples that are there, not the padding."""
    axes = spatial_rank(layer, x)
    sizes = layer.wholes("pool_size", axes, least=1)
    strides = sizes if layer.get("strides") is None else layer.wholes("strides", axes, least=1)
    ncw = to_ncw(layer, x)
    op = "MaxPool" if layer.spec.class_name.startswith("Max") else "AveragePool"
    window = padding_of(layer, ncw, sizes, strides, (1,) * axes)
    return from_ncw(layer, layer.build.op(op, ncw, kernel_shape=sizes, strides=strides, **window))


@layer("AdaptiveMaxPooling1D", "AdaptiveAveragePooling1D", "AdaptiveMaxPooling2D", "AdaptiveAveragePooling2D")
def adaptive_pooling(layer: Layer, x: ir.Value) -> ir.Value:
    """Windows side by side that give `output_size` samples, where that divides the size of the input."""
    axes = spatial_axes(layer, x)
    sizes = [layer.size(x, axis) for axis in axes]
    wanted = layer.wholes("output_size", len(axes), least=1)
    if any(size % parts for size, parts in zip(sizes, wanted, strict=True)):
        raise layer.unsupported(f"pools {sizes} into {list(wanted)} windows, which are not of one size")
    window = tuple(size // parts for size, parts in zip(sizes, wanted, strict=True))
    op = "MaxPool" if "Max" in layer.spec.class_name else "AveragePool"
    return from_ncw(layer, layer.build.op(op, to_ncw(layer, x), kernel_shape=window, strides=window))


@layer("GlobalAveragePooling1D")
def global_average_pooling(layer: Layer, x: ir.Value, *, mask: ir.Value | None = None) -> ir.Value:
    """As `global_pooling`; with a mask `[N, W]`, the mean of the steps that it leaves."""
    if mask is None:
        return _reduced(layer, x, "ReduceMean")
    build, (axis,), keepdims = layer.build, spatial_axes(layer, x), int(layer.flag("keepdims", False))
    axes = build.ints(axis, name="axes")
    kept = build.op("Unsqueeze", mask, build.ints(3 - axis, name="axes"))
    kept = build.op("Cast", kept, to=int(ir.DataType.FLOAT))
    total = build.op("ReduceSum", build.op("Mul", x, kept), axes, keepdims=keepdims)
    return build.op("Div", total, build.op("ReduceSum", kept, axes, keepdims=keepdims))


@layer("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling2D")
def global_pooling(layer: Layer, x: ir.Value) -> ir.Value:
    """A reduction over the spatial axes: `[N, W, C]`, `[N, H, W, C]`, or channels first, to `[N, C]`.

    With `keepdims` the axes stay, at size one.
    """
    return _reduced(layer, x, "ReduceMax" if layer.spec.class_name.startswith("GlobalMax") else "ReduceMean")


def _reduced(layer: Layer, x: ir.Value, op_type: str) -> ir.Value:
    axes = layer.build.ints(*spatial_axes(layer, x), name="axes")
    return layer.build.op(op_type, x, axes, keepdims=int(layer.flag("keepdims", False)))
