"""Flatten, Reshape, Permute, ZeroPadding1D, Cropping1D and UpSampling1D against real Keras."""

from pathlib import Path

import keras
import pytest
from keras import layers

from tests.frontends.keras.support import FORMATS, check_against_keras, check_layer

BOTH_ENDS = [0, 2, (1, 0), (0, 3), (2, 1)]


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 7, 5)], ids=str)
def test_flatten(shape: tuple[int, ...], data_format: str, tmp_path: Path) -> None:
    check_layer(layers.Flatten(data_format=data_format), shape, tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
def test_flatten_with_open_time(data_format: str, tmp_path: Path) -> None:
    time = 1 if data_format == "channels_last" else 2
    check_layer(layers.Flatten(data_format=data_format), (6, 5), tmp_path, open_time=time)


@pytest.mark.parametrize("target", [(24,), (8, 6), (-1, 6), (4, -1), (-1,), (2, 4, 6), (12, 2, -1)], ids=str)
def test_reshape(target: tuple[int, ...], tmp_path: Path) -> None:
    shape = (8, 3) if target == (24,) else (12, 4)
    check_layer(layers.Reshape(target), shape, tmp_path)


def test_reshape_with_open_time(tmp_path: Path) -> None:
    check_layer(layers.Reshape((-1, 2)), (6, 4), tmp_path, open_time=1)


def test_reshape_between_convolutions(tmp_path: Path) -> None:
    """A Reshape mixes the axes, so the layout around it is fixed."""
    x = keras.Input((12, 3), name="x")
    y = layers.Reshape((6, 8))(layers.Conv1D(4, 3, padding="same")(x))
    check_against_keras(keras.Model(x, layers.Conv1D(5, 3)(y)), tmp_path)


@pytest.mark.parametrize("dims", [(1, 2), (2, 1)], ids=str)
@pytest.mark.parametrize("shape", [(7, 5), (6, 6)], ids=str)
def test_permute(dims: tuple[int, ...], shape: tuple[int, int], tmp_path: Path) -> None:
    check_layer(layers.Permute(dims), shape, tmp_path, open_time=None if shape == (6, 6) else 1)


@pytest.mark.parametrize("dims", [(1, 3, 2), (2, 3, 1), (3, 1, 2)], ids=str)
def test_permute_at_rank_4(dims: tuple[int, ...], tmp_path: Path) -> None:
    check_layer(layers.Permute(dims), (2, 3, 4), tmp_path)


@pytest.mark.parametrize("length", [5, 9])
def test_permute_between_convolutions(length: int, tmp_path: Path) -> None:
    """A Permute that is part of the model is no change of layout, also where it looks like one."""
    x = keras.Input((length, 3), name="x")
    y = layers.Permute((2, 1))(layers.Conv1D(5, 3, padding="same")(x))
    check_against_keras(keras.Model(x, layers.Conv1D(4, 3)(y)), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", BOTH_ENDS, ids=str)
def test_zero_padding(padding: int | tuple[int, int], data_format: str, tmp_path: Path) -> None:
    time = 1 if data_format == "channels_last" else 2
    check_layer(layers.ZeroPadding1D(padding, data_format=data_format), (7, 5), tmp_path, open_time=time)


@pytest.mark.parametrize("kind", [layers.Conv1D, layers.MaxPooling1D, layers.AveragePooling1D, layers.Conv1DTranspose])
@pytest.mark.parametrize("padding", [2, (3, 0), (0, 1)], ids=str)
def test_zero_padding_before_a_window(kind: type[keras.Layer], padding: int | tuple[int, int], tmp_path: Path) -> None:
    """Only a convolution can take the zeros as its own padding: a pool's padding is no zero."""
    x = keras.Input((9, 3), name="x")
    window = kind(4, 3, strides=2) if "Conv" in kind.__name__ else kind(3, strides=2)
    y = layers.Subtract()([x, layers.ReLU()(x)])
    check_against_keras(keras.Model(x, window(layers.ZeroPadding1D(padding)(y))), tmp_path)


@pytest.mark.parametrize("cropping", BOTH_ENDS, ids=str)
def test_cropping(cropping: int | tuple[int, int], tmp_path: Path) -> None:
    check_layer(layers.Cropping1D(cropping), (7, 5), tmp_path, open_time=1)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_up_sampling(size: int, tmp_path: Path) -> None:
    check_layer(layers.UpSampling1D(size), (7, 5), tmp_path, open_time=1)


def test_up_sampling_between_convolutions(tmp_path: Path) -> None:
    stack = [keras.Input((9, 3)), layers.Conv1D(4, 3), layers.UpSampling1D(2), layers.Conv1D(2, 3)]
    check_against_keras(keras.Sequential(stack), tmp_path)
