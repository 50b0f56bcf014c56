"""Attention, embeddings and their like in the files that Keras 2 writes, against Keras 2 itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import tf_keras
from tf_keras import layers

from ovprep.frontends.keras.reader import read_keras
from ovprep.interface import Port

BATCH = 3

Tensor = object
Make = Callable[..., object]


def nested(a: Tensor, b: Tensor) -> Tensor:
    """A Functional model inside, whose calls Keras 2 counts from one, as an option."""
    x = tf_keras.Input((7, 4))
    inner = tf_keras.Model(x, layers.Dense(4)(x), name="inner")
    return layers.MultiHeadAttention(2, 3)(a, value=inner(b), key=b)


CALLS: dict[str, Make] = {
    "heads": lambda a, b: layers.MultiHeadAttention(2, 3, dropout=0.1)(a, b),
    "heads by name": lambda a, b: layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=6)(a, value=b, key=b),
    "causal": lambda a, b: layers.MultiHeadAttention(2, 3, use_bias=False)(a, b, use_causal_mask=True),
    "scores": lambda a, b: layers.MultiHeadAttention(2, 3)(a, b, return_attention_scores=True),
    "axes": lambda a, b: layers.MultiHeadAttention(2, 3, attention_axes=1)(a, b),
    "nested": nested,
    "dot": lambda a, b: layers.Attention(use_scale=True)([a, b]),
    "concat": lambda a, b: layers.Attention(score_mode="concat")([a, b], use_causal_mask=True),
    "additive": lambda a, b: layers.AdditiveAttention()([a, b]),
    "einsum": lambda a, b: layers.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="de")(layers.Dot(2)([a, b])),
}
OF_ROWS: dict[str, Make] = {
    "embedding": lambda t: layers.Flatten()(layers.Embedding(7, 4, input_length=9)(t)),
    "counts": lambda t: layers.CategoryEncoding(7, output_mode="count")(t),
    "bins": lambda t: layers.Embedding(3, 4)(layers.Discretization([1.5, 4.0])(t)),
}


def check(model: tf_keras.Model, path: Path) -> None:
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.7, array.shape) for array in model.get_weights()])
    model.save(path)
    source = read_keras(path)
    feeds = {port.name: feed(port, random) for port in source.interface.inputs}
    session = onnxruntime.InferenceSession(ir.to_proto(source.graph).SerializeToString())
    wanted = model([feeds[name] for name in model.input_names])
    results = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    for found, right in zip(session.run(None, feeds), results, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-6 * max(1, np.abs(right).max()))


def feed(port: Port, random: np.random.Generator) -> np.ndarray:
    shape = port.shape({"batch": BATCH})
    noise = random.normal(size=shape) if len(shape) == 3 else random.integers(0, 7, shape)
    return noise.astype(port.dtype)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("call", CALLS)
def test_two_sequences(call: str, suffix: str, tmp_path: Path) -> None:
    a, b = tf_keras.Input((9, 4), name="a"), tf_keras.Input((7, 4), name="b")
    check(tf_keras.Model([a, b], CALLS[call](a, b)), tmp_path / f"model{suffix}")


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("call", OF_ROWS)
def test_row_numbers(call: str, suffix: str, tmp_path: Path) -> None:
    t = tf_keras.Input((9,), name="t")
    check(tf_keras.Model(t, OF_ROWS[call](t)), tmp_path / f"model{suffix}")
