"""Files that are no sound Keras model: each is refused with one clear sentence."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, OvprepError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, cut, refusal_of, with_config, with_members, with_weights

SUFFIXES = [".h5", ".keras"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model.h5` and `model.keras`, both sound."""
    path = tmp_path_factory.mktemp("files")
    x = keras.Input((9, 3), name="x")
    y = layers.Flatten(name="flatten")(layers.Conv1D(4, 3, name="conv")(x))
    model = keras.Model(x, layers.Dense(2, name="scores")(y), name="net")
    for suffix in SUFFIXES:
        model.save(path / f"model{suffix}")
    model.save_weights(path / "net.weights.h5")
    return path


def refuse(path: Path, sentence: str, error: type[OvprepError] = ModelError) -> None:
    with pytest.raises(error, match=sentence) as caught:
        read_keras(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there(suffix: str, tmp_path: Path) -> None:
    refuse(tmp_path / f"none{suffix}", "There is no file")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    refuse(path, "is empty")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_text_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text("This is no model.\n" * 100)
    refuse(path, "is not a Keras file")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.touch(mode=0)
    refuse(path, "cannot be read")


@pytest.mark.parametrize("part", [0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_was_cut_off(suffix: str, part: float, folder: Path) -> None:
    path = folder / f"model{suffix}"
    refuse(cut(path, int(part * path.stat().st_size)), "is not a Keras file|damaged")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_with_damaged_bytes(suffix: str, folder: Path) -> None:
    """Wherever the damage is: an OvprepError, or a model, where it hit nothing that matters."""
    data = (folder / f"model{suffix}").read_bytes()
    path = folder / f"damaged{suffix}"
    for start in range(0, len(data), len(data) // 150):
        path.write_bytes(data[:start] + bytes(255 - byte for byte in data[start : start + 16]) + data[start + 16 :])
        sentence = refusal_of(path)
        assert sentence is None or sentence.endswith(".")


def test_an_h5_file_of_weights_alone(folder: Path) -> None:
    refuse(folder / "net.weights.h5", r"holds weights but no architecture.*model\.save\(")


def test_an_h5_file_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["samples"] = [1.0, 2.0]
    refuse(tmp_path / "data.h5", "HDF5 file but no Keras model")


def test_a_zip_archive_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("readme.txt", "This is no model.")
    refuse(tmp_path / "model.keras", r"no Keras model: it has no config\.json and no model\.weights\.h5")


def test_a_keras_file_without_weights(folder: Path) -> None:
    refuse(with_members(folder / "model.keras", {"model.weights.h5": None}), r"it has no model\.weights\.h5")


def test_a_keras_file_whose_weights_are_text(folder: Path) -> None:
    refuse(with_members(folder / "model.keras", {"model.weights.h5": b"no weights"}), "damaged")


def test_a_keras_file_without_metadata_is_read(folder: Path) -> None:
    assert read_keras(with_members(folder / "model.keras", {"metadata.json": None})).framework == "keras 3"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("{not json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("null", "not a JSON object"),
        ({}, "is a None"),
        ({"class_name": "Functional"}, "is a Functional"),
        ({"class_name": "Functional", "config": {"layers": []}}, "not complete"),
        ({"class_name": "Functional", "config": {"layers": 3}}, "not complete"),
        ({"class_name": "Functional", "config": {"layers": [], "input_layers": [], "output_layers": []}}, "no inputs"),
        ({"class_name": "Sequential", "config": {"layers": []}}, "no layers"),
        ({"class_name": "Sequential", "config": {"layers": [3]}}, "not complete"),
        ({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": 5}]}}, "not complete"),
        ({"class_name": "Sequential", "config": None}, "not complete"),
        ({"class_name": "MyModel", "config": {"units": 3}}, "is a MyModel, whose computation is Python code"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_configuration_that_is_none(config: Any, sentence: str, suffix: str, folder: Path) -> None:
    refuse(with_config(folder / f"model{suffix}", config), sentence, OvprepError)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("layer", "key", "value", "sentence"),
    [
        (0, "batch_shape", None, "'x' has no shape"),
        (0, "batch_shape", [None, "nine", 3], "'x' has no shape"),
        (0, "batch_shape", [None, 0, 3], "'x' .* empty tensor"),
        (0, "batch_shape", [None, 2**20, 2**20], "'x' .* too large"),
        (0, "dtype", "float16", "'x' is of type float16"),
        (1, "filters", "four", r"'conv' \(Conv1D, layer 2\) has filters='four'"),
        (1, "kernel_size", [0], r"'conv' .* kernel_size=\[0\]"),
        (1, "strides", [], r"'conv' .* strides=\[\]"),
        (1, "dilation_rate", [2, 2], r"'conv' .* dilation_rate=\[2, 2\]"),
        (1, "groups", 2, "'conv' .* groups=2"),
        (1, "padding", "reflect", "'conv' .* padding='reflect'"),
        (1, "data_format", "channels_middle", "'conv' .* data_format='channels_middle'"),
        (1, "use_bias", "no", "'conv' .* use_bias='no'"),
        (1, "activation", "wobble", "'conv' .* activation 'wobble'"),
        (1, "dtype", "float64", "'conv' .* computes in float64"),
        (1, "kernel_size", [30], "'conv'.*kernel"),
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense(
    layer: int, key: str, value: Any, sentence: str, suffix: str, folder: Path
) -> None:
    config = config_of(folder / f"model{suffix}")
    config["config"]["layers"][layer]["config"][key] = value
    refuse(with_config(folder / f"model{suffix}", config), sentence, OvprepError)


def test_a_layer_that_does_not_exist(folder: Path) -> None:
    config = config_of(folder / "model.keras")
    text = json.dumps(config).replace('"keras_history": ["conv"', '"keras_history": ["convolution"')
    refuse(with_config(folder / "model.keras", text), "'flatten' takes its input from 'convolution', which the model")
    for place in ("input_layers", "output_layers"):
        changed = config_of(folder / "model.keras")
        changed["config"][place] = ["nobody", 0, 0]
        refuse(with_config(folder / "model.keras", changed), "'nobody', which it does not have")


def test_a_call_or_a_tensor_that_does_not_exist(folder: Path) -> None:
    text = json.dumps(config_of(folder / "model.keras"))
    for history in ('["conv", 1, 0]', '["conv", 0, 1]'):
        changed = text.replace('"keras_history": ["conv", 0, 0]', f'"keras_history": {history}')
        refuse(with_config(folder / "model.keras", changed), "waits for a tensor|takes output 1 of 'conv'")


def test_layers_that_wait_for_each_other(folder: Path) -> None:
    text = json.dumps(config_of(folder / "model.keras"))
    changed = text.replace('"keras_history": ["x", 0, 0]', '"keras_history": ["flatten", 0, 0]')
    refuse(with_config(folder / "model.keras", changed), "waits for a tensor that no layer gives")


def test_two_layers_with_one_name(folder: Path) -> None:
    config = config_of(folder / "model.keras")
    config["config"]["layers"][1]["name"] = "x"
    refuse(with_config(folder / "model.keras", config), "two layers with the name 'x'")


def test_a_call_with_an_option_that_would_change_the_result(folder: Path) -> None:
    config = config_of(folder / "model.keras")
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": True}
    refuse(with_config(folder / "model.keras", config), "'conv' .* is called with training", UnsupportedError)


def test_a_call_with_a_number(folder: Path) -> None:
    config = config_of(folder / "model.keras")
    config["config"]["layers"][1]["inbound_nodes"][0]["args"].append(2.0)
    refuse(with_config(folder / "model.keras", config), r"'conv' .* is called with 2\.0", UnsupportedError)


def test_a_configuration_that_is_nested_too_deeply(folder: Path) -> None:
    config = config_of(folder / "model.keras")
    activation: Any = "relu"
    for _ in range(400):
        activation = {"class_name": "Activation", "config": {"activation": activation}}
    config["config"]["layers"][1]["config"]["activation"] = activation
    refuse(with_config(folder / "model.keras", config), "too deeply", UnsupportedError)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_layer_of_an_unknown_class_is_named_with_its_place(suffix: str, folder: Path) -> None:
    config = config_of(folder / f"model{suffix}")
    config["config"]["layers"][1]["class_name"] = "WaveletConv1D"
    changed = with_config(folder / f"model{suffix}", config)
    refuse(changed, r"'conv' \(WaveletConv1D, layer 2\) is of a class that ovprep cannot convert", UnsupportedError)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_subclassed_model(suffix: str, tmp_path: Path) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model(keras.ops.zeros((1, 3)))
    path = tmp_path / f"own{suffix}"
    model.save(path)
    refuse(path, "is a Own, whose computation is Python code", UnsupportedError)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/"), h5py.ExternalLink("/etc/other.h5", "/")], ids=["soft", "external"]
)
def test_links_are_not_followed(link: Any, suffix: str, folder: Path) -> None:
    def add(group: h5py.Group) -> None:
        group["link"] = link

    refuse(with_weights(folder / f"model{suffix}", add), "link to another place", UnsupportedError)


def test_weights_that_lie_in_another_file(folder: Path) -> None:
    def move(group: h5py.Group) -> None:
        del group["conv/conv/bias"]
        group["conv"].create_dataset("conv/bias", (4,), "f4", external=[("/etc/passwd", 0, 16)])

    refuse(with_weights(folder / "model.h5", move), "lies in another file", UnsupportedError)


@pytest.mark.parametrize("version", ["1.2.2", "2.0.5", "3.0.0"])
def test_a_configuration_that_is_very_deep(version: str, folder: Path) -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    config = {"class_name": "Sequential", "config": {"layers": deep}}
    path = with_config(folder / "model.h5", config)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = version
    sentence = refusal_of(path)
    assert sentence is not None
    assert sentence.endswith(".")
