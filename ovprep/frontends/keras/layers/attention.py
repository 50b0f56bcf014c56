"""Attention and AdditiveAttention, with one head and no projections."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.masks import causal, every, truth
from ovprep.frontends.keras.layers.registry import layer

_FAR = 1e9
"""What Keras takes off the score of a key that a query must not look at."""


@layer("Attention", "AdditiveAttention")
def attention(
    layer: Layer,
    *given: ir.Value,
    mask: Any = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
    training: bool = False,
) -> ir.Value | tuple[ir.Value, ...]:
    """Query `[N, T, C]`, value `[N, S, D]` and key `[N, S, C]`, or the value again, to `[N, T, D]`.

    Luong et al., 2015, and Bahdanau et al., 2015. The mask is a list of the query's `[N, T]` and the value's `[N, S]`.
    """
    if len(given) not in (2, 3):
        raise ModelError(f"Layer {layer.spec} takes query, value and maybe key, but is given {len(given)} tensors.")
    for tensor in given:
        layer.expect_rank(tensor, 3)
    warn_of_dropout(layer, training)
    build, (query, value), key = layer.build, given[:2], given[-1]
    query_mask, value_mask = _masks(layer, mask)
    scores = _scores(layer, query, key)
    allowed = []
    if value_mask is not None:
        allowed.append(build.op("Unsqueeze", value_mask, build.ints(1, name="axes")))
    # Until TensorFlow 2.9, `causal` stood in the configuration.
    if use_causal_mask or layer.flag("causal", False):
        allowed.append(causal(layer, query, value, 3))
    both = every(layer, allowed)
    if both is not None:
        far = layer.constant(np.full((1, 1, 1), _FAR), "far")
        scores = build.op("Where", both, scores, build.op("Sub", scores, far))
    weights = build.op("Softmax", scores, axis=-1)
    result = build.op("MatMul", weights, value)
    if query_mask is not None:
        inside = build.op("Unsqueeze", query_mask, build.ints(2, name="axes"))
        result = build.op("Where", inside, result, layer.constant(np.zeros((1, 1, 1)), "zero"))
    return (result, weights) if return_attention_scores else result


def warn_of_dropout(layer: Layer, training: bool) -> None:
    """Says so where the model asks for the noise of training at inference."""
    if training and layer.number("dropout", 0.0):
        layer.warn("is called with training=True, so that its outputs are random in Keras; ovprep leaves it out.")


def _masks(layer: Layer, mask: Any) -> tuple[ir.Value | None, ir.Value | None]:
    if mask is None:
        return None, None
    if not isinstance(mask, list) or len(mask) not in (2, 3):
        raise ModelError(f"Layer {layer.spec} takes a list of masks, for query and value.")
    both = []
    for one in mask[:2]:
        if one is not None:
            layer.expect_rank(layer.tensor(one, "mask"), 2)
        both.append(None if one is None else truth(layer, one))
    return both[0], both[1]


def _scores(layer: Layer, query: ir.Value, key: ir.Value) -> ir.Value:
    """`[N, T, S]`: a dot product, or a sum over the tanh of what query and key add up to."""
    build, additive = layer.build, layer.spec.class_name == "AdditiveAttention"
    scaled = layer.flag("use_scale", additive)
    if additive:
        channels = layer.size(query, -1)
        scale = layer.take(scale=(channels,))["scale"] if scaled else layer.take() or np.ones(1)
        return _sum_of_tanh(layer, query, key, None, np.asarray(scale))
    concat = layer.choice("score_mode", ("dot", "concat")) == "concat"
    names = ["scale"] * scaled + ["concat_score_weight"] * concat
    weights = layer.take(**dict.fromkeys(names, ()))
    if concat:
        return _sum_of_tanh(layer, query, key, weights.get("scale"), weights["concat_score_weight"])
    scores = build.op("MatMul", query, build.op("Transpose", key, perm=(0, 2, 1)))
    if not scaled:
        return scores
    return build.op("Mul", scores, layer.constant(weights["scale"].reshape(1, 1, 1), "scale"))


def _sum_of_tanh(layer: Layer, query: ir.Value, key: ir.Value, inside: Any, outside: Any) -> ir.Value:
    """`sum(outside * tanh(inside * (query + key)))`, with a number or one per channel for each factor."""
    build = layer.build
    rows = build.op("Unsqueeze", query, build.ints(2, name="axes"))
    columns = build.op("Unsqueeze", key, build.ints(1, name="axes"))
    both = build.op("Add", rows, columns)
    if inside is not None:
        both = build.op("Mul", both, layer.constant(inside.reshape(1, 1, 1, -1), "scale"))
    terms = build.op("Mul", build.op("Tanh", both), layer.constant(outside.reshape(1, 1, 1, -1), "weight"))
    return build.op("ReduceSum", terms, build.ints(3, name="axes"), keepdims=0)
