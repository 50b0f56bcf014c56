"""What every rule shares: the defaults of entries that a file leaves out, and the number of tensors that it takes."""

from pathlib import Path
from typing import Any

import keras
import onnx_ir as ir
import pytest
from keras import layers

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers import RULES
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import randomise

REQUIRED = {"name", "filters", "kernel_size", "units", "target_shape", "dims", "pool_size", "activation"}
"""Entries that have no default in Keras, or, as the activation, none that a layer could do without."""

DEFAULTS: dict[str, Any] = {
    "Activation": lambda: layers.Activation("tanh"),
    "AveragePooling1D": lambda: layers.AveragePooling1D(2),
    "BatchNormalization": layers.BatchNormalization,
    "Conv1D": lambda: layers.Conv1D(4, 3),
    "Conv1DTranspose": lambda: layers.Conv1DTranspose(4, 3),
    "Cropping1D": layers.Cropping1D,
    "Dense": lambda: layers.Dense(4),
    "DepthwiseConv1D": lambda: layers.DepthwiseConv1D(3),
    "ELU": layers.ELU,
    "Flatten": layers.Flatten,
    "GlobalAveragePooling1D": layers.GlobalAveragePooling1D,
    "GlobalMaxPooling1D": layers.GlobalMaxPooling1D,
    "LayerNormalization": layers.LayerNormalization,
    "LeakyReLU": layers.LeakyReLU,
    "MaxPooling1D": layers.MaxPooling1D,
    "PReLU": layers.PReLU,
    "Permute": lambda: layers.Permute((2, 1)),
    "ReLU": layers.ReLU,
    "Reshape": lambda: layers.Reshape((12, 3)),
    "SeparableConv1D": lambda: layers.SeparableConv1D(4, 3),
    "Softmax": layers.Softmax,
    "UpSampling1D": layers.UpSampling1D,
    "ZeroPadding1D": layers.ZeroPadding1D,
}
MERGING = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
TRAINING = {
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"),
    "SpatialDropout1D",
}


def saved(layer: keras.Layer, folder: Path, inputs: int = 1) -> Path:
    given = [keras.Input((9, 4), name=f"x{index}") for index in range(inputs)]
    model = keras.Model(given, layer(given if inputs > 1 else given[0]))
    randomise(model)
    model.save(folder / "model.keras")
    return folder / "model.keras"


def text_of(path: Path) -> bytes:
    return ir.to_proto(read_keras(path).graph).SerializeToString()


def test_every_rule_is_listed_here() -> None:
    assert set(RULES) == {*DEFAULTS} | MERGING | TRAINING


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_entry_that_is_left_out_means_what_it_means_in_keras(name: str, tmp_path: Path) -> None:
    path = saved(DEFAULTS[name](), tmp_path)
    config = config_of(path)
    stated = config["config"]["layers"][1]["config"]
    config["config"]["layers"][1]["config"] = {key: value for key, value in stated.items() if key in REQUIRED}
    assert text_of(with_config(path, config)) == text_of(path)


def test_a_pool_without_a_stride_moves_by_its_own_size(tmp_path: Path) -> None:
    path = saved(layers.MaxPooling1D(3), tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"]["strides"] = None
    assert text_of(with_config(path, config)) == text_of(path)


@pytest.mark.parametrize("name", sorted({*DEFAULTS} | TRAINING))
def test_a_tensor_too_many_or_too_few(name: str, tmp_path: Path) -> None:
    path = saved(layers.Add(), tmp_path, inputs=2)
    config = config_of(path)
    last = config["config"]["layers"][-1]
    last["class_name"] = name
    with pytest.raises(ModelError, match=rf"\({name}, layer 3\) takes 1 tensor, but is given 2"):
        read_keras(with_config(path, config))
    last["inbound_nodes"][0]["args"] = []
    with pytest.raises(ModelError, match="takes 1 tensor, but is given 0"):
        read_keras(with_config(path, config))


def test_a_merge_of_nothing(tmp_path: Path) -> None:
    path = saved(layers.Add(), tmp_path, inputs=2)
    config = config_of(path)
    config["config"]["layers"][-1]["inbound_nodes"][0]["args"] = []
    with pytest.raises(ModelError, match="merges tensors, but is given none"):
        read_keras(with_config(path, config))
