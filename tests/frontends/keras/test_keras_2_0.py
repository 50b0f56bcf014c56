"""Files of Keras 2.0 to 2.3: written by tf_keras, then put into the words and the layout of that time."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import tf_keras
from tf_keras import layers

from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of
from tests.frontends.keras.keras_2 import compare_with_keras_2, randomise_keras_2

Make = Callable[[], tf_keras.Model]

LATER = {"groups", "time_major", "ragged", "keepdims", "reset_after", "zero_output_for_mask", "synchronized"}
"""Options that came after Keras 2.0; all have the value here that they have where they are missing."""
WRAPPING = {"module", "registered_name", "build_config"}


def put_back(path: Path) -> Path:
    """The file as Keras 2.0.8 would have written it."""
    config = old(config_of(path))
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = file["model_weights"].attrs["keras_version"] = "2.0.8"
        file.attrs["model_config"] = json.dumps(config).encode()
        for group in file["model_weights"].values():
            rename_weights(group)
        del file["model_weights/top_level_model_weights"]
    return path


def old(value: Any) -> Any:
    """A Sequential model was a list of layers that had no InputLayer; its first layer stated the shape."""
    if isinstance(value, list):
        return [old(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "Functional":
        value = {**value, "class_name": "Model"}
    if value.get("class_name") == "Sequential":
        entries = value["config"]["layers"]
        if entries[0]["class_name"] == "InputLayer":
            shape = entries[0]["config"]["batch_input_shape"]
            entries = entries[1:]
            entries[0]["config"]["batch_input_shape"] = shape
        named = {"name": value["name"], "inbound_nodes": value["inbound_nodes"]} if "inbound_nodes" in value else {}
        return {"class_name": "Sequential", "config": old(entries), **named}
    return {key: old(item) for key, item in value.items() if key not in LATER | WRAPPING}


def rename_weights(group: h5py.Group) -> None:
    """Cells had no folder, and a layer's own weights came behind the name of the layer alone."""
    names = []
    for name in list(group.attrs["weight_names"]):
        new = re.sub(r"/(lstm|gru|simple_rnn)_cell(_\d+)?/", "/", name)
        if new != name:
            group[new] = group[name][()]
        names.append(new.encode())
    group.attrs["weight_names"] = names


def sequential() -> tf_keras.Model:
    stack = [layers.Conv1D(4, 3, padding="same"), layers.BatchNormalization(), layers.LeakyReLU(0.1)]
    return tf_keras.Sequential([tf_keras.Input((12, 3)), *stack, layers.Flatten(), layers.Dense(2)])


def recurrent() -> tf_keras.Model:
    """The GRU is the one of before 2.1, which had no reset_after."""
    x = tf_keras.Input((12, 3), name="x")
    y = layers.LSTM(4, return_sequences=True, name="lstm_1")(x)
    y = layers.GRU(4, reset_after=False, return_sequences=True, name="gru_1")(y)
    y = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="bidirectional_1")(y)
    return tf_keras.Model(
        x, layers.TimeDistributed(layers.Dense(2), name="each")(layers.SimpleRNN(4, return_sequences=True)(y))
    )


def nested() -> tf_keras.Model:
    """Models in a Sequential model, first and later, which have no name but in the weights."""
    first = tf_keras.Sequential([tf_keras.Input((12, 3)), layers.Conv1D(4, 3, name="conv")], name="first")
    z = tf_keras.Input((10, 4), name="z")
    later = tf_keras.Model(z, layers.Add()([z, layers.Conv1D(4, 1, name="point")(z)]), name="later")
    return tf_keras.Sequential([tf_keras.Input((12, 3)), first, later, layers.GlobalMaxPooling1D()])


def functional() -> tf_keras.Model:
    x = tf_keras.Input((12, 3), name="x")
    inner = tf_keras.Sequential([tf_keras.Input((12, 3)), layers.SeparableConv1D(3, 3, padding="same")], name="inner")
    y = layers.Dot(axes=-1)([inner(x), inner(inner(x))])
    return tf_keras.Model(x, [layers.Dense(2, activation="hard_sigmoid", name="out")(y), inner(x)])


@pytest.mark.parametrize("make", [sequential, recurrent, nested, functional], ids=lambda make: make.__name__)
def test_a_model(make: Make, tmp_path: Path) -> None:
    model = make()
    randomise_keras_2(model)
    model.save(tmp_path / "old.h5")
    source = read_keras(put_back(tmp_path / "old.h5"))
    assert source.framework == "keras 2.0.8"
    compare_with_keras_2(source, model)


def test_the_files_are_old(tmp_path: Path) -> None:
    recurrent().save(tmp_path / "old.h5")
    put_back(tmp_path / "old.h5")
    assert not LATER & set(re.findall(r'"(\w+)":', json.dumps(config_of(tmp_path / "old.h5"))))
    with h5py.File(tmp_path / "old.h5") as file:
        assert file["model_weights/lstm_1"].attrs["weight_names"][0] == "lstm_1/kernel:0"


def test_lists_of_names_that_are_spread_over_several_attributes(tmp_path: Path) -> None:
    """An attribute holds 64 KiB, so Keras cuts a longer list into weight_names0, weight_names1, ..."""
    model = sequential()
    randomise_keras_2(model)
    path = tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        spread(file["model_weights"], "layer_names")
        for group in file["model_weights"].values():
            if len(group.attrs["weight_names"]) > 1:
                spread(group, "weight_names")
    compare_with_keras_2(read_keras(path), model)


def spread(group: h5py.Group, key: str) -> None:
    names = [str(name).encode() for name in group.attrs[key]]
    del group.attrs[key]
    group.attrs[f"{key}0"], group.attrs[f"{key}1"] = names[:1], names[1:]
