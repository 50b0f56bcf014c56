"""Nodes of TensorFlow's graphs, by which tf.keras 2.0 to 2.3 writes what stands between layers: `TensorFlowOpLayer`.

Each is a function of TensorFlow (see `functions.py`) whose arguments are inputs, constants and attributes of a NodeDef:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/node_def.proto
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError
from ovprep.frontends.keras.calls import parse_argument
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import OPERATIONS, call_bound, operation
from ovprep.frontends.keras.operations.functions import FUNCTIONS, function
from ovprep.frontends.keras.operations.operands import wholes

_TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_INT64": "int64", "DT_BOOL": "bool"}

NODES = {
    "Abs": "math.abs(x)",
    "Add": "math.add(x, y)",
    "AddV2": "math.add(x, y)",
    "All": "math.reduce_all(input_tensor, axis, keepdims=keep_dims)",
    "Any": "math.reduce_any(input_tensor, axis, keepdims=keep_dims)",
    "ArgMax": "math.argmax(input, axis, output_type=output_type)",
    "ArgMin": "math.argmin(input, axis, output_type=output_type)",
    "BatchMatMul": "linalg.matmul(a, b, transpose_a=adj_x, transpose_b=adj_y)",
    "BatchMatMulV2": "linalg.matmul(a, b, transpose_a=adj_x, transpose_b=adj_y)",
    "BiasAdd": "nn.bias_add(value, bias, data_format=data_format)",
    "Cast": "cast(x, dtype=DstT)",
    "Ceil": "math.ceil(x)",
    "ClipByValue": "clip_by_value(t, clip_value_min, clip_value_max)",
    "Cos": "math.cos(x)",
    "Cumsum": "math.cumsum(x, axis, exclusive=exclusive, reverse=reverse)",
    "DivNoNan": "math.divide_no_nan(x, y)",
    "Elu": "nn.elu(features)",
    "Equal": "math.equal(x, y)",
    "Erf": "math.erf(x)",
    "Exp": "math.exp(x)",
    "ExpandDims": "expand_dims(input, axis)",
    "Floor": "math.floor(x)",
    "FloorDiv": "math.floordiv(x, y)",
    "FloorMod": "math.floormod(x, y)",
    "GatherV2": "gather(params, indices, axis, batch_dims=batch_dims)",
    "Greater": "math.greater(x, y)",
    "GreaterEqual": "math.greater_equal(x, y)",
    "Identity": "identity(input)",
    "LeakyRelu": "nn.leaky_relu(features, alpha=alpha)",
    "Less": "math.less(x, y)",
    "LessEqual": "math.less_equal(x, y)",
    "Log": "math.log(x)",
    "Log1p": "math.log1p(x)",
    "LogSoftmax": "nn.log_softmax(logits)",
    "LogicalAnd": "math.logical_and(x, y)",
    "LogicalNot": "math.logical_not(x)",
    "LogicalOr": "math.logical_or(x, y)",
    "MatMul": "linalg.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)",
    "Max": "math.reduce_max(input_tensor, axis, keepdims=keep_dims)",
    "Maximum": "math.maximum(x, y)",
    "Mean": "math.reduce_mean(input_tensor, axis, keepdims=keep_dims)",
    "Min": "math.reduce_min(input_tensor, axis, keepdims=keep_dims)",
    "Minimum": "math.minimum(x, y)",
    "MirrorPad": "pad(tensor, paddings, mode=mode)",
    "Mul": "math.multiply(x, y)",
    "Neg": "math.negative(x)",
    "NotEqual": "math.not_equal(x, y)",
    "OneHot": "one_hot(indices, depth, on_value, off_value, axis=axis)",
    "OnesLike": "ones_like(input)",
    "Pack": "stack(*values, axis=axis)",
    "Pad": "pad(tensor, paddings)",
    "PadV2": "pad(tensor, paddings, constant_values)",
    "Pow": "math.pow(x, y)",
    "Prod": "math.reduce_prod(input_tensor, axis, keepdims=keep_dims)",
    "RealDiv": "math.truediv(x, y)",
    "Reciprocal": "math.reciprocal(x)",
    "Relu": "nn.relu(features)",
    "Relu6": "nn.relu6(features)",
    "Reshape": "reshape(tensor, shape)",
    "ReverseV2": "reverse(tensor, axis)",
    "Round": "math.round(x)",
    "Rsqrt": "math.rsqrt(x)",
    "Select": "where(condition, x, y)",
    "SelectV2": "where(condition, x, y)",
    "Selu": "nn.selu(features)",
    "Shape": "shape(input, out_type=out_type)",
    "Sigmoid": "math.sigmoid(x)",
    "Sign": "math.sign(x)",
    "Sin": "math.sin(x)",
    "Slice": "slice(input_, begin, size)",
    "Softmax": "nn.softmax(logits)",
    "Softplus": "nn.softplus(features)",
    "Softsign": "nn.softsign(features)",
    "Split": "split(axis, value, num_or_size_splits=num_split)",
    "SplitV": "split(value, num_or_size_splits, axis)",
    "Sqrt": "math.sqrt(x)",
    "Square": "math.square(x)",
    "SquaredDifference": "math.squared_difference(x, y)",
    "Squeeze": "squeeze(input, axis=squeeze_dims)",
    "StopGradient": "stop_gradient(input)",
    "Sub": "math.subtract(x, y)",
    "Sum": "math.reduce_sum(input_tensor, axis, keepdims=keep_dims)",
    "Tanh": "math.tanh(x)",
    "Tile": "tile(input, multiples)",
    "TopKV2": "math.top_k(input, k)",
    "Transpose": "transpose(a, perm)",
    "Unpack": "unstack(value, num=num, axis=axis)",
    "ZerosLike": "zeros_like(input)",
}
"""Function, its parameters in the order of the node's inputs (`*` takes all), and parameters that are attributes."""


