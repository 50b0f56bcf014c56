"""Reductions along axes: sums, means, moments, extremes and their places, norms, sums up to a place, orders."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, operation
from ovprep.frontends.keras.operations.operands import (
    BOOL,
    INT32,
    axes_in,
    axis_in,
    cast,
    floats,
    given_tensor,
    scalar,
    type_of,
    whole,
)

_MANY = 16
"""More differences of differences than a model would take."""


def reduce(layer: Layer, op_type: str, x: ir.Value, axis: Any, keepdims: Any) -> ir.Value:
    """A reduction along the axes that Keras names: one, several, or None for all."""
    axes = axes_in(layer, axis, len(layer.shape(x)))
    if not axes:
        return x
    return layer.build.op(op_type, x, layer.build.ints(*axes, name="axes"), keepdims=int(bool(keepdims)))


def _numbers(layer: Layer, x: Any) -> ir.Value:
    """The tensor; truth values become integers."""
    x = given_tensor(layer, x)
    return cast(layer, x, INT32) if type_of(layer, x) == BOOL else x


def _reduction(op_type: str) -> LayerRule:
    return lambda layer, x, axis=None, keepdims=False: reduce(layer, op_type, _numbers(layer, x), axis, keepdims)


operation("Sum")(_reduction("ReduceSum"))
operation("Prod")(_reduction("ReduceProd"))
operation("Amax")(_reduction("ReduceMax"))
operation("Amin")(_reduction("ReduceMin"))


def _extreme(op_type: str, pairwise: str) -> LayerRule:
    def rule(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> ir.Value:
        if type_of(layer, given_tensor(layer, x)) == BOOL:
            raise layer.unsupported("looks for the extreme of truth values")
        found = reduce(layer, op_type, x, axis, keepdims)
        return found if initial is None else layer.build.op(pairwise, found, scalar(layer, initial, found))

    return rule


operation("Max")(_extreme("ReduceMax", "Max"))
operation("Min")(_extreme("ReduceMin", "Min"))


@operation("Ptp")
def ptp(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """The largest less the smallest."""
    ends = [reduce(layer, op, _numbers(layer, x), axis, keepdims) for op in ("ReduceMax", "ReduceMin")]
    return layer.build.op("Sub", *ends)


@operation("Mean")
def mean(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """Of floats, also where integers are given."""
    return reduce(layer, "ReduceMean", floats(layer, x), axis, keepdims)


@operation("Average")
def average(layer: Layer, x: Any, weights: Any = None, axis: Any = None) -> ir.Value:
    """A mean in which all count the same."""
    if weights is not None:
        raise layer.unsupported("averages with weights")
    return mean(layer, x, axis)


@operation("Var")
def var(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """The mean square of the distance from the mean."""
    x = floats(layer, x)
    distance = layer.build.op("Sub", x, mean(layer, x, axis, keepdims=True))
    return mean(layer, layer.build.op("Mul", distance, distance), axis, keepdims)


@operation("Std")
def std(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """The square root of the variance."""
    return layer.build.op("Sqrt", var(layer, x, axis, keepdims))


@operation("Moments")
def moments(
    layer: Layer, x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[ir.Value, ...]:
    """Mean and variance; `synchronized` is about training on several machines."""
    return mean(layer, x, axes, keepdims), var(layer, x, axes, keepdims)


@operation("CountNonzero")
def count_nonzero(layer: Layer, x: Any, axis: Any = None) -> ir.Value:
    """How many are not zero."""
    truths = cast(layer, given_tensor(layer, x), BOOL)
    return reduce(layer, "ReduceSum", cast(layer, truths, INT32), axis, keepdims=False)


@operation("Logsumexp")
def logsumexp(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """log(sum(exp(x))), computed below the largest, so that nothing overflows."""
    x, build = floats(layer, x), layer.build
    top = reduce(layer, "ReduceMax", x, axis, keepdims=True)
    total = reduce(layer, "ReduceSum", build.op("Exp", build.op("Sub", x, top)), axis, keepdims=True)
    result = build.op("Add", build.op("Log", total), top)
    return result if keepdims else reduce(layer, "ReduceSum", result, axis, keepdims=False)


@operation("Norm")
def norm(layer: Layer, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ir.Value:  # noqa: A002 (the name in Keras)
    """Of vectors: ord 1, 2, infinite or any other; of two axes or all, the Euclidean one (`fro`)."""
    x = floats(layer, x)
    axes = axes_in(layer, axis, len(layer.shape(x)))
    if ord in (None, "fro", "euclidean") or (ord == 2 and len(axes) == 1):
        return reduce(layer, "ReduceL2", x, axes, keepdims)
    if len(axes) != 1 or isinstance(ord, (bool, str)) or not isinstance(ord, (int, float)):
        raise layer.unsupported(f"takes the norm {ord!r} over {len(axes)} axes")
    size = layer.build.op("Abs", x)
    if ord == 1:
        return reduce(layer, "ReduceSum", size, axes, keepdims)
    if abs(ord) == float("inf"):
        return reduce(layer, "ReduceMax" if ord > 0 else "ReduceMin", size, axes, keepdims)
    if not ord:
        raise layer.unsupported("takes the norm 0")
    total = reduce(layer, "ReduceSum", layer.build.op("Pow", size, scalar(layer, ord, size)), axes, keepdims)
    return layer.build.op("Pow", total, scalar(layer, 1 / ord, total))


def _flat(layer: Layer, x: ir.Value) -> ir.Value:
    return layer.build.op("Reshape", x, layer.build.ints(-1, name="shape"))


def place_of_extreme(layer: Layer, op_type: str, x: Any, axis: Any, keepdims: Any) -> ir.Value:
    """The first place of the largest or smallest, as int32; along all axes where `axis` is None."""
    x = _numbers(layer, x)
    if axis is None:
        if keepdims:
            raise layer.unsupported("keeps the axes of a place among all")
        x, axis = _flat(layer, x), 0
    place = axis_in(layer, axis, len(layer.shape(x)))
    return cast(layer, layer.build.op(op_type, x, axis=place, keepdims=int(bool(keepdims))), INT32)


@operation("Argmax")
def argmax(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """The first place of the largest."""
    return place_of_extreme(layer, "ArgMax", x, axis, keepdims)


@operation("Argmin")
def argmin(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
    """The first place of the smallest."""
    return place_of_extreme(layer, "ArgMin", x, axis, keepdims)


@operation("Cumsum")
def cumsum(
    layer: Layer, x: Any, axis: Any = None, dtype: Any = None, exclusive: bool = False, reverse: bool = False
) -> ir.Value:
    """The sum of all up to each place; `exclusive` and `reverse` are TensorFlow's."""
    x = _numbers(layer, x)
    if dtype is not None:
        raise layer.unsupported("sums up in another type")
    if axis is None:
        x, axis = _flat(layer, x), 0
    place = layer.build.constant(np.int64(axis_in(layer, axis, len(layer.shape(x)))), "axis")
    return layer.build.op("CumSum", x, place, exclusive=int(bool(exclusive)), reverse=int(bool(reverse)))


