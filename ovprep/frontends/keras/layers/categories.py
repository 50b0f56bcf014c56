"""Discretization and CategoryEncoding: numbers to categories, and categories to vectors of zeros and ones."""

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.preprocessing import numbers_of
from ovprep.frontends.keras.layers.registry import layer

_MODES = ("one_hot", "multi_hot", "count")


@layer("Discretization")
def discretization(layer: Layer, x: ir.Value) -> ir.Value:
    """The number of boundaries that a number has reached, as int32 or encoded."""
    build = layer.build
    if layer.get("bin_boundaries") is None:
        raise layer.unsupported("has no boundaries, since it has not seen the data that it is to be adapted to")
    boundaries = numbers_of(layer, "bin_boundaries", None)
    if boundaries.ndim != 1 or not len(boundaries) or (np.diff(boundaries) < 0).any():
        raise layer.invalid("bin_boundaries")
    rank = len(layer.shape(x))
    last = build.ints(rank, name="axes")
    bounds = layer.constant(boundaries.reshape((1,) * rank + (-1,)), "boundaries")
    reached = build.op("GreaterOrEqual", build.op("Unsqueeze", layer.floats(x), last), bounds)
    bins = build.op("ReduceSum", build.op("Cast", reached, to=int(ir.DataType.INT32)), last, keepdims=0)
    mode = layer.choice("output_mode", ("int", *_MODES))
    return bins if mode == "int" else _encoded(layer, bins, mode, len(boundaries) + 1)


@layer("CategoryEncoding")
def category_encoding(layer: Layer, x: ir.Value, *, count_weights: ir.Value | None = None) -> ir.Value:
    """Whole numbers to vectors of `num_tokens`; `count_weights` says how much each of them counts."""
    mode = layer.choice("output_mode", ("multi_hot", "one_hot", "count"))
    if count_weights is not None and mode != "count":
        raise layer.unsupported(f"is given count_weights for output_mode={mode!r}")
    return _encoded(layer, x, mode, layer.whole("num_tokens", least=1), count_weights)


def _encoded(layer: Layer, x: ir.Value, mode: str, depth: int, weights: ir.Value | None = None) -> ir.Value:
    """One vector for each number, or all those along axis 1 in one vector, where that is what the mode says."""
    if layer.flag("sparse", False):
        raise layer.unsupported("gives a sparse tensor")
    build, shape = layer.build, layer.shape(x)
    if mode == "one_hot" and len(shape) > 1 and shape[-1] == 1:
        x = build.op("Squeeze", x, build.ints(len(shape) - 1, name="axes"))
    if mode != "one_hot" and len(shape) < 2:
        raise layer.unsupported("counts over the batch")
    # ONNX Runtime has no OneHot of int32.
    whole = x if x.dtype == ir.DataType.INT64 else build.op("Cast", x, to=int(ir.DataType.INT64))
    values = layer.constant([0.0, 1.0], "values")
    vectors = build.op("OneHot", whole, build.constant(np.int64(depth), "depth"), values, axis=-1)
    if x.shape is not None:
        vectors.shape = ir.Shape([*x.shape, depth])
    if mode == "one_hot":
        return vectors
    if weights is not None:
        last = build.ints(len(shape), name="axes")
        shares = layer.floats(layer.tensor(weights, "count_weights"))
        vectors = build.op("Mul", vectors, build.op("Unsqueeze", shares, last))
    reduction = "ReduceMax" if mode == "multi_hot" else "ReduceSum"
    return build.op(reduction, vectors, build.ints(1, name="axes"), keepdims=0)
