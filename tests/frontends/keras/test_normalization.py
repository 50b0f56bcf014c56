"""BatchNormalization and LayerNormalization against real Keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from ovprep.options import ReadOptions
from tests.frontends.keras.support import (
    FORMATS,
    check_against_keras,
    check_layer,
    compare,
    feeds_for,
    keras_outputs,
    onnx_runner,
    randomise,
    shaped,
)


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}, {"epsilon": 0.1}], ids=str)
@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_batch_normalization(axis: int, options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.BatchNormalization(axis=axis, **options), (11, 5), tmp_path)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_batch_normalization_where_sizes_are_equal(axis: int, tmp_path: Path) -> None:
    check_layer(layers.BatchNormalization(axis=axis), (6, 6), tmp_path)


def test_batch_normalization_with_open_time(tmp_path: Path) -> None:
    check_layer(layers.BatchNormalization(center=False, scale=False), (11, 5), tmp_path, open_time=1)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_batch_normalization_at_rank_4(axis: int, tmp_path: Path) -> None:
    check_layer(layers.BatchNormalization(axis=axis), (2, 7, 5), tmp_path)


@pytest.mark.parametrize(("axis", "shape"), [(-1, (6, 6)), (1, (6, 6)), (2, (2, 7, 5)), (-1, (5,))])
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False, "epsilon": 0.1}], ids=str)
def test_batch_normalization_that_stays_whole(
    axis: int, shape: tuple[int, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    x = keras.Input(shape, name="x")
    model = keras.Model(x, layers.BatchNormalization(axis=axis, **options)(x))
    randomise(model)
    model.save(tmp_path / "model.keras")
    source = read_keras(tmp_path / "model.keras", ReadOptions(whole_layers=True))
    assert [node.op_type for node in source.graph.graph if node.op_type != "Transpose"] == ["BatchNormalization"]
    feeds = feeds_for(source.interface, 3, 1, 1.0)
    compare("as read", onnx_runner(source)(feeds), keras_outputs(model, feeds))


def test_batch_normalization_at_rank_2(tmp_path: Path) -> None:
    check_layer(layers.BatchNormalization(), (5,), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "make",
    [
        lambda data_format: (
            layers.Conv1D(5, 3, padding="causal", data_format="channels_last")
            if data_format == "channels_last"
            else layers.Conv1D(5, 3, padding="same", data_format=data_format)
        ),
        lambda data_format: layers.DepthwiseConv1D(3, depth_multiplier=2, data_format=data_format),
        lambda data_format: layers.Conv1DTranspose(5, 3, strides=2, data_format=data_format),
    ],
    ids=["conv", "depthwise", "transpose"],
)
def test_batch_normalization_folds_into_what_is_before_it(make: Any, data_format: str, tmp_path: Path) -> None:
    x = keras.Input(shaped(data_format, 11, 4), name="x")
    axis = 1 if data_format == "channels_first" else -1
    y = layers.BatchNormalization(axis=axis)(make(data_format)(x))
    check_against_keras(keras.Model(x, layers.ReLU()(y)), tmp_path)


def test_batch_normalization_folds_into_a_dense(tmp_path: Path) -> None:
    stack = [keras.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3, use_bias=False)]
    check_against_keras(keras.Sequential([*stack, layers.BatchNormalization()]), tmp_path)


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}, {"epsilon": 0.1}], ids=str)
@pytest.mark.parametrize("axis", [-1, 1, 2, [1, 2], [-2, -1], [-1, 1]], ids=str)
def test_layer_normalization(axis: int | list[int], options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.LayerNormalization(axis=axis, **options), (11, 5), tmp_path)


@pytest.mark.parametrize("axis", [-1, 1])
def test_layer_normalization_where_sizes_are_equal(axis: int, tmp_path: Path) -> None:
    check_layer(layers.LayerNormalization(axis=axis), (6, 6), tmp_path)


@pytest.mark.parametrize("axis", [-1, 1, 2, [1, 2], [1, 3]], ids=str)
def test_layer_normalization_at_rank_4(axis: int | list[int], tmp_path: Path) -> None:
    """Where the order of the axes there and back is not the same."""
    check_layer(layers.LayerNormalization(axis=axis), (2, 7, 5), tmp_path)


def test_layer_normalization_without_weights(tmp_path: Path) -> None:
    check_layer(layers.LayerNormalization(center=False, scale=False), (11, 5), tmp_path, open_time=1)


@pytest.mark.parametrize("axis", [-1, 1])
def test_layer_normalization_behind_a_convolution(axis: int, tmp_path: Path) -> None:
    x = keras.Input((11, 3), name="x")
    y = layers.LayerNormalization(axis=axis)(layers.Conv1D(5, 3)(x))
    check_against_keras(keras.Model(x, layers.Conv1D(2, 3)(y)), tmp_path)


@pytest.mark.parametrize("axis", [-1, 1, 2, [1, 2], [-1, 1]])
@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False, "epsilon": 0.3}], ids=str)
def test_layer_normalization_that_keeps_the_mean(
    axis: int | list[int], options: dict[str, Any], tmp_path: Path
) -> None:
    layer = layers.LayerNormalization(axis=axis, rms_scaling=True, **options)
    x = keras.Input((11, 5), name="x")
    check_against_keras(keras.Model(x, layer(layers.Rescaling(1.0, offset=2.0)(x))), tmp_path)


@pytest.mark.parametrize(
    "inner",
    [
        lambda: layers.Conv1D(5, 3, activation="relu"),
        lambda: layers.Dense(5, use_bias=False),
        lambda: layers.Conv1DTranspose(5, 3, name="layer"),
    ],
)
def test_spectral_normalization_is_the_layer_inside(inner: Callable[[], keras.Layer], tmp_path: Path) -> None:
    check_layer(layers.SpectralNormalization(inner()), (9, 4), tmp_path, shapes=True)


def test_spectral_normalization_of_an_embedding(tmp_path: Path) -> None:
    x = keras.Input((9,), name="x")
    check_against_keras(keras.Model(x, layers.SpectralNormalization(layers.Embedding(7, 4))(x)), tmp_path)


def test_spectral_normalization_that_rounds_is_refused(tmp_path: Path) -> None:
    """Keras gives the results of a layer in this one the type of its input."""
    x = keras.Input((9,), dtype="int32")
    keras.Model(x, layers.SpectralNormalization(layers.Embedding(7, 4))(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="makes whole numbers of its results"):
        read_keras(tmp_path / "model.keras")


def test_spectral_normalization_that_goes_on_training_is_refused(tmp_path: Path) -> None:
    x = keras.Input((9, 4))
    keras.Model(x, layers.SpectralNormalization(layers.Dense(3))(x, training=True)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="called with training"):
        read_keras(tmp_path / "model.keras")
