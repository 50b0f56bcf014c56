"""Functions of TensorFlow that are no operation of Keras under another name."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.operations.activations import leaky_relu
from ovprep.frontends.keras.operations.comparing import one_hot
from ovprep.frontends.keras.operations.functions import function
from ovprep.frontends.keras.operations.joining import concatenate, get_item, split, split_by, take
from ovprep.frontends.keras.operations.operands import (
    FLOAT,
    axes_in,
    cast,
    floats,
    given_tensor,
    matched,
    scalar,
    tensor,
    tensor_list,
    type_named,
    wholes,
)
from ovprep.frontends.keras.operations.products import matmul
from ovprep.frontends.keras.operations.reducing import (
    argsort,
    cumsum,
    mean,
    norm,
    place_of_extreme,
    reduce,
    sort,
    var,
)
from ovprep.frontends.keras.operations.shaping import pad, squeeze, swapaxes, transpose
from ovprep.frontends.keras.operations.sizes import carried, carry, shape_of


@function("shape")
def shape(layer: Layer, input: Any, out_type: Any = "int32") -> ir.Value:  # noqa: A002 (the name in TensorFlow)
    """The sizes of a tensor."""
    return shape_of(layer, given_tensor(layer, input), type_named(layer, out_type))


@function("concat")
def concat(layer: Layer, values: Any, axis: Any) -> ir.Value:
    """One behind the other; parts of shapes give a shape."""
    items = tensor_list(layer, values)
    result = concatenate(layer, items, axis)
    sizes = [part for part in map(carried, items) if part is not None and part.ndim == 1]
    if len(sizes) == len(items):
        carry(result, np.concatenate(sizes))
    return result


@function("transpose")
def transpose_(layer: Layer, a: Any, perm: Any = None, conjugate: Any = False) -> ir.Value:
    """Of real numbers, so that `conjugate` does nothing."""
    return transpose(layer, a, perm)


@function("linalg.matrix_transpose")
def matrix_transpose(layer: Layer, a: Any, conjugate: Any = False) -> ir.Value:
    """The last two axes change places."""
    return swapaxes(layer, a, -1, -2)


@function("squeeze")
def squeeze_(layer: Layer, input: Any, axis: Any = None, squeeze_dims: Any = None) -> ir.Value:  # noqa: A002
    """An empty list of axes means all of size one."""
    return squeeze(layer, input, (axis or squeeze_dims) if axis != 0 else 0)


@function("pad")
def pad_(layer: Layer, tensor: Any, paddings: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> ir.Value:
    """The mode in any case."""
    return pad(layer, tensor, constant_values, pad_width=paddings, mode=str(mode).lower())


@function("split")
def split_(layer: Layer, value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None) -> tuple[ir.Value, ...]:
    """Into so many parts, or into parts of the given sizes, one of which may be -1."""
    if not isinstance(num_or_size_splits, (list, tuple)):
        return split(layer, value, num_or_size_splits, axis)
    (place,) = axes_in(layer, axis, len(layer.shape(given_tensor(layer, value))))
    sizes = list(wholes(layer, num_or_size_splits, "num_or_size_splits"))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = layer.size(value, place) - sum(sizes) - 1
    return split_by(layer, value, sizes, place)


@function("gather")
def gather(
    layer: Layer, params: Any, indices: Any, axis: Any = None, batch_dims: Any = 0, validate_indices: Any = None
) -> ir.Value:
    """Along the first axis where none is named."""
    if batch_dims:
        raise layer.unsupported("gathers for each sample of a batch")
    return take(layer, params, indices, 0 if axis is None else axis)


@function("slice")
def slice_(layer: Layer, input_: Any, begin: Any, size: Any) -> ir.Value:
    """`size` places from `begin` on, -1 for all that follow."""
    starts, lengths = wholes(layer, begin, "begin"), wholes(layer, size, "size")
    if len(starts) != len(lengths):
        raise ModelError(f"Layer {layer.spec} slices from {begin!r} by {size!r}, which makes no sense.")
    ends = [None if length == -1 else start + length for start, length in zip(starts, lengths, strict=True)]
    return get_item(layer, input_, [slice(*ends_of) for ends_of in zip(starts, ends, strict=True)])


@function("one_hot")
def one_hot_(
    layer: Layer,
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
) -> ir.Value:
    """One and zero, in float32 where no type is named."""
    if on_value not in (None, 1) or off_value not in (None, 0):
        raise layer.unsupported("fills a one-hot tensor with other numbers than one and zero")
    return one_hot(layer, indices, depth, -1 if axis is None else axis, dtype)


@function("math.argmax")
def argmax_(layer: Layer, input: Any, axis: Any = None, output_type: Any = "int64") -> ir.Value:  # noqa: A002
    """Along the first axis where none is named."""
    place = place_of_extreme(layer, "ArgMax", input, axis or 0, keepdims=False)
    return cast(layer, place, type_named(layer, output_type))


@function("math.argmin")
def argmin_(layer: Layer, input: Any, axis: Any = None, output_type: Any = "int64") -> ir.Value:  # noqa: A002
    """Along the first axis where none is named."""
    place = place_of_extreme(layer, "ArgMin", input, axis or 0, keepdims=False)
    return cast(layer, place, type_named(layer, output_type))


@function("math.cumsum")
def cumsum_(layer: Layer, x: Any, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> ir.Value:
    """`exclusive` leaves out the place itself; `reverse` sums from the end."""
    return cumsum(layer, x, axis, exclusive=bool(exclusive), reverse=bool(reverse))


@function("sort")
def sort_(layer: Layer, values: Any, axis: Any = -1, direction: Any = "ASCENDING") -> ir.Value:
    """From the smallest to the largest."""
    if direction != "ASCENDING":
        raise layer.unsupported(f"sorts in the direction {direction!r}")
    return sort(layer, values, axis)


@function("argsort")
def argsort_(layer: Layer, values: Any, axis: Any = -1, direction: Any = "ASCENDING", stable: Any = False) -> ir.Value:
    """From the smallest to the largest."""
    if direction != "ASCENDING":
        raise layer.unsupported(f"sorts in the direction {direction!r}")
    return argsort(layer, values, axis)


@function("norm", "linalg.norm")
def norm_(layer: Layer, tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = False) -> ir.Value:  # noqa: A002
    """The Euclidean one, where no other is named."""
    return norm(layer, tensor, ord, axis, bool(keepdims))


@function("math.l2_normalize", "nn.l2_normalize", "linalg.l2_normalize")
def l2_normalize(layer: Layer, x: Any, axis: Any = None, epsilon: Any = 1e-12, dim: Any = None) -> ir.Value:
    """x over the root of the sum of its squares, which counts as at least epsilon."""
    x, build = floats(layer, x), layer.build
    axis = dim if axis is None else axis
    squares = reduce(layer, "ReduceSum", build.op("Mul", x, x), axis, keepdims=True)
    return build.op("Div", x, build.op("Sqrt", build.op("Max", squares, scalar(layer, epsilon, squares))))


@function("linalg.normalize")
def normalize(layer: Layer, tensor: Any, ord: Any = "euclidean", axis: Any = None) -> tuple[ir.Value, ...]:  # noqa: A002
    """The tensor over its norm, and the norm."""
    length = norm(layer, tensor, ord, axis, keepdims=True)
    return layer.build.op("Div", floats(layer, tensor), length), length


@function("linalg.matmul", "matmul")
def matmul_(layer: Layer, a: Any, b: Any, transpose_a: Any = False, transpose_b: Any = False) -> ir.Value:
    """Either factor may be turned."""
    a, b = (tensor(layer, factor, FLOAT) for factor in (a, b))
    a = swapaxes(layer, a, -1, -2) if transpose_a else a
    b = swapaxes(layer, b, -1, -2) if transpose_b else b
    return matmul(layer, a, b)


@function("math.add_n")
def add_n(layer: Layer, inputs: Any) -> ir.Value:
    """The sum of all."""
    first, *others = matched(layer, *tensor_list(layer, inputs))
    for other in others:
        first = layer.build.op("Add", first, other)
    return first


@function("nn.leaky_relu")
def leaky_relu_(layer: Layer, features: Any, alpha: Any = 0.2) -> ir.Value:
    """Slope alpha below zero."""
    return leaky_relu(layer, features, alpha)


@function("nn.silu", "nn.swish")
def silu(layer: Layer, features: Any, beta: Any = 1.0) -> ir.Value:
    """x * sigmoid(beta * x)."""
    x = floats(layer, features)
    scaled = x if beta == 1 else layer.build.op("Mul", *matched(layer, x, beta))
    return layer.build.op("Mul", x, layer.build.op("Sigmoid", scaled))


@function("nn.bias_add")
def bias_add(layer: Layer, value: Any, bias: Any, data_format: Any = None) -> ir.Value:
    """One number for each channel, the last axis, or the second where the format begins with NC."""
    value = given_tensor(layer, value)
    rank = len(layer.shape(value))
    row = tensor(layer, bias, FLOAT)
    if len(layer.shape(row)) != 1:
        raise ModelError(f"Layer {layer.spec} adds a bias of rank {len(layer.shape(row))}.")
    if isinstance(data_format, str) and data_format.startswith("NC"):
        spread = [1] * rank
        spread[1] = -1
        row = layer.build.op("Reshape", row, layer.build.ints(*spread, name="shape"))
        return layer.build.op("Add", value, row)
    return layer.build.op("Add", *matched(layer, value, bias))


@function("nn.moments")
def moments(layer: Layer, x: Any, axes: Any, shift: Any = None, keepdims: Any = False) -> tuple[ir.Value, ...]:
    """Mean and variance."""
    return mean(layer, x, axes, bool(keepdims)), var(layer, x, axes, bool(keepdims))


@function("nn.batch_normalization")
def batch_normalization(
    layer: Layer, x: Any, mean: Any, variance: Any, offset: Any = None, scale: Any = None, variance_epsilon: Any = 0.0
) -> ir.Value:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""
    build = layer.build
    x, mean, variance = matched(layer, x, mean, variance)
    y = build.op("Sub", x, mean)
    y = build.op("Div", y, build.op("Sqrt", build.op("Add", variance, scalar(layer, variance_epsilon, variance))))
    y = y if scale is None else build.op("Mul", *matched(layer, y, scale))
    return y if offset is None else build.op("Add", *matched(layer, y, offset))


@function("keras.backend.batch_flatten")
def batch_flatten(layer: Layer, x: Any) -> ir.Value:
    """All axes but the batch in one."""
    return layer.build.op("Reshape", given_tensor(layer, x), layer.build.ints(0, -1, name="shape"))