@operation("TopK")
def top_k(layer: Layer, x: Any, k: Any, sorted: Any = True) -> tuple[ir.Value, ...]:  # noqa: A002 (the name in Keras)
    """The k largest along the last axis, and their places."""
    values, places = _ranked(layer, _numbers(layer, x), -1, whole(layer, k, "k"), largest=True)
    return values, cast(layer, places, INT32)


@operation("Sort")
def sort(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """From the smallest to the largest."""
    axis = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    return _ranked(layer, _numbers(layer, x), axis, layer.size(x, axis), largest=False)[0]


@operation("Argsort")
def argsort(layer: Layer, x: Any, axis: Any = -1) -> ir.Value:
    """The places from that of the smallest to that of the largest."""
    axis = axis_in(layer, axis, len(layer.shape(given_tensor(layer, x))))
    return cast(layer, _ranked(layer, _numbers(layer, x), axis, layer.size(x, axis), largest=False)[1], INT32)


def _ranked(layer: Layer, x: ir.Value, axis: int, k: int, *, largest: bool) -> tuple[ir.Value, ...]:
    size = layer.shape(x)[axis]
    if k < 1 or (size is not None and k > size):
        raise layer.unsupported(f"ranks {k} of {size}")
    return layer.build.ops("TopK", x, layer.build.ints(k, name="k"), outputs=2, axis=axis, largest=int(largest))


@operation("Diff")
def diff(layer: Layer, a: Any, n: Any = 1, axis: Any = -1) -> ir.Value:
    """Each less the one before it, n times."""
    x = given_tensor(layer, a)
    if type_of(layer, x) == BOOL:
        raise layer.unsupported("computes with truth values")
    place = layer.build.ints(axis_in(layer, axis, len(layer.shape(x))), name="axes")
    if not 0 <= whole(layer, n, "n") <= _MANY:
        raise layer.unsupported(f"takes differences {n} times")
    for _ in range(whole(layer, n, "n")):
        later = layer.build.op("Slice", x, layer.build.ints(1), layer.build.ints(np.iinfo(np.int64).max), place)
        earlier = layer.build.op("Slice", x, layer.build.ints(0), layer.build.ints(-1), place)
        x = layer.build.op("Sub", later, earlier)
    return x


@operation("Normalize")
def normalize(layer: Layer, x: Any, axis: Any = -1, order: Any = 2, epsilon: Any = None) -> ir.Value:
    """x over its norm, which counts as at least epsilon (1e-7): keras.ops.nn.normalize."""
    x = floats(layer, x)
    least = 1e-7 if epsilon is None else epsilon
    length = norm(layer, x, order, axis, keepdims=True)
    return layer.build.op("Div", x, layer.build.op("Max", length, scalar(layer, least, x)))
