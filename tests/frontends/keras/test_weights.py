"""Weights are matched by name and order, never by shape: what does not match is refused with one clear sentence."""

from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import ModelError, OvprepError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config, with_weights

Edit = Callable[[h5py.Group], object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model.h5` and `model.keras`, both sound, with two layers whose weights have the same shapes."""
    path = tmp_path_factory.mktemp("weights")
    stack = [keras.Input((9, 3)), layers.Conv1D(3, 3, name="first"), layers.Conv1D(3, 3, name="second")]
    model = keras.Sequential([*stack, layers.ReLU(name="relu"), layers.Dense(2, name="scores")], name="net")
    for suffix in (".h5", ".keras"):
        model.save(path / f"model{suffix}")
    return path


def refuse(path: Path, edit: Edit, sentence: str, error: type[OvprepError] = ModelError) -> None:
    with pytest.raises(error, match=sentence):
        read_keras(with_weights(path, edit))


def put(group: h5py.Group, path: str, array: np.ndarray) -> None:
    if path in group:
        del group[path]
    group[path] = array


def test_a_sound_file_stays_sound_when_it_is_rewritten(folder: Path) -> None:
    for suffix in (".h5", ".keras"):
        assert read_keras(with_weights(folder / f"model{suffix}", lambda group: None)).interface.outputs


def test_a_shape_that_does_not_fit(folder: Path) -> None:
    sentence = r"'first': the weight 'kernel' is stored with shape \[3, 3, 4\], .* asks for \[3, 3, 3\]"
    wrong = np.zeros((3, 3, 4), np.float32)
    refuse(folder / "model.h5", lambda group: put(group, "first/net/first/kernel", wrong), sentence)
    refuse(folder / "model.keras", lambda group: put(group, "conv1d/vars/0", wrong), sentence)


def test_a_shape_with_as_many_elements_as_the_right_one(folder: Path) -> None:
    flat = np.zeros((9, 3), np.float32)
    refuse(folder / "model.h5", lambda group: put(group, "first/net/first/kernel", flat), r"stored with shape \[9, 3\]")
    refuse(folder / "model.keras", lambda group: put(group, "conv1d/vars/0", flat), r"stored with shape \[9, 3\]")


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_configuration_that_asks_for_another_shape(suffix: str, folder: Path) -> None:
    config = config_of(folder / f"model{suffix}")
    config["config"]["layers"][1]["config"]["filters"] = 5
    with pytest.raises(
        ModelError, match=r"'first': the weight 'kernel' is stored with shape \[3, 3, 3\], .*\[3, 3, 5\]"
    ):
        read_keras(with_config(folder / f"model{suffix}", config))


def test_a_weight_that_is_missing(folder: Path) -> None:
    def unlist(group: h5py.Group) -> None:
        group["first"].attrs["weight_names"] = [b"net/first/kernel"]

    def remove_bias(group: h5py.Group) -> None:
        del group["first/net/first/bias"]

    refuse(folder / "model.h5", unlist, "'first' should have the weights kernel, bias, but the file stores kernel")
    refuse(folder / "model.h5", remove_bias, "'first': the file lists the weight 'net/first/bias' but does not hold it")
    refuse(folder / "model.keras", lambda group: group["conv1d/vars"].pop("1"), "'first' should .* stores 1 array")


def test_all_weights_of_a_layer_are_missing(folder: Path) -> None:
    refuse(folder / "model.h5", lambda group: group.pop("first"), "'first' should have .* stores none")
    refuse(folder / "model.keras", lambda group: group.pop("conv1d"), "'first' should have .* stores none")


def test_a_weight_too_many(folder: Path) -> None:
    def add(group: h5py.Group) -> None:
        group["first/net/first/scale"] = np.ones(3, np.float32)
        group["first"].attrs["weight_names"] = [f"net/first/{name}".encode() for name in ("kernel", "bias", "scale")]

    extra = np.ones(3, np.float32)
    refuse(folder / "model.h5", add, "'first' should .* kernel, bias, but the file stores kernel, bias, scale")
    refuse(folder / "model.keras", lambda group: put(group, "conv1d/vars/2", extra), "'first' .* stores 3 arrays")


def test_weights_of_a_layer_that_has_none(folder: Path) -> None:
    def add(group: h5py.Group) -> None:
        group["relu/slope"] = np.ones(3, np.float32)
        group["relu"].attrs["weight_names"] = [b"slope"]

    ones = np.ones(3, np.float32)
    refuse(folder / "model.h5", add, "'relu' should have the weights none, but the file stores slope")
    refuse(folder / "model.keras", lambda group: put(group, "re_lu/vars/0", ones), "'relu' .* stores 1 array")


def test_weights_of_a_layer_that_the_model_does_not_have(folder: Path) -> None:
    def add(group: h5py.Group) -> None:
        group["third/kernel"] = np.ones(3, np.float32)
        group["third"].attrs["weight_names"] = [b"kernel"]

    ones = np.ones(3, np.float32)
    refuse(folder / "model.h5", add, "weights for a layer 'third'")
    refuse(folder / "model.keras", lambda group: put(group, "conv1d_2/vars/0", ones), "for a layer 'conv1d_2'")


def test_layers_that_changed_places(folder: Path) -> None:
    """Their weights have the same shapes; only the names tell them apart."""

    def swap(group: h5py.Group) -> None:
        group.move("conv1d", "other")
        group.move("conv1d_1", "conv1d")
        group.move("other", "conv1d_1")

    refuse(folder / "model.keras", swap, "belong to the layer 'second', but the configuration has 'first'")


def test_layers_that_are_listed_in_another_order(folder: Path) -> None:
    """Keras would give the first of them the weights of the second."""

    def swap(group: h5py.Group) -> None:
        other = {"first": "second", "second": "first"}
        group.attrs["layer_names"] = [other.get(name, name) for name in group.attrs["layer_names"]]

    refuse(folder / "model.h5", swap, "the weights of 'second' in the place where the model has the layer 'first'")


def test_names_that_changed_places(folder: Path) -> None:
    def swap(group: h5py.Group) -> None:
        group["first"].attrs["weight_names"] = [b"net/first/bias", b"net/first/kernel"]

    def rename(group: h5py.Group) -> None:
        group.move("first/net/first/kernel", "first/net/first/filter")
        group["first"].attrs["weight_names"] = [b"net/first/filter", b"net/first/bias"]

    refuse(folder / "model.h5", swap, "'first' should have the weights kernel, bias in this order, but .* bias, kernel")
    refuse(
        folder / "model.h5", rename, "'first' should have the weights kernel, bias, but the file stores filter, bias"
    )


def test_weights_that_are_no_floats(folder: Path) -> None:
    sentence = "'first': the weight 'bias' is stored as int32, not as floats"
    whole = np.zeros(3, np.int32)
    refuse(folder / "model.h5", lambda group: put(group, "first/net/first/bias", whole), sentence, UnsupportedError)
    refuse(folder / "model.keras", lambda group: put(group, "conv1d/vars/1", whole), sentence, UnsupportedError)


def test_a_group_where_an_array_should_be(folder: Path) -> None:
    def regroup(group: h5py.Group) -> None:
        del group["first/net/first/bias"]
        group.create_group("first/net/first/bias")

    refuse(folder / "model.h5", regroup, "lists the weight 'net/first/bias' but does not hold it")


def test_an_array_that_would_fill_the_memory(folder: Path) -> None:
    def fill(group: h5py.Group) -> None:
        del group["first/net/first/kernel"]
        group.create_dataset("first/net/first/kernel", (2**20, 2**20), np.float32, chunks=(1, 1024))

    refuse(folder / "model.h5", fill, "too large", UnsupportedError)


def test_float64_and_float16_weights_are_read(folder: Path) -> None:
    for dtype in (np.float64, np.float16):
        value = np.zeros(3, dtype)
        edited = with_weights(folder / "model.h5", lambda group, value=value: put(group, "first/net/first/bias", value))
        bias = read_keras(edited).graph.graph.initializers["first/bias"].const_value
        assert bias is not None
        assert bias.numpy().dtype == np.float32
