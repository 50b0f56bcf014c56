"""Functions of TensorFlow, by which Keras 2 (2.4 to 2.15) writes what stands between layers: `TFOpLambda` and its like.

Most are operations of `keras.ops` with other names for their parameters; the rest is in `tensorflow.py`.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import OPERATIONS, LayerRule, Rule, call_bound, operation
from ovprep.frontends.keras.operations.operands import FLOAT, type_of
from ovprep.frontends.keras.operations.sizes import carried, carry, follow

FUNCTIONS: dict[str, LayerRule] = {}
"""By their names in TensorFlow, without `compat.v1.`."""

_Result = ir.Value | tuple[ir.Value, ...]


def function(*names: str) -> Callable[[Rule], Rule]:
    """Registers the rule of functions: their first parameter as it stands, the others by their names in TensorFlow."""

    def register(rule: Rule) -> Rule:
        for name in names:
            FUNCTIONS[name] = rule
        return rule

    return register


@operation("TFOpLambda", "SlicingOpLambda")
def function_layer(layer: Layer, *arguments: Any, **options: Any) -> _Result:
    """A layer that stands for one function."""
    name = str(layer.get("function"))
    rule = FUNCTIONS.get(name.removeprefix("compat.v1."))
    if len(arguments) != 1:
        raise ModelError(f"Layer {layer.spec} is called with {len(arguments)} arguments in place of one.")
    if rule is None:
        raise UncoveredError(
            f"Layer {layer.spec} is the function tf.{name}, which ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    return call_bound(rule, layer, arguments, {key: value for key, value in options.items() if key != "name"})


def same_as(class_name: str, **names: str) -> LayerRule:
    """The rule of an operation of Keras, given TensorFlow's names of its parameters; the first one needs no name."""
    first = next(iter(names))

    def rule(layer: Layer, *arguments: Any, **options: Any) -> _Result:
        given = {**dict(zip([first], arguments, strict=False)), **options}
        return call_bound(
            OPERATIONS[class_name], layer, (), {names.get(key, key): value for key, value in given.items()}
        )

    return rule


def of_floats(rule: LayerRule) -> LayerRule:
    """The rule, refused for integers, of which TensorFlow makes other numbers than Keras does."""

    def guarded(layer: Layer, *arguments: Any, **options: Any) -> _Result:
        for value in (*arguments, *options.values()):
            if isinstance(value, ir.Value) and type_of(layer, value) != FLOAT:
                raise layer.unsupported("computes with integers")
        return rule(layer, *arguments, **options)

    return guarded


def following(rule: LayerRule, sizes: Callable[..., Any], *parameters: str) -> LayerRule:
    """The rule, whose results also carry the sizes that come of those that it was given."""

    def followed(layer: Layer, *arguments: Any, **options: Any) -> _Result:
        result = rule(layer, *arguments, **options)
        given = [options[name] for name in parameters if name in options]
        follow(sizes, result if isinstance(result, tuple) else (result,), arguments[0], *given)
        return result

    return followed


def _of_known_sizes(rule: LayerRule, compute: Callable[[int, int], int]) -> LayerRule:
    """The rule of arithmetic, which is also done on two sizes that are known."""

    def computed(layer: Layer, x: Any, **options: Any) -> _Result:
        result, sizes = rule(layer, x, **options), (carried(x), carried(options.get("y")))
        numbers = [size.item() for size in sizes if size is not None and size.ndim == 0]
        if isinstance(result, ir.Value) and len(numbers) == 2 and all(isinstance(one, int) for one in numbers):
            carry(result, np.array(compute(*numbers), object))
        return result

    return computed