@operation("TensorFlowOpLayer")
def node_layer(layer: Layer, *arguments: Any) -> ir.Value | tuple[ir.Value, ...]:
    """A layer that stands for one node; its constants stand at their places among its inputs."""
    node = layer.get("node_def", {})
    if not isinstance(node, Mapping) or not isinstance(node.get("attr", {}), Mapping):
        raise layer.unsupported("holds a node that is not text")
    inputs, op_type = _inputs(layer, arguments), str(node.get("op"))
    attributes = {name: _value(layer, name, stated) for name, stated in node.get("attr", {}).items()}
    if op_type == "StridedSlice" and len(inputs) == 4:
        return call_bound(OPERATIONS["GetItem"], layer, (inputs[0], _key(layer, inputs[1:], attributes)), {})
    if op_type == "ConcatV2" and len(inputs) > 1:
        return call_bound(FUNCTIONS["concat"], layer, (inputs[:-1],), {"axis": inputs[-1]})
    if op_type == "Einsum":
        return call_bound(OPERATIONS["Einsum"], layer, inputs, {"subscripts": attributes.get("equation")})
    if op_type not in NODES:
        raise UncoveredError(
            f"Layer {layer.spec} is the TensorFlow operation {op_type}, which ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    name, given = _bound(layer, NODES[op_type], inputs, attributes)
    if op_type == "Split":
        given = {"value": given.pop("value"), **given}  # the only one whose axis comes first
    first = next(iter(given))
    return call_bound(FUNCTIONS[name], layer, (given.pop(first),), given)


def _bound(
    layer: Layer, signature: str, inputs: Sequence[Any], attributes: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The function and its arguments by name."""
    name, _, rest = signature.removesuffix(")").partition("(")
    parameters = [part for part in rest.split(", ") if "=" not in part]
    if parameters == ["*values"]:
        given: dict[str, Any] = {"values": list(inputs)}
    elif len(parameters) == len(inputs):
        given = dict(zip(parameters, inputs, strict=True))
    else:
        raise ModelError(f"Layer {layer.spec} has {len(inputs)} inputs in place of {len(parameters)}.")
    for part in rest.split(", ")[len(parameters) :]:
        parameter, _, attribute = part.partition("=")
        if attribute in attributes:
            given[parameter] = attributes[attribute]
    return name, given


def _inputs(layer: Layer, arguments: Sequence[Any]) -> list[Any]:
    given = arguments[0] if len(arguments) == 1 else list(arguments)
    inputs = list(given) if isinstance(given, list) else [given]
    constants = layer.get("constants", {})
    if not isinstance(constants, Mapping) or not all(str(key).isdecimal() for key in constants):
        raise layer.invalid("constants")
    for key in sorted(constants, key=int):
        inputs.insert(int(key), parse_argument(constants[key]))
    return inputs


def _value(layer: Layer, name: str, stated: Any) -> Any:
    """An attribute: protobuf writes 64-bit integers as text, and types by name."""
    if not isinstance(stated, Mapping) or len(stated) != 1:
        raise layer.unsupported(f"has an attribute {name} that cannot be read")
    (kind, value), *_ = stated.items()
    try:
        return _read(kind, value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"Layer {layer.spec} has an attribute {name} that makes no sense.") from error


def _read(kind: str, value: Any) -> Any:
    if kind == "list":
        return [int(one) for one in value.get("i", [])]
    if kind == "i":
        return int(value)
    if kind == "type":
        return _TYPES.get(value, value)
    if kind == "s":
        return base64.b64decode(value).decode()
    return value


@function("strided_slice")
def strided_slice(
    layer: Layer, input_: Any, begin: Any, end: Any, strides: Any = None, **masks: Any
) -> ir.Value | tuple[ir.Value, ...]:
    """The same, called by its name."""
    ones = [1] * len(wholes(layer, begin, "begin"))
    return call_bound(
        OPERATIONS["GetItem"],
        layer,
        (input_, _key(layer, (begin, end, ones if strides is None else strides), masks)),
        {},
    )


def _key(layer: Layer, corners: Sequence[Any], attributes: Mapping[str, Any]) -> list[Any]:
    """What stood in the brackets: of each axis the begin, the end and the stride, or what a bit in a mask says."""
    rows = list(zip(*(wholes(layer, corner, "slice") for corner in corners), strict=False))

    def masked(name: str, place: int) -> bool:
        mask = attributes.get(name, 0)
        return is_whole(mask) and bool(mask >> place & 1)

    key: list[Any] = []
    for place, (begin, end, stride) in enumerate(rows):
        if masked("ellipsis_mask", place):
            key.append(Ellipsis)
        elif masked("new_axis_mask", place):
            key.append(None)
        elif masked("shrink_axis_mask", place):
            key.append(begin)
        else:
            start = None if masked("begin_mask", place) else begin
            key.append(slice(start, None if masked("end_mask", place) else end, stride))
    return key
