"""Comparisons, logic, choices, and changes of type."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, operation
from ovprep.frontends.keras.operations.operands import (
    BOOL,
    FLOAT,
    INT32,
    axes_in,
    axis_in,
    cast,
    common_type,
    floats,
    given_tensor,
    matched,
    scalar,
    tensor,
    type_named,
    type_of,
    whole,
)
from ovprep.frontends.keras.weights import MAX_ELEMENTS


def _comparison(op_type: str, *, negate: bool = False, least: ir.DataType = INT32) -> LayerRule:
    def rule(layer: Layer, x1: Any, x2: Any) -> ir.Value:
        result = layer.build.op(op_type, *matched(layer, x1, x2, least=least))
        return layer.build.op("Not", result) if negate else result

    return rule


operation("Equal")(_comparison("Equal", least=BOOL))
operation("NotEqual")(_comparison("Equal", negate=True, least=BOOL))
operation("Greater")(_comparison("Greater"))
operation("GreaterEqual")(_comparison("GreaterOrEqual"))
operation("Less")(_comparison("Less"))
operation("LessEqual")(_comparison("LessOrEqual"))


def _logic(op_type: str) -> LayerRule:
    def rule(layer: Layer, x1: Any, x2: Any) -> ir.Value:
        return layer.build.op(op_type, *matched(layer, x1, x2, dtype=BOOL))

    return rule


operation("LogicalAnd")(_logic("And"))
operation("LogicalOr")(_logic("Or"))
operation("LogicalXor")(_logic("Xor"))


@operation("LogicalNot")
def logical_not(layer: Layer, x: Any) -> ir.Value:
    """Numbers are true unless they are zero."""
    return layer.build.op("Not", cast(layer, given_tensor(layer, x), BOOL))


@operation("Isnan")
def isnan(layer: Layer, x: Any) -> ir.Value:
    """Whether it is not a number."""
    return layer.build.op("IsNaN", floats(layer, x))


@operation("Isinf")
def isinf(layer: Layer, x: Any) -> ir.Value:
    """Whether it is infinite, on either side."""
    return layer.build.op("IsInf", floats(layer, x))


@operation("Isfinite")
def isfinite(layer: Layer, x: Any) -> ir.Value:
    """Whether it is neither infinite nor no number."""
    return layer.build.op("Not", layer.build.op("Or", isnan(layer, x), isinf(layer, x)))


@operation("Where")
def where(layer: Layer, condition: Any, x1: Any = None, x2: Any = None) -> ir.Value:
    """`x1` where the condition holds, else `x2`."""
    if x1 is None or x2 is None:
        raise layer.unsupported("gives the places where its condition holds")
    given = [given_tensor(layer, condition), *(x for x in (x1, x2) if isinstance(x, ir.Value))]
    rank = max(len(layer.shape(one)) for one in given)
    dtype = common_type(layer, x1, x2)
    return layer.build.op(
        "Where", tensor(layer, condition, BOOL, rank), tensor(layer, x1, dtype, rank), tensor(layer, x2, dtype, rank)
    )


def _over_truths(op_type: str) -> LayerRule:
    def rule(layer: Layer, x: Any, axis: Any = None, keepdims: bool = False) -> ir.Value:
        truths = cast(layer, cast(layer, given_tensor(layer, x), BOOL), FLOAT)
        axes = layer.build.ints(*axes_in(layer, axis, len(layer.shape(x))), name="axes")
        found = layer.build.op(op_type, truths, axes, keepdims=int(bool(keepdims)))
        return cast(layer, found, BOOL)

    return rule


operation("Any")(_over_truths("ReduceMax"))
operation("All")(_over_truths("ReduceMin"))


@operation("Cast")
def cast_to(layer: Layer, x: Any, dtype: Any) -> ir.Value:
    """Another of the types that ovprep computes in."""
    return cast(layer, given_tensor(layer, x), type_named(layer, dtype))


@operation("ConvertToTensor")
def convert_to_tensor(layer: Layer, x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> ir.Value:
    """The tensor itself, in another type where one is named."""
    if sparse or ragged:
        raise layer.unsupported("makes a tensor that is not dense")
    return given_tensor(layer, x) if dtype is None else cast_to(layer, x, dtype)


@operation("OneHot")
def one_hot(
    layer: Layer, x: Any, num_classes: Any, axis: Any = -1, dtype: Any = None, sparse: bool = False
) -> ir.Value:
    """One along a new axis at the place that an integer names; all zero where there is no such place."""
    if sparse:
        raise layer.unsupported("makes a tensor that is not dense")
    x, classes = given_tensor(layer, x), whole(layer, num_classes, "num_classes")
    if type_of(layer, x) in (BOOL, FLOAT) or not 1 <= classes <= MAX_ELEMENTS:
        raise layer.unsupported(f"names {classes} classes by {type_of(layer, x).name.lower()}")
    rank = len(layer.shape(x)) + 1
    place = axis_in(layer, axis, rank)
    spread = layer.build.op("Unsqueeze", x, layer.build.ints(place, name="axes"))
    names = np.arange(classes).reshape([classes if one == place else 1 for one in range(rank)])
    hits = layer.build.op("Equal", spread, tensor(layer, names, type_of(layer, x)))
    return cast(layer, hits, FLOAT if dtype is None else type_named(layer, dtype))


def _filled(number: float) -> LayerRule:
    return lambda layer, x, dtype=None: full_like(layer, x, number, dtype)


operation("ZerosLike")(_filled(0))
operation("OnesLike")(_filled(1))


@operation("FullLike")
def full_like(layer: Layer, x: Any, fill_value: Any, dtype: Any = None) -> ir.Value:
    """One number at all places of a tensor; its axes may be open."""
    x = given_tensor(layer, x)
    target = type_of(layer, x) if dtype is None else type_named(layer, dtype)
    fill = tensor(layer, fill_value, target)
    result = layer.build.op("Expand", fill, layer.build.op("Shape", x))
    result.shape = x.shape  # shape inference does not follow computed shapes
    return result


@operation("NanToNum")
def nan_to_num(layer: Layer, x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> ir.Value:
    """What is no number becomes one; infinities become the largest numbers."""
    x = given_tensor(layer, x)
    if posinf is not None or neginf is not None or type_of(layer, x) != FLOAT:
        raise layer.unsupported("replaces infinities by numbers of its own")
    largest = np.float32(np.finfo(np.float32).max)
    clipped = layer.build.op("Clip", x, layer.constant(-largest, "low"), layer.constant(largest, "high"))
    return layer.build.op("Where", isnan(layer, x), scalar(layer, nan, x), clipped)
