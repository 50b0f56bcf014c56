"""Attention and AdditiveAttention."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras, randomise

LAYERS = {
    "dot": lambda: layers.Attention(),
    "dot scaled": lambda: layers.Attention(use_scale=True, dropout=0.3),
    "concat": lambda: layers.Attention(score_mode="concat"),
    "concat scaled": lambda: layers.Attention(score_mode="concat", use_scale=True),
    "additive": lambda: layers.AdditiveAttention(),
    "additive unscaled": lambda: layers.AdditiveAttention(use_scale=False),
}
CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "causal": {"use_causal_mask": True},
    "scores": {"return_attention_scores": True, "use_causal_mask": True},
}


def floats(name: str, *shape: int | None) -> keras.KerasTensor:
    return keras.Input(shape, name=name)


def whole(name: str, *shape: int | None) -> keras.KerasTensor:
    return keras.Input(shape, name=name, dtype="int32")


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("call", CALLS)
def test_query_value_and_key(kind: str, call: str, tmp_path: Path) -> None:
    tensors = [floats("q", 5, 4), floats("v", 7, 3), floats("k", 7, 4)]
    outputs = LAYERS[kind]()(tensors, **CALLS[call])
    check_against_keras(keras.Model(tensors, outputs), tmp_path, output_names=call != "scores")


@pytest.mark.parametrize("kind", ["dot scaled", "additive"])
@pytest.mark.parametrize("call", CALLS)
def test_a_sequence_with_itself_and_open_time(kind: str, call: str, tmp_path: Path) -> None:
    x = floats("x", None, 4)
    y = layers.Conv1D(4, 3, padding="same")(x)
    outputs = LAYERS[kind]()([y, y], **CALLS[call])
    check_against_keras(keras.Model(x, outputs), tmp_path, lengths=(6, 11), output_names=call != "scores")


@pytest.mark.parametrize("kind", ["dot", "additive"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("which", ["query", "value", "both"])
def test_masks(kind: str, causal: bool, which: str, tmp_path: Path) -> None:
    x, v, m, n = floats("q", 5, 4), floats("v", 7, 4), whole("m", 5), whole("n", 7)
    given = {"query": [m, None], "value": [None, n], "both": [m, n]}[which]
    y = LAYERS[kind]()([x, v], mask=given, use_causal_mask=causal)
    inputs = [x, v, *(mask for mask in given if mask is not None)]
    check_against_keras(keras.Model(inputs, y), tmp_path)


def saved(tmp_path: Path, **call: Any) -> Path:
    q, v = floats("q", 5, 4), floats("v", 7, 4)
    model = keras.Model([q, v], layers.Attention()([q, v], **call))
    randomise(model)
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_causal_as_an_entry_of_old_files(tmp_path: Path) -> None:
    """TensorFlow until 2.9 wrote `causal`, which Keras 3 does not know."""
    right = read_keras(saved(tmp_path, use_causal_mask=True))
    path = saved(tmp_path)
    config = config_of(path)
    config["config"]["layers"][-1]["config"]["causal"] = True
    read = read_keras(with_config(path, config))
    assert [node.op_type for node in read.graph.graph] == [node.op_type for node in right.graph.graph]
    assert "Where" in [node.op_type for node in read.graph.graph]


def test_dropout_at_inference_is_told(tmp_path: Path) -> None:
    x = floats("x", 5, 4)
    model = keras.Model(x, layers.Attention(dropout=0.2)([x, x], training=True))
    model.save(tmp_path / "model.keras")
    assert "outputs are random" in read_keras(tmp_path / "model.keras").warnings[0]


def test_one_tensor_is_too_few(tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    arguments = config["config"]["layers"][-1]["inbound_nodes"][0]["args"]
    arguments[0] = arguments[0][:1]
    with pytest.raises(ModelError, match="takes query, value and maybe key, but is given 1"):
        read_keras(with_config(path, config))


def test_a_tensor_behind_one_that_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    arguments = config["config"]["layers"][-1]["inbound_nodes"][0]["args"]
    arguments[0] = [arguments[0][0], None, arguments[0][1]]
    with pytest.raises(UnsupportedError, match="called with None before a tensor"):
        read_keras(with_config(path, config))


@pytest.mark.parametrize("mask", [True, [True, None], [True]])
def test_masks_that_are_no_tensors(mask: Any, tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    config["config"]["layers"][-1]["inbound_nodes"][0]["kwargs"] = {"mask": mask}
    with pytest.raises((ModelError, UnsupportedError), match="mask"):
        read_keras(with_config(path, config))


def test_a_query_that_may_look_at_nothing(tmp_path: Path) -> None:
    """Keras takes the same off all scores then: their differences still count, as far as float32 has them."""
    x, n = floats("x", 5, 4), whole("n", 5)
    model = keras.Model([x, n], layers.Attention()([x, x], mask=[None, layers.Rescaling(0.0)(n)]))
    assert np.all(model([np.ones((1, 5, 4)), np.ones((1, 5))]) == 1)
    check_against_keras(model, tmp_path, spread=100.0)
