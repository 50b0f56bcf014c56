"""Max, average and global pooling against real Keras."""

from pathlib import Path

import keras
import pytest
from keras import layers

from tests.frontends.keras.support import FORMATS, check_against_keras, check_layer, shaped, time_axis

LENGTH = 19
POOLING = (layers.MaxPooling1D, layers.AveragePooling1D)
GLOBAL = (layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(("size", "stride"), [(2, None), (3, None), (3, 1), (3, 2), (2, 3), (4, 3), (1, 2)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", POOLING)
def test_pooling(
    kind: type[keras.Layer], padding: str, size: int, stride: int | None, data_format: str, tmp_path: Path
) -> None:
    """An average over an edge that was padded counts the samples that are there."""
    layer = kind(size, strides=stride, padding=padding, data_format=data_format)
    check_layer(layer, shaped(data_format, LENGTH, 3), tmp_path, open_time=time_axis(data_format))


@pytest.mark.parametrize("kind", POOLING)
def test_pooling_of_negative_values_does_not_see_the_padding(kind: type[keras.Layer], tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    negative = layers.Subtract()([x, layers.ReLU()(x)])
    check_against_keras(keras.Model(x, kind(4, strides=2, padding="same")(negative)), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("kind", GLOBAL)
def test_global_pooling(kind: type[keras.Layer], keepdims: bool, data_format: str, tmp_path: Path) -> None:
    layer = kind(keepdims=keepdims, data_format=data_format)
    check_layer(layer, shaped(data_format, LENGTH, 3), tmp_path, open_time=time_axis(data_format))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", [*POOLING, *GLOBAL])
def test_pooling_is_not_confused_by_equal_sizes(kind: type[keras.Layer], data_format: str, tmp_path: Path) -> None:
    layer = kind(data_format=data_format) if kind in GLOBAL else kind(2, data_format=data_format)
    check_layer(layer, (6, 6), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", GLOBAL)
def test_batch_norm_behind_global_pooling(kind: type[keras.Layer], data_format: str, tmp_path: Path) -> None:
    """A reduction with a per-channel operation behind it: what OpenVINO's CPU plugin gets wrong in batches."""
    x = keras.Input(shaped(data_format, LENGTH, 3), name="x")
    pooled = kind(data_format=data_format)(layers.Conv1D(4, 3, data_format=data_format)(x))
    check_against_keras(keras.Model(x, layers.BatchNormalization()(pooled)), tmp_path)
