"""Flatten, Reshape, Permute, ZeroPadding1D, Cropping1D, UpSampling1D."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.registry import Layer, is_whole, layer


@layer("Flatten")
def flatten(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, ...]` to `[N, F]`. A channels-first Flatten reads in channels-last order: Keras turns the tensor first."""
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
    target, sizes = layer.get("target_shape"), layer.shape(x)[1:]
    if not isinstance(target, list) or not all(is_whole(size) and (size > 0 or size == -1) for size in target):
        raise layer.invalid("target_shape")
    stated = math.prod(size for size in target if size > 0)
    known = [size for size in sizes if size is not None]
    fits = len(known) < len(sizes) or _fits(math.prod(known), stated, -1 in target)
    if target.count(-1) > 1 or not fits:
        raise layer.invalid("target_shape")
    return layer.build.op("Reshape", x, layer.build.ints(0, *target, name="shape"))


def _fits(elements: int, stated: int, one_is_open: bool) -> bool:
    return elements % stated == 0 if one_is_open else elements == stated


@layer("Permute")
def permute(layer: Layer, x: ir.Value) -> ir.Value:
    """`dims` counts from 1 and leaves the batch out."""
    dims = layer.get("dims")
    places = list(range(1, len(layer.shape(x))))
    if not isinstance(dims, list) or not all(map(is_whole, dims)) or sorted(dims) != places:
        raise layer.invalid("dims")
    return layer.build.op("Transpose", x, perm=(0, *dims))


@layer("ZeroPadding1D")
def zero_padding1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Zeros before and after, in time."""
    layer.expect_rank(x, 3)
    before, after = layer.pair("padding")
    pads = (0, 0, before, 0, 0, after) if layer.channels_first else (0, before, 0, 0, after, 0)
    return layer.build.op("Pad", x, layer.build.ints(*pads, name="pads"))


@layer("Cropping1D")
def cropping1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Samples cut off at both ends, in time."""
    layer.expect_rank(x, 3)
    before, after = layer.pair("cropping")
    width = layer.shape(x)[1]
    if width is not None and before + after >= width:
        raise layer.invalid("cropping")
    end = -after if after else np.iinfo(np.int64).max
    build = layer.build
    starts, ends, axes = build.ints(before, name="starts"), build.ints(end, name="ends"), build.ints(1, name="axes")
    return build.op("Slice", x, starts, ends, axes)


@layer("UpSampling1D")
def up_sampling1d(layer: Layer, x: ir.Value) -> ir.Value:
    """Each sample repeated `size` times, in time."""
    layer.expect_rank(x, 3)
    size = layer.whole("size", 2, least=1)
    scales = layer.constant(np.array([1, size, 1]), "scales")
    y = layer.build.op(
        "Resize", x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    # Shape inference gives up on all axes of a Resize as soon as one is open.
    width = layer.shape(x)[1]
    if x.shape is not None:
        y.shape = ir.Shape([x.shape[0], None if width is None else width * size, x.shape[2]])
    return y
