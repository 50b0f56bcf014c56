"""Embedding: rows of a table by their numbers."""

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer

_WHOLE = (ir.DataType.INT32, ir.DataType.INT64)


@layer("Embedding")
def embedding(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W]` whole numbers to `[N, W, output_dim]`; floats lose their fraction first."""
    return _rows(layer, x, layer.take(embeddings=_shape(layer))["embeddings"])


@layer("ReversibleEmbedding")
def reversible_embedding(layer: Layer, x: ir.Value, *, reverse: bool = False) -> ir.Value:
    """As Embedding; with `reverse` from `[..., output_dim]` back to a score per row, by the same table or another."""
    if layer.get("reverse_dtype", "float32") != "float32":
        raise layer.unsupported(f"goes back in {layer.get('reverse_dtype')}")
    shape, tied = _shape(layer), layer.flag("tie_weights", True)
    weights = layer.take(embeddings=shape, **({} if tied else {"reverse_embeddings": shape[::-1]}))
    if not reverse:
        return _rows(layer, x, weights["embeddings"])
    build = layer.build
    table = weights["embeddings"].T if tied else weights["reverse_embeddings"]
    scores = build.op("MatMul", x, layer.constant(table, "reverse_embeddings"))
    if layer.get("logit_soft_cap") is None:
        return scores
    cap = layer.constant(np.full((1,) * len(layer.shape(scores)), layer.number("logit_soft_cap")), "cap")
    return build.op("Mul", build.op("Tanh", build.op("Div", scores, cap)), cap)


def _shape(layer: Layer) -> tuple[int, int]:
    return layer.whole("input_dim", least=1), layer.whole("output_dim", least=1)


def _rows(layer: Layer, x: ir.Value, table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> ir.Value:
    numbers = x if x.dtype in _WHOLE else layer.build.op("Cast", x, to=int(ir.DataType.INT32))
    return layer.build.op("Gather", layer.constant(table, "embeddings"), numbers, axis=0)
