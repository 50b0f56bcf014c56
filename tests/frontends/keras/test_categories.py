"""Discretization and CategoryEncoding."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import check_against_keras

BOUNDARIES = [-0.5, 0.2, 1.0]
MODES = ["one_hot", "multi_hot", "count"]


@pytest.mark.parametrize("mode", ["int", *MODES])
@pytest.mark.parametrize("shape", [(9,), (1,), (9, 4), (9, 1)], ids=str)
def test_bins(mode: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    x = keras.Input(shape, name="x")
    check_against_keras(keras.Model(x, layers.Discretization(BOUNDARIES, output_mode=mode)(x)), tmp_path)


def test_a_boundary_belongs_to_the_bin_above_it(tmp_path: Path) -> None:
    x = keras.Input((2,), name="x", dtype="int32")
    model = keras.Model(x, layers.Discretization([-1.0, 0.0, 1.0])(x))
    assert model(np.array([[0, 1]])).numpy().tolist() == [[2, 3]]
    check_against_keras(model, tmp_path, spread=2.0)


def test_bins_by_data_before_an_embedding(tmp_path: Path) -> None:
    bins = layers.Discretization(num_bins=4)
    bins.adapt(np.random.default_rng(0).normal(size=500))
    x = keras.Input((9,), name="x")
    check_against_keras(keras.Model(x, layers.Conv1D(4, 3)(layers.Embedding(4, 5)(bins(x)))), tmp_path)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
@pytest.mark.parametrize("shape", [(9,), (1,), (9, 4)], ids=str)
def test_categories(mode: str, dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    x = keras.Input(shape, name="x", dtype=dtype)
    y = layers.CategoryEncoding(5, output_mode=mode)(x)
    # Keras states the sum along another axis than the one that it takes.
    check_against_keras(keras.Model(x, y), tmp_path, shapes=len(shape) == 1)


def test_weighted_counts(tmp_path: Path) -> None:
    x, weights = keras.Input((9,), name="x", dtype="int32"), keras.Input((9,), name="weights")
    y = layers.CategoryEncoding(5, output_mode="count")(x, count_weights=weights)
    check_against_keras(keras.Model([x, weights], y), tmp_path)


def changed(tmp_path: Path, layer: keras.Layer, **entries: Any) -> Path:
    x = keras.Input((9,), name="x")
    keras.Model(x, layer(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"] |= entries
    return with_config(tmp_path / "model.keras", config)


@pytest.mark.parametrize("boundaries", [[], [1.0, 0.5], [[1.0]], ["a"], 3.0])
def test_boundaries_that_make_no_sense(boundaries: Any, tmp_path: Path) -> None:
    path = changed(tmp_path, layers.Discretization(BOUNDARIES), bin_boundaries=boundaries)
    with pytest.raises(ModelError, match=r"bin_boundaries=.* which makes no sense"):
        read_keras(path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"bin_boundaries": None, "num_bins": 3}, "has no boundaries"),
        ({"output_mode": "one_hot", "sparse": True}, "gives a sparse tensor"),
    ],
)
def test_what_is_refused(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = changed(tmp_path, layers.Discretization(BOUNDARIES), **entries)
    with pytest.raises(UnsupportedError, match=message):
        read_keras(path)


def test_too_many_categories(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="too large"):
        read_keras(changed(tmp_path, layers.CategoryEncoding(5), num_tokens=2**30))
