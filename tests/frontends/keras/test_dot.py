"""Dot, RepeatVector and adaptive pooling against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import FORMATS, check_against_keras, check_layer, shaped


def dot_of(first: tuple[int, ...], second: tuple[int, ...], **options: Any) -> keras.Model:
    given = [keras.Input(first, name="x"), keras.Input(second, name="y")]
    return keras.Model(given, layers.Dot(**options)(given))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "axes"),
    [
        ((5,), (5,), 1),
        ((5,), (5,), -1),
        ((4, 5), (3, 5), 2),
        ((4, 5), (3, 5), -1),
        ((5, 4), (5, 3), 1),
        ((5, 4), (3, 5), (1, 2)),
        ((4, 5), (5, 3), (2, 1)),
        ((5, 5), (5, 5), (1, 2)),
        ((5, 5), (5, 5), 2),
        ((5,), (5, 3), 1),
        ((5,), (3, 5), (1, -1)),
        ((4, 5), (5,), (2, 1)),
        ((5, 4), (5,), 1),
    ],
    ids=str,
)
def test_dot(first: tuple[int, ...], second: tuple[int, ...], axes: Any, normalize: bool, tmp_path: Path) -> None:
    check_against_keras(dot_of(first, second, axes=axes, normalize=normalize), tmp_path)


def test_dot_of_short_vectors(tmp_path: Path) -> None:
    """Below a length of 1e-7, they are divided by that and not by their length."""
    check_against_keras(dot_of((5,), (5,), axes=1, normalize=True), tmp_path, spread=5e-8)


def test_dot_at_rank_4_is_refused(tmp_path: Path) -> None:
    dot_of((2, 3, 4), (5, 4), axes=-1).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"multiplies tensors of the ranks \[4, 3\]"):
        read_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("axes", [0, 3, [1], [1, 2, 3], "1", [1, -3]], ids=str)
def test_axes_that_make_no_sense(axes: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    dot_of((4, 4), (4, 4), axes=1).save(path)
    config = config_of(path)
    config["config"]["layers"][-1]["config"]["axes"] = axes
    with pytest.raises(ModelError, match=r"has axes=.*, which makes no sense"):
        read_keras(with_config(path, config))


@pytest.mark.parametrize("n", [1, 4])
def test_repeat_vector(n: int, tmp_path: Path) -> None:
    check_layer(layers.RepeatVector(n), (5,), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    ("kind", "size"),
    [(layers.AdaptiveMaxPooling1D, size) for size in (3, 4)]
    + [(layers.AdaptiveAveragePooling1D, size) for size in (1, 3, 4, 12)],
)
def test_adaptive_pooling(kind: type[keras.Layer], size: int, data_format: str, tmp_path: Path) -> None:
    """Not the maximum with one window, on which TensorFlow dies of a division by zero (Keras 3.15)."""
    check_layer(kind(size, data_format=data_format), shaped(data_format, 12, 5), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", [layers.AdaptiveMaxPooling2D, layers.AdaptiveAveragePooling2D])
def test_adaptive_pooling_on_two_axes(kind: type[keras.Layer], data_format: str, tmp_path: Path) -> None:
    shape = (3, 12, 10) if data_format == "channels_first" else (12, 10, 3)
    check_layer(kind((3, 5), data_format=data_format), shape, tmp_path)


def test_adaptive_pooling_into_uneven_windows_is_refused(tmp_path: Path) -> None:
    x = keras.Input((12, 5), name="x")
    keras.Model(x, layers.AdaptiveMaxPooling1D(5)(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"pools \[12\] into \[5\] windows, which are not of one size"):
        read_keras(tmp_path / "model.keras")