_OF_TWO = {
    "Add": "math.add __operators__.add",
    "Equal": "math.equal __operators__.eq",
    "Greater": "math.greater",
    "GreaterEqual": "math.greater_equal",
    "Less": "math.less",
    "LessEqual": "math.less_equal",
    "LogicalAnd": "math.logical_and",
    "LogicalOr": "math.logical_or",
    "LogicalXor": "math.logical_xor",
    "Maximum": "math.maximum",
    "Minimum": "math.minimum",
    "Mod": "math.floormod",
    "Multiply": "math.multiply",
    "NotEqual": "math.not_equal __operators__.ne",
    "Power": "math.pow",
    "SquaredDifference": "math.squared_difference",
    "Subtract": "math.subtract",
}
_OF_TWO_FLOATS = {
    "Divide": "math.divide math.truediv realdiv",
    "DivideNoNan": "math.divide_no_nan",
    "FloorDivide": "math.floordiv floor_div",
}
_OF_ONE = {
    "Absolute": "math.abs",
    "Arccos": "math.acos",
    "Arccosh": "math.acosh",
    "Arcsin": "math.asin",
    "Arcsinh": "math.asinh",
    "Arctan": "math.atan",
    "Arctanh": "math.atanh",
    "Ceil": "math.ceil",
    "Cos": "math.cos",
    "Cosh": "math.cosh",
    "Erf": "math.erf",
    "Exp": "math.exp",
    "Expm1": "math.expm1",
    "Floor": "math.floor",
    "Isfinite": "math.is_finite",
    "Isinf": "math.is_inf",
    "Isnan": "math.is_nan",
    "Log": "math.log",
    "Log1p": "math.log1p",
    "LogicalNot": "math.logical_not",
    "LogSigmoid": "math.log_sigmoid",
    "Negative": "math.negative",
    "Reciprocal": "math.reciprocal",
    "Round": "math.round",
    "Rsqrt": "math.rsqrt",
    "Sigmoid": "math.sigmoid",
    "Sign": "math.sign",
    "Sin": "math.sin",
    "Sinh": "math.sinh",
    "Sqrt": "math.sqrt",
    "Square": "math.square",
    "Tan": "math.tan",
    "Tanh": "math.tanh",
}
_ACTIVATIONS = {
    "Elu": "nn.elu",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Selu": "nn.selu",
    "Softplus": "math.softplus nn.softplus",
    "Softsign": "nn.softsign",
}
_REDUCTIONS = {
    "All": "reduce_all",
    "Any": "reduce_any",
    "Logsumexp": "reduce_logsumexp",
    "Max": "reduce_max",
    "Min": "reduce_min",
    "Norm": "reduce_euclidean_norm",
    "Prod": "reduce_prod",
    "Sum": "reduce_sum",
}
_REDUCTIONS_OF_FLOATS = {"Mean": "reduce_mean", "Std": "reduce_std", "Var": "reduce_variance"}


def _register(table: Mapping[str, str], make: Callable[[str], LayerRule], prefix: str = "") -> None:
    for class_name, names in table.items():
        function(*(prefix + name for name in names.split()))(make(class_name))


_OF_SIZES = {"Add": operator.add, "Subtract": operator.sub, "Multiply": operator.mul}


def _of_two(class_name: str) -> LayerRule:
    rule = same_as(class_name, x="x1", y="x2")
    return _of_known_sizes(rule, _OF_SIZES[class_name]) if class_name in _OF_SIZES else rule


_register(_OF_TWO, _of_two)
_register(_OF_TWO_FLOATS, lambda name: of_floats(same_as(name, x="x1", y="x2")))
_register(_OF_ONE, lambda name: same_as(name, x="x"))
_register(_ACTIVATIONS, lambda name: same_as(name, features="x"))
_register(_REDUCTIONS, lambda name: same_as(name, input_tensor="x"), "math.")
_register(_REDUCTIONS_OF_FLOATS, lambda name: of_floats(same_as(name, input_tensor="x")), "math.")

function("identity", "stop_gradient")(same_as("Copy", input="x"))
function("zeros_like")(same_as("ZerosLike", input="x"))
function("ones_like")(same_as("OnesLike", input="x"))
function("cast")(following(same_as("Cast", x="x"), lambda sizes: sizes))
function("where", "where_v2")(same_as("Where", condition="condition", x="x1", y="x2"))
function("clip_by_value")(same_as("Clip", t="x", clip_value_min="x_min", clip_value_max="x_max"))
function("nn.gelu")(lambda layer, features, approximate=False: OPERATIONS["Gelu"](layer, features, bool(approximate)))
function("nn.softmax")(same_as("Softmax", logits="x"))
function("nn.log_softmax")(same_as("LogSoftmax", logits="x"))
function("reshape")(same_as("Reshape", tensor="x", shape="newshape"))
function("expand_dims")(same_as("ExpandDims", input="x"))
function("broadcast_to")(same_as("BroadcastTo", input="x"))
function("tile")(same_as("Tile", input="x", multiples="repeats"))
function("reverse")(same_as("Flip", tensor="x"))
function("roll")(same_as("Roll", input="x"))
function("repeat")(same_as("Repeat", input="x"))
function("stack")(following(same_as("Stack", values="x"), lambda sizes, axis=0: sizes, "axis"))
function("unstack")(following(same_as("Unstack", value="x"), lambda sizes: tuple(sizes)))
function("tensordot")(same_as("Tensordot", a="x1", b="x2"))
function("math.top_k", "nn.top_k")(same_as("TopK", input="x"))
function("__operators__.getitem")(
    following(same_as("GetItem", tensor="x", slice_spec="key"), lambda sizes, key: sizes[_key(key)], "slice_spec")
)


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
