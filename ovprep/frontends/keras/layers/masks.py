"""Masks of attention: which keys a query may look at."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer


def truth(layer: Layer, mask: ir.Value) -> ir.Value:
    """The mask as booleans; of numbers, all but zero are true."""
    return mask if mask.dtype == ir.DataType.BOOL else layer.build.op("Cast", mask, to=int(ir.DataType.BOOL))


def above_half(layer: Layer, mask: ir.Value) -> ir.Value:
    """The mask as booleans, as the Softmax layer of Keras reads numbers."""
    if mask.dtype == ir.DataType.BOOL:
        return mask
    half = layer.constant(np.full((1,) * len(layer.shape(mask)), 0.5), "half")
    return layer.build.op("Greater", layer.floats(mask), half)


def causal(layer: Layer, query: ir.Value, key: ir.Value, rank: int) -> ir.Value:
    """`[1, .., T, S]`: true where the key is not later than the query; both sequences count from their start."""
    rows, columns = _positions(layer, query, key, rank)
    return layer.build.op("GreaterOrEqual", rows, columns)


def window(layer: Layer, query: ir.Value, key: ir.Value, rank: int, reach: int) -> ir.Value:
    """`[1, .., T, S]`: true where query and key are less than `reach` steps apart."""
    build = layer.build
    rows, columns = _positions(layer, query, key, rank)
    limit = build.constant(np.full((1,) * rank, reach, np.int64), "window")
    return build.op("Less", build.op("Abs", build.op("Sub", rows, columns)), limit)


def every(layer: Layer, masks: Sequence[ir.Value]) -> ir.Value | None:
    """True where all masks are; None without masks."""
    result = None
    for mask in masks:
        result = mask if result is None else layer.build.op("And", result, mask)
    return result


def _positions(layer: Layer, query: ir.Value, key: ir.Value, rank: int) -> tuple[ir.Value, ir.Value]:
    return _places(layer, query, rank, rank - 2), _places(layer, key, rank, rank - 1)


def _places(layer: Layer, value: ir.Value, rank: int, axis: int) -> ir.Value:
    """The numbers of the steps of `[N, T, ...]`, in a tensor of that rank along that axis."""
    build, steps = layer.build, layer.shape(value)[1]
    shape = [1] * rank
    if steps is not None:
        shape[axis] = steps
        return build.constant(np.arange(steps).reshape(shape), "steps")
    zero, one = build.constant(np.int64(0), "zero"), build.constant(np.int64(1), "one")
    number = build.op("Squeeze", build.op("Shape", value, start=1, end=2))
    others = build.ints(*(place for place in range(rank) if place != axis), name="axes")
    return build.op("Unsqueeze", build.op("Range", zero, number, one), others)
