"""Flatten, Reshape, Permute, and zero padding, cropping and upsampling over one spatial axis or two."""

import math

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.spatial import ends_of, spatial_axes


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


@layer("ZeroPadding1D", "ZeroPadding2D")
def zero_padding(layer: Layer, x: ir.Value) -> ir.Value:
    """Zeros before and after, along the spatial axes."""
    axes = spatial_axes(layer, x)
    rank = len(axes) + 2
    pads = [0] * (2 * rank)
    for axis, (before, after) in zip(axes, ends_of(layer, "padding", len(axes), 1), strict=True):
        pads[axis], pads[axis + rank] = before, after
    return layer.build.op("Pad", x, layer.build.ints(*pads, name="pads"))


@layer("Cropping1D", "Cropping2D")
def cropping(layer: Layer, x: ir.Value) -> ir.Value:
    """Samples cut off at both ends of the spatial axes."""
    axes, build = spatial_axes(layer, x), layer.build
    cuts = ends_of(layer, "cropping", len(axes), 0)
    sizes = [layer.shape(x)[axis] for axis in axes]
    if any(size is not None and sum(cut) >= size for size, cut in zip(sizes, cuts, strict=True)):
        raise layer.invalid("cropping")
    starts = [before for before, _ in cuts]
    ends = [-after if after else np.iinfo(np.int64).max for _, after in cuts]
    places = build.ints(*starts, name="starts"), build.ints(*ends, name="ends"), build.ints(*axes, name="axes")
    return build.op("Slice", x, *places)


@layer("UpSampling1D", "UpSampling2D")
def up_sampling(layer: Layer, x: ir.Value) -> ir.Value:
    """Each sample repeated `size` times along each spatial axis."""
    axes, shape = spatial_axes(layer, x), list(layer.shape(x))
    if layer.get("interpolation", "nearest") != "nearest":
        raise layer.unsupported(f"interpolates with {layer.get('interpolation')!r}")
    scales = np.ones(len(shape))
    for axis, size in zip(axes, layer.wholes("size", len(axes), 2, least=1), strict=True):
        scales[axis] = size
    y = layer.build.op(
        "Resize",
        x,
        None,
        layer.constant(scales, "scales"),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    # Shape inference gives up on all axes of a Resize as soon as one is open.
    if x.shape is not None:
        sizes = [None if size is None else size * int(scale) for size, scale in zip(shape, scales, strict=True)]
        y.shape = ir.Shape([size if axis in axes else x.shape[axis] for axis, size in enumerate(sizes)])
    return y


@layer("RepeatVector")
def repeat_vector(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, C]` to `[N, n, C]`."""
    layer.expect_rank(x, 2)
    build = layer.build
    spread = build.op("Unsqueeze", x, build.ints(1, name="axes"))
    return build.op("Expand", spread, build.ints(1, layer.whole("n", least=1), 1, name="shape"))
