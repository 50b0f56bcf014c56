"""MultiHeadAttention and GroupQueryAttention: attention in several heads, between projections.

Vaswani et al., 2017; Ainslie et al., 2023. Tensors inside are `[N, H, T, K]`: heads before steps, as MatMul takes them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.attention import warn_of_dropout
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.masks import above_half, causal, every, truth, window
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.weights import Array

_LOWEST = -1e9
"""The score that Keras gives to a key that a query must not look at."""

Weights = dict[str, Array]


@dataclass(frozen=True)
class _Heads:
    """Sizes: `queries` heads, of which groups share one of the `keys` heads; channels of a head; the output's shape."""

    queries: int
    keys: int
    key_size: int
    value_size: int
    output: tuple[int, ...]


# `.keras` and `.h5` have two names for one class.
@layer("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
def multi_head_attention(
    layer: Layer,
    *given: ir.Value,
    query: ir.Value | None = None,
    value: ir.Value | None = None,
    key: ir.Value | None = None,
    query_mask: ir.Value | None = None,
    value_mask: ir.Value | None = None,
    key_mask: ir.Value | None = None,
    attention_mask: ir.Value | None = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
    training: bool = False,
) -> ir.Value | tuple[ir.Value, ...]:
    """Query `[N, T, C]`, value `[N, S, D]` and key `[N, S, E]`, or the value again, to `[N, T, *output]`.

    Over `attention_axes` of tensors of a higher rank, the other axes are a part of the batch.
    """
    warn_of_dropout(layer, training)
    query, value, key = _tensors(layer, given, query, value, key)
    axes = _axes(layer, len(layer.shape(query)))
    padding = [
        *_padding(layer, "query_mask", query_mask, (1, 3)),
        *_padding(layer, "value_mask", value_mask, (1, 2)),
        *_padding(layer, "key_mask", key_mask, (1, 2)),
    ]
    distance = [causal(layer, query, value, 4)] if use_causal_mask else []
    if layer.get("sliding_window") is not None:
        distance.append(window(layer, query, value, 4, layer.whole("sliding_window", least=1)))
    # Keras has two ways to compute this, which differ where a query may look at nothing.
    nothing_is_zero = return_attention_scores or layer.number("dropout", 0.0) > 0
    as_softmax = _is_grouped(layer) and nothing_is_zero and not padding and not distance
    stated = _stated(layer, attention_mask, above_half if as_softmax else truth, beside_others=bool(padding))
    masks = [*padding, *stated, *distance]
    several = axes != (1,) or len(layer.shape(query)) != 3
    if several and (masks or return_attention_scores):
        raise layer.unsupported(f"masks, or gives out, the scores of tensors of rank {len(layer.shape(query))}")
    q, v, k = (_one_axis(layer, tensor, axes) if several else tensor for tensor in (query, value, key))
    result, scores = _attend(layer, q, v, k, every(layer, masks), nothing_is_zero)
    if several:
        result = _as_before(layer, result, query, axes)
    return (result, scores) if return_attention_scores else result


def _is_grouped(layer: Layer) -> bool:
    return layer.spec.class_name != "MultiHeadAttention"


def _tensors(layer: Layer, given: Sequence[ir.Value], *named: ir.Value | None) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Query, value and key, each by its place or by its name."""
    places = dict(enumerate(given)) | {place: tensor for place, tensor in enumerate(named) if tensor is not None}
    several = len(places) < len(given) + sum(tensor is not None for tensor in named)
    if several or not {0, 1} <= places.keys() <= {0, 1, 2}:
        raise ModelError(f"Layer {layer.spec} takes query, value and maybe key, each once.")
    query, value, key = places[0], places[1], places.get(2, places[1])
    for tensor in (query, value, key):
        if not isinstance(tensor, ir.Value) or tensor.dtype != ir.DataType.FLOAT:
            raise layer.unsupported("is given a query, value or key that is no tensor of float32")
        layer.expect_rank(tensor, max(3, len(layer.shape(query))))
    return query, value, key


def _axes(layer: Layer, rank: int) -> tuple[int, ...]:
    """The axes that attention goes over, counted from the front; without an entry, all but batch and channels."""
    if _is_grouped(layer) and rank != 3:
        raise ModelError(f"Layer {layer.spec} takes rank 3, but is given rank {rank}.")
    given = layer.get("attention_axes", list(range(1, rank - 1)))
    given = given if isinstance(given, list) else [given]
    axes = tuple(axis % rank for axis in given if is_whole(axis) and -rank <= axis < rank)
    if not given or len(set(axes)) < len(given) or not set(axes) <= set(range(1, rank - 1)):
        raise layer.invalid("attention_axes")
    return axes


def _padding(layer: Layer, name: str, mask: ir.Value | None, axes: Sequence[int]) -> list[ir.Value]:
    """A mask of steps, `[N, T]`, with axes for the heads and for the other sequence."""
    if mask is None:
        return []
    layer.expect_rank(layer.tensor(mask, name), 2)
    return [layer.build.op("Unsqueeze", truth(layer, mask), layer.build.ints(*axes, name="axes"))]


def _stated(
    layer: Layer, mask: ir.Value | None, read: Callable[[Layer, ir.Value], ir.Value], *, beside_others: bool
) -> list[ir.Value]:
    """A mask of scores, `[N, T, S]` or `[T, S]` for all heads, or `[N, H, T, S]`."""
    if mask is None:
        return []
    rank = len(layer.shape(layer.tensor(mask, "attention_mask")))
    if not 2 <= rank <= 4 or (rank == 4 and beside_others):
        raise layer.unsupported(f"has an attention_mask of rank {rank}" + " beside other masks" * beside_others)
    boolean = read(layer, mask)
    missing = {2: (0, 1), 3: (1,), 4: ()}[rank]
    return [layer.build.op("Unsqueeze", boolean, layer.build.ints(*missing, name="axes")) if missing else boolean]


def _heads(layer: Layer, query: ir.Value) -> _Heads:
    if _is_grouped(layer):
        queries, keys = layer.whole("num_query_heads", least=1), layer.whole("num_key_value_heads", least=1)
        if queries % keys:
            raise layer.invalid("num_key_value_heads")
        size = layer.whole("head_dim", least=1)
        return _Heads(queries, keys, size, size, (layer.size(query, -1),))
    number, size = layer.whole("num_heads", least=1), layer.whole("key_dim", least=1)
    output = layer.get("output_shape") or layer.size(query, -1)
    output = output if isinstance(output, list) else [output]
    if not all(is_whole(part) and part > 0 for part in output):
        raise layer.invalid("output_shape")
    return _Heads(number, number, size, layer.whole("value_dim", size, least=1), tuple(output))


def _weights(layer: Layer, heads: _Heads, query: ir.Value, value: ir.Value, key: ir.Value) -> dict[str, Weights]:
    kernels = {
        "query": (layer.size(query, -1), heads.queries, heads.key_size),
        "key": (layer.size(key, -1), heads.keys, heads.key_size),
        "value": (layer.size(value, -1), heads.keys, heads.value_size),
        "attention_output": (heads.queries, heads.value_size, *heads.output),
    }
    if layer.flag("use_gate", False):
        kernels["gate"] = (layer.size(query, -1), heads.queries, heads.value_size)
    biases = {name: shape[1 if name != "attention_output" else 2 :] for name, shape in kernels.items()}
    biased = layer.flag("use_bias", True)
    shapes = {name: {"kernel": shape} | ({"bias": biases[name]} if biased else {}) for name, shape in kernels.items()}
    return layer.take_inner(**shapes)


def _attend(
    layer: Layer, query: ir.Value, value: ir.Value, key: ir.Value, mask: ir.Value | None, nothing_is_zero: bool
) -> tuple[ir.Value, ir.Value]:
    """The result `[N, T, *output]`, and the weights `[N, H, T, S]` that the heads give to the keys."""
    build, heads = layer.build, _heads(layer, query)
    weights = _weights(layer, heads, query, value, key)
    q = _projected(layer, query, weights, "query", (0, 2, 1, 3))
    k = _projected(layer, key, weights, "key", (0, 2, 3, 1), heads.queries // heads.keys)
    v = _projected(layer, value, weights, "value", (0, 2, 1, 3), heads.queries // heads.keys)
    root = layer.constant(np.full((1, 1, 1, 1), 1 / math.sqrt(heads.key_size)), "root")
    scores = build.op("MatMul", build.op("Mul", q, root), k)
    if mask is not None:
        scores = build.op("Where", mask, scores, layer.constant(np.full((1, 1, 1, 1), _LOWEST), "lowest"))
    scores = build.op("Softmax", scores, axis=-1)
    if mask is not None and nothing_is_zero:
        scores = build.op("Where", mask, scores, layer.constant(np.zeros((1, 1, 1, 1)), "zero"))
    mixed = build.op("Transpose", build.op("MatMul", scores, v), perm=(0, 2, 1, 3))
    rows = build.op("Reshape", mixed, build.ints(0, 0, heads.queries * heads.value_size, name="shape"))
    if "gate" in weights:
        rows = build.op("Mul", rows, build.op("Sigmoid", _dense(layer, query, weights, "gate", bound=1)))
    result = _dense(layer, rows, weights, "attention_output", bound=2)
    if len(heads.output) > 1:
        result = build.op("Reshape", result, build.ints(0, 0, *heads.output, name="shape"))
    return result, scores


def _projected(
    layer: Layer, x: ir.Value, weights: Mapping[str, Weights], name: str, perm: Sequence[int], repeats: int = 1
) -> ir.Value:
    """`[N, T, C]` to heads, in the wanted order of axes; each head several times in a row with `repeats`."""
    build, (_, heads, size) = layer.build, weights[name]["kernel"].shape
    y = build.op("Reshape", _dense(layer, x, weights, name, bound=1), build.ints(0, 0, heads, size, name="shape"))
    if repeats > 1:
        y = build.op("Gather", y, build.ints(*np.repeat(range(heads), repeats), name="heads"), axis=2)
    return build.op("Transpose", y, perm=perm)


def _dense(layer: Layer, x: ir.Value, weights: Mapping[str, Weights], name: str, bound: int) -> ir.Value:
    """`[N, T, K]` times the kernel `name` as a matrix, summed over its first `bound` axes, plus bias."""
    kernel, bias = weights[name]["kernel"], weights[name].get("bias")
    matrix = kernel.reshape(math.prod(kernel.shape[:bound]), -1)
    y = layer.build.op("MatMul", x, layer.constant(matrix, f"{name}_kernel"))
    return y if bias is None else layer.build.op("Add", y, layer.constant(bias.reshape(1, 1, -1), f"{name}_bias"))


def _one_axis(layer: Layer, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """`[N * other axes, attention axes, C]`."""
    build, perm = layer.build, _attention_last(layer, x, axes)
    steps = math.prod(layer.size(x, axis) for axis in axes)
    turned = x if perm == sorted(perm) else build.op("Transpose", x, perm=perm)
    return build.op("Reshape", turned, build.ints(-1, steps, layer.size(x, -1), name="shape"))


def _as_before(layer: Layer, y: ir.Value, query: ir.Value, axes: Sequence[int]) -> ir.Value:
    """Undoes `_one_axis` for the result, which has the query's axes, and those of the output behind them."""
    build, perm = layer.build, _attention_last(layer, query, axes)[:-1]
    outputs = layer.shape(y)[2:]
    sizes = [layer.size(query, axis) for axis in perm[1:]]
    spread = build.op("Reshape", y, build.ints(-1, *sizes, *(size or 0 for size in outputs), name="shape"))
    if query.shape is not None:
        spread.shape = ir.Shape([query.shape[0], *sizes, *outputs])
    back = [perm.index(axis) for axis in range(len(perm))] + list(range(len(perm), len(perm) + len(outputs)))
    return spread if back == sorted(back) else build.op("Transpose", spread, perm=back)


def _attention_last(layer: Layer, x: ir.Value, axes: Sequence[int]) -> list[int]:
    rank = len(layer.shape(x))
    others: list[Any] = [axis for axis in range(rank - 1) if axis not in axes]
    return [*others, *axes, rank - 1]
