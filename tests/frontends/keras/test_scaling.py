"""Group, RMS and unit normalisation, Rescaling and Normalization against real Keras."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras import support
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras, check_layer

SHAPE = (9, 6)


def saved(layer: keras.Layer, tmp_path: Path) -> Path:
    x = keras.Input(SHAPE, name="x")
    keras.Model(x, layer(x)).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.parametrize(
    "options", [{}, {"center": False}, {"scale": False}, {"scale": False, "center": False, "epsilon": 0.5}], ids=str
)
@pytest.mark.parametrize("groups", [1, 2, 6, -1])
def test_group_normalization(groups: int, options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.GroupNormalization(groups, **options), SHAPE, tmp_path, open_time=1)


@pytest.mark.parametrize(
    ("shape", "axis"), [((6, 9), 1), ((6, 6), 1), ((6, 9), -2), ((4, 5, 6), 2), ((4, 5, 6), -1), ((6,), -1)], ids=str
)
def test_group_normalization_axes(shape: tuple[int, ...], axis: int, tmp_path: Path) -> None:
    groups = 5 if axis == 2 else 2
    check_layer(layers.GroupNormalization(groups, axis=axis), shape, tmp_path)


def test_group_normalization_between_convolutions(tmp_path: Path) -> None:
    x = keras.Input((12, 3), name="x")
    y = layers.GroupNormalization(2)(layers.Conv1D(6, 3)(x))
    check_against_keras(keras.Model(x, layers.Conv1D(5, 3)(y)), tmp_path)


@pytest.mark.parametrize("options", [{}, {"epsilon": 0.3}, {"axis": 2}, {"axis": [1, 2]}, {"axis": [-1, -2]}], ids=str)
def test_rms_normalization(options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.RMSNormalization(**options), SHAPE, tmp_path)


def test_rms_normalization_with_open_time(tmp_path: Path) -> None:
    check_layer(layers.RMSNormalization(), SHAPE, tmp_path, open_time=1)


def test_rms_normalization_over_another_axis_is_refused(tmp_path: Path) -> None:
    path = saved(layers.RMSNormalization(), tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"]["axis"] = 1
    with pytest.raises(UnsupportedError, match=r"normalises over the axes \[1\], which are not the last ones"):
        read_keras(with_config(path, config))


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]], ids=str)
def test_unit_normalization(axis: Any, tmp_path: Path) -> None:
    check_layer(layers.UnitNormalization(axis), SHAPE, tmp_path, open_time=1)


def test_unit_normalization_of_nothing(tmp_path: Path) -> None:
    """Zeros stay zeros."""
    x = keras.Input(SHAPE, name="x")
    zeros = layers.Subtract()([x, x])
    check_against_keras(keras.Model(x, layers.UnitNormalization()(zeros)), tmp_path)


def test_unit_normalization_of_short_vectors(tmp_path: Path) -> None:
    """Below a length of 1e-12, they are divided by that and not by their length."""
    check_layer(layers.UnitNormalization(), SHAPE, tmp_path, spread=4e-13)


@pytest.mark.parametrize(
    ("scale", "offset"),
    [(0.25, 0.0), (2, -1.5), (np.linspace(-1, 2, 6), 0.5), (0.5, np.arange(6.0)), (np.arange(54.0).reshape(SHAPE), 1)],
    ids=["scale", "both", "scales", "offsets", "places"],
)
def test_rescaling(scale: Any, offset: Any, tmp_path: Path) -> None:
    check_layer(layers.Rescaling(scale, offset), SHAPE, tmp_path, open_time=1 if np.ndim(scale) < 2 else None)


MEANS = np.linspace(-2, 2, 6)
VARIANCES = np.array([0.5, 1.0, 2.0, 0.0, 3.0, 1e-3])


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    ("axis", "mean", "variance"),
    [(-1, MEANS, VARIANCES), (None, 0.5, 4.0), (-1, 0.5, 4.0), ((1, 2), MEANS, VARIANCES + 1), (1, [0.5], [2.0])],
    ids=["channels", "all", "spread", "last", "one"],
)
def test_normalization_by_its_configuration(axis: Any, mean: Any, variance: Any, invert: bool, tmp_path: Path) -> None:
    """A variance of zero divides by 1e-7."""
    check_layer(layers.Normalization(axis, mean=mean, variance=variance, invert=invert), SHAPE, tmp_path)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (2, 1)], ids=str)
def test_normalization_by_what_it_saw(axis: Any, invert: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras keeps a copy of what it adapted to, so the weights must stay as they are."""
    monkeypatch.setattr(support, "randomise", lambda model: None)
    layer = layers.Normalization(axis, invert=invert)
    layer.adapt(np.random.default_rng(3).normal(2.0, 3.0, (20, *SHAPE)))
    check_layer(layer, SHAPE, tmp_path)


def test_normalization_with_open_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "randomise", lambda model: None)
    check_layer(layers.Normalization(), SHAPE, tmp_path, open_time=1)


@pytest.mark.parametrize(
    ("layer", "key", "value"),
    [
        (layers.GroupNormalization(2), "groups", 4),
        (layers.GroupNormalization(2), "groups", 0),
        (layers.GroupNormalization(2), "axis", 0),
        (layers.UnitNormalization(), "axis", [1, 1]),
        (layers.Rescaling(2.0), "scale", [1.0, 2.0]),
        (layers.Rescaling(2.0), "scale", "2"),
        (layers.Rescaling(2.0), "offset", [[1.0], [2.0, 3.0]]),
        (layers.Rescaling(2.0), "offset", 1e300),
        (layers.Normalization(mean=1.0, variance=2.0), "variance", -1.0),
        (layers.Normalization(mean=1.0, variance=2.0), "mean", [1.0, 2.0]),
        (layers.Normalization(mean=1.0, variance=2.0), "axis", [0]),
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense(layer: keras.Layer, key: str, value: Any, tmp_path: Path) -> None:
    path = saved(layer, tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"][key] = value
    with pytest.raises(ModelError, match=f"has {key}=.*, which makes no sense"):
        read_keras(with_config(path, config))
