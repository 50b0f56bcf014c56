"""Flatten, Reshape, Permute, ZeroPadding1D, Cropping1D, UpSampling1D."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer, layer


@layer("Flatten")
def flatten(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, ...]` to `[N, F]`. A channels-first Flatten reads the values in channels-last order: Keras turns them first."""
    shape = layer.shape(x)
    rank = len(shape)
    if layer.channels_first and rank > 2:
        x = layer.build.op("Transpose", x, perm=(0, *range(2, rank), 1))
    sizes = shape[1:]
    features = -1 if None in sizes else math.prod(size for size in sizes if size is not None)
    return layer.build.op("Reshape", x, layer.build.ints(0, features, name="shape"))


@layer("Reshape")
def reshape(layer: Layer, x: ir.Value) -> ir.Value:
    """`target_shape` leaves the batch out; one of its entries may be -1."""
    target = layer.get("target_shape")
    if not isinstance(target, list) or not all(isinstance(size, int) for size in target):
        raise layer.invalid("target_shape")
    return layer.build.op("Reshape", x, layer.build.ints(0, *target, name="shape"))


@layer("Permute")
def permute(layer: Layer, x: ir.Value) -> ir.Value:
    """`dims` counts from 1 and leaves the batch out."""
    dims = layer.get("dims")
    if not isinstance(dims, list) or sorted(dims) != list(range(1, len(layer.shape(x)))):
        raise layer.invalid("dims")
    return layer.build.op("Transpose", x, perm=(0, *dims))


@layer("ZeroPadding1D")
def zero_padding1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Zeros before and after, in time."""
    layer.expect_rank(x, 3)
    before, after = layer.pair("padding")
    if min(before, after) < 0:
        raise layer.invalid("padding")
    pads = (0, 0, before, 0, 0, after) if layer.channels_first else (0, before, 0, 0, after, 0)
    return layer.build.op("Pad", x, layer.build.ints(*pads, name="pads"))


@layer("Cropping1D")
def cropping1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Samples cut off at both ends, in time."""
    layer.expect_rank(x, 3)
    before, after = layer.pair("cropping")
    width = layer.shape(x)[1]
    if min(before, after) < 0 or (width is not None and before + after >= width):
        raise layer.invalid("cropping")
    end = -after if after else np.iinfo(np.int64).max
    build = layer.build
    starts, ends, axes = build.ints(before, name="starts"), build.ints(end, name="ends"), build.ints(1, name="axes")
    return build.op("Slice", x, starts, ends, axes)


@layer("UpSampling1D")
def up_sampling1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Each sample repeated `size` times, in time."""
    layer.expect_rank(x, 3)
    size = layer.whole("size", 2)
    if size < 1:
        raise layer.invalid("size")
    scales = layer.constant(np.array([1, size, 1]), "scales")
    return layer.build.op(
        "Resize", x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
