"""MultiHeadAttention and GroupQueryAttention."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, OvprepError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras, randomise

LAYERS: dict[str, Callable[[], keras.Layer]] = {
    "plain": lambda: layers.MultiHeadAttention(3, 2),
    "dropout": lambda: layers.MultiHeadAttention(3, 2, dropout=0.2),
    "value_dim": lambda: layers.MultiHeadAttention(3, 2, value_dim=5),
    "no bias": lambda: layers.MultiHeadAttention(3, 2, use_bias=False, value_dim=5),
    "output": lambda: layers.MultiHeadAttention(3, 2, output_shape=6),
    "two outputs": lambda: layers.MultiHeadAttention(3, 2, output_shape=(6, 2)),
    "gate": lambda: layers.MultiHeadAttention(3, 2, value_dim=5, use_gate=True),
    "window": lambda: layers.MultiHeadAttention(3, 2, sliding_window=2),
    "group": lambda: layers.GroupQueryAttention(2, 6, 3),
    "one key head": lambda: layers.GroupQueryAttention(2, 3, 1, dropout=0.2),
    "each its own": lambda: layers.GroupQueryAttention(2, 3, 3, use_bias=False),
    "group gate": lambda: layers.GroupQueryAttention(2, 4, 2, use_gate=True),
    "group window": lambda: layers.GroupQueryAttention(2, 4, 2, sliding_window=3),
}
CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "causal": {"use_causal_mask": True},
    "scores": {"return_attention_scores": True, "use_causal_mask": True},
}
MASKED = {
    "uniform": lambda: layers.MultiHeadAttention(3, 2),
    "zero": lambda: layers.MultiHeadAttention(3, 2, dropout=0.2),
    "group": lambda: layers.GroupQueryAttention(2, 6, 3),
    "group zero": lambda: layers.GroupQueryAttention(2, 6, 3, dropout=0.2),
}


def floats(name: str, *shape: int | None) -> keras.KerasTensor:
    return keras.Input(shape, name=name)


def whole(name: str, *shape: int | None) -> keras.KerasTensor:
    return keras.Input(shape, name=name, dtype="int32")


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("call", CALLS)
def test_query_value_and_key(kind: str, call: str, tmp_path: Path) -> None:
    grouped = type(LAYERS[kind]()) is layers.GroupQueryAttention
    tensors = [floats("q", 5, 4), floats("v", 7, 4 if grouped else 3), floats("k", 7, 6)]
    outputs = LAYERS[kind]()(*tensors, **CALLS[call])
    # Keras states a square of scores, where they are one for each query and key.
    names = {"output_names": call != "scores", "shapes": call != "scores" and kind != "two outputs"}
    check_against_keras(keras.Model(tensors, outputs), tmp_path, **names)


@pytest.mark.parametrize("kind", ["plain", "window", "gate", "group", "group window"])
@pytest.mark.parametrize("call", ["plain", "causal"])
def test_a_sequence_with_itself_and_open_time(kind: str, call: str, tmp_path: Path) -> None:
    x = floats("x", None, 4)
    y = layers.Conv1D(4, 3, padding="same")(x)
    y = LAYERS[kind]()(y, y, **CALLS[call])
    y = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(layers.Add()([x, y])))
    check_against_keras(keras.Model(x, y), tmp_path, lengths=(6, 11))


def test_tensors_by_name(tmp_path: Path) -> None:
    q, v, k = floats("q", 5, 4), floats("v", 7, 4), floats("k", 7, 4)
    y = layers.MultiHeadAttention(2, 3)(q, key=k, value=v)
    y = layers.GroupQueryAttention(2, 4, 2)(query=y, value=k)
    check_against_keras(keras.Model([q, v, k], y), tmp_path)


@pytest.mark.parametrize("name", ["query", "attention_output"])
def test_a_name_that_is_also_one_inside(name: str, tmp_path: Path) -> None:
    x = floats("x", 5, 4)
    check_against_keras(keras.Model(x, layers.MultiHeadAttention(2, 3, name=name)(x, x)), tmp_path)


def test_inside_a_model_inside_the_model(tmp_path: Path) -> None:
    x = floats("x", 5, 4)
    inner = keras.Model(x, layers.MultiHeadAttention(2, 3, name="heads")(x, x), name="inner")
    y = floats("y", 5, 4)
    check_against_keras(keras.Model(y, inner(layers.Dense(4)(inner(y)))), tmp_path, output_names=False)


AXES: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [
    ((3, 5, 4), (3, 7, 4), 2),
    ((5, 3, 4), (7, 3, 4), [1]),
    ((3, 5, 4), (2, 7, 4), None),
    ((3, 5, 4), (2, 7, 4), [2, 1]),
    ((3, 5, 4), (3, 7, 4), -2),
]


@pytest.mark.parametrize("options", [{}, {"output_shape": (6, 2)}], ids=str)
@pytest.mark.parametrize(("query", "value", "axes"), AXES)
def test_attention_axes(
    query: tuple[int, ...], value: tuple[int, ...], axes: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    tensors = [floats("q", *query), floats("v", *value)]
    y = layers.MultiHeadAttention(2, 3, attention_axes=axes, **options)(*tensors)
    check_against_keras(keras.Model(tensors, y), tmp_path, shapes=not options)


MASKS: dict[str, dict[str, tuple[int, ...]]] = {
    "scores": {"attention_mask": (5, 7)},
    "scores by head": {"attention_mask": (6, 5, 7)},
    "value": {"value_mask": (7,)},
    "key": {"key_mask": (7,)},
    "value and scores": {"value_mask": (7,), "attention_mask": (5, 7)},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("kind", MASKED)
def test_masks(kind: str, masks: str, call: str, tmp_path: Path) -> None:
    q, v = floats("q", 5, 4), floats("v", 7, 4)
    shapes = {name: shape if "group" in kind or len(shape) < 3 else (3, 5, 7) for name, shape in MASKS[masks].items()}
    given = {name: whole(name, *shape) for name, shape in shapes.items()}
    outputs = MASKED[kind]()(q, v, **given, **CALLS[call])
    model = keras.Model([q, v, *given.values()], outputs)
    check_against_keras(model, tmp_path, output_names=call != "scores", shapes=call != "scores")


@pytest.mark.parametrize("kind", MASKED)
def test_a_mask_of_truths(kind: str, tmp_path: Path) -> None:
    q, m = floats("q", 5, 4), keras.Input((5, 5), name="m", dtype="bool")
    check_against_keras(keras.Model([q, m], MASKED[kind]()(q, q, attention_mask=m)), tmp_path)


@pytest.mark.parametrize("kind", ["group", "group zero"])
def test_a_mask_of_the_query(kind: str, tmp_path: Path) -> None:
    """MultiHeadAttention of Keras 3.15 takes no query_mask but that of the tensor."""
    q, m = floats("q", 5, 4), whole("m", 5)
    check_against_keras(keras.Model([q, m], MASKED[kind]()(q, q, query_mask=m)), tmp_path)


def saved(tmp_path: Path, layer: keras.Layer | None = None, **call: Any) -> Path:
    q, v = floats("q", 5, 4), floats("v", 7, 4)
    model = keras.Model([q, v], (layer or layers.MultiHeadAttention(2, 3))(q, v, **call))
    randomise(model)
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_dropout_at_inference_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, layers.MultiHeadAttention(2, 3, dropout=0.5), training=True)
    assert "outputs are random" in read_keras(path).warnings[0]


BROKEN: list[tuple[str, Any, type[OvprepError], str]] = [
    ("num_heads", 0, ModelError, "num_heads=0, which makes no sense"),
    ("num_heads", 3, ModelError, r"'kernel' is stored with shape"),
    ("output_shape", ["6"], ModelError, "output_shape"),
    ("attention_axes", [2], ModelError, "attention_axes"),
    ("attention_axes", [0], ModelError, "attention_axes"),
    ("sliding_window", 0, ModelError, "sliding_window"),
    ("use_gate", True, ModelError, "weights"),
    ("use_bias", False, ModelError, "weights"),
]


@pytest.mark.parametrize(("entry", "value", "kind", "message"), BROKEN)
def test_entries_that_do_not_fit(entry: str, value: Any, kind: type[OvprepError], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    config["config"]["layers"][-1]["config"][entry] = value
    with pytest.raises(kind, match=message):
        read_keras(with_config(path, config))


def test_weights_of_a_gate_that_is_not_there(tmp_path: Path) -> None:
    path = saved(tmp_path, layers.MultiHeadAttention(2, 3, use_gate=True))
    config = config_of(path)
    config["config"]["layers"][-1]["config"]["use_gate"] = False
    with pytest.raises(ModelError, match="stores weights of more layers than query, key, value, attention_output"):
        read_keras(with_config(path, config))


def test_groups_that_do_not_divide(tmp_path: Path) -> None:
    path = saved(tmp_path, layers.GroupQueryAttention(2, 4, 2))
    config = config_of(path)
    config["config"]["layers"][-1]["config"]["num_key_value_heads"] = 3
    with pytest.raises(ModelError, match="num_key_value_heads=3, which makes no sense"):
        read_keras(with_config(path, config))


def test_scores_of_several_axes_are_refused(tmp_path: Path) -> None:
    q = floats("q", 3, 5, 4)
    model = keras.Model(q, layers.MultiHeadAttention(2, 3)(q, q, return_attention_scores=True))
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="scores of tensors of rank 4"):
        read_keras(tmp_path / "model.keras")


def test_a_query_given_twice(tmp_path: Path) -> None:
    path = saved(tmp_path)
    config = config_of(path)
    node = config["config"]["layers"][-1]["inbound_nodes"][0]
    node["kwargs"] = {"query": node["args"][0]}
    with pytest.raises(ModelError, match="each once"):
        read_keras(with_config(path, config))


def test_a_mask_as_a_key(tmp_path: Path) -> None:
    q, m = floats("q", 5, 4), whole("m", 5, 4)
    path = saved(tmp_path)
    model = keras.Model([q, m], layers.MultiHeadAttention(2, 3)(q, q))
    model.save(path)
    config = config_of(path)
    node = config["config"]["layers"][-1]["inbound_nodes"][0]
    mask = dict(node["args"][0], config=dict(node["args"][0]["config"], keras_history=["m", 0, 0]))
    node["args"].append(mask)
    with pytest.raises(UnsupportedError, match="no tensor of float32"):
        read_keras(with_config(path, config))
