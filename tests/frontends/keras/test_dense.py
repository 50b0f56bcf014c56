"""Dense against real Keras."""

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import FORMATS, check_against_keras, check_layer, shaped


@pytest.mark.parametrize("shape", [(5,), (7, 5), (3, 7, 5)], ids=str)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", [None, "tanh"])
def test_dense(shape: tuple[int, ...], use_bias: bool, activation: str | None, tmp_path: Path) -> None:
    check_layer(layers.Dense(4, use_bias=use_bias, activation=activation), shape, tmp_path)


def test_dense_over_open_time(tmp_path: Path) -> None:
    check_layer(layers.Dense(4), (7, 5), tmp_path, open_time=1)


def test_dense_is_not_confused_by_equal_sizes(tmp_path: Path) -> None:
    check_layer(layers.Dense(6), (6, 6), tmp_path)


@pytest.mark.parametrize("flatten_format", FORMATS)
@pytest.mark.parametrize("conv_format", FORMATS)
@pytest.mark.parametrize("length", [4, 9])
def test_flatten_then_dense(conv_format: str, flatten_format: str, length: int, tmp_path: Path) -> None:
    """The order in which a Flatten reads is that of its own format, which need not be that of the layer before it.

    With length 4 there are as many samples as channels, and no size tells them apart.
    """
    x = keras.Input(shaped(conv_format, length, 3), name="x")
    y = layers.Conv1D(4, 3, padding="same", use_bias=False, data_format=conv_format)(x)
    y = layers.Flatten(data_format=flatten_format)(y)
    check_against_keras(keras.Model(x, layers.Dense(5, activation="relu")(y)), tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(4),
        lambda: layers.EinsumDense("abc,cd->abd", (9, 4)),
        lambda: layers.Rescaling(0.5, offset=2.0),
        lambda: layers.Normalization(mean=1.0, variance=2.0),
    ],
)
def test_whole_numbers_become_floats(make: Callable[[], keras.Layer], tmp_path: Path) -> None:
    x = keras.Input((9, 5), dtype="int32", name="x")
    check_against_keras(keras.Model(x, make()(x)), tmp_path, spread=9.0)


def test_a_layer_that_takes_no_whole_numbers(tmp_path: Path) -> None:
    x = keras.Input((9, 5), name="x")
    keras.Model(x, layers.Conv1D(4, 3)(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][0]["config"]["dtype"] = "int32"
    with pytest.raises(ModelError, match=r"does not fit its input, which has the shape \[None, 9, 5\] of type int32"):
        read_keras(with_config(tmp_path / "model.keras", config))
