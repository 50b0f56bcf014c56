"""Models inside models in `.h5`: one list of weights for the whole inner model, told apart by names."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import ModelError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config, with_weights
from tests.frontends.keras.support import check_against_keras


def leaf(name: str = "leaf", conv: str = "low") -> keras.Model:
    stack = [keras.Input((9, 3)), layers.Conv1D(3, 3, padding="same", name=conv), layers.BatchNormalization()]
    return keras.Sequential(stack, name=name)


def body(inside: keras.Model, frozen: bool = False) -> keras.Model:
    """Weights of BatchNormalization stand after all others, so order alone would mix up the layers."""
    x = keras.Input((9, 3), name="x")
    conv = layers.Conv1D(3, 3, padding="same", name="conv", trainable=not frozen)
    y = layers.BatchNormalization(name="norm")(conv(x))
    return keras.Model(x, layers.Dense(3, name="dense")(inside(y)), name="body")


def outer(inner: keras.Model, calls: int = 1) -> keras.Model:
    x = y = keras.Input((9, 3), name="z")
    for _ in range(calls):
        y = inner(y)
    return keras.Model(x, layers.ReLU()(y), name="outer")


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("frozen", [False, True])
def test_models_in_models_called_several_times(calls: int, frozen: bool, tmp_path: Path) -> None:
    check_against_keras(outer(body(leaf(), frozen), calls), tmp_path)


def test_the_same_layer_name_in_two_models_under_their_names(tmp_path: Path) -> None:
    check_against_keras(outer(body(leaf(conv="conv"))), tmp_path)


def test_a_stray_weight_of_a_model_inside(tmp_path: Path) -> None:
    outer(body(leaf())).save(tmp_path / "model.h5")

    def add(group: h5py.Group) -> None:
        names = [str(name).encode() for name in group["body"].attrs["weight_names"]]
        group["body/other/kernel"] = np.ones(3, np.float32)
        group["body"].attrs["weight_names"] = [*names, b"other/kernel"]

    with pytest.raises(ModelError, match="'body' has no layer for the weight 'other/kernel'"):
        read_keras(with_weights(tmp_path / "model.h5", add))


@pytest.mark.parametrize("first", [0, 1])
def test_calls_in_lists_are_counted_from_zero_or_from_one(first: int, tmp_path: Path) -> None:
    """Keras 2 counts the building of a model as its first call, except of a Sequential that was built late."""
    model = outer(body(leaf()), calls=2)
    path = tmp_path / "model.h5"
    model.save(path)
    config = config_of(path)
    nodes = [[[["z", 0, 0, {}]], [["body", first, 0, {}]]], [[["body", first + 1, 0, {}]]]]
    for entry, inbound in zip(config["config"]["layers"], [[], *nodes], strict=True):
        entry["inbound_nodes"] = inbound
    listed = read_keras(with_config(path, config))
    assert len(listed.graph.graph) == len(read_keras(path).graph.graph)
