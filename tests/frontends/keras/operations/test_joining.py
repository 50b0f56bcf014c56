"""Joining, cutting and choosing between layers against real Keras."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.frontends.keras.operations.table import Function, check_functions
from tests.frontends.keras.support import check_against_keras

JOINS: dict[str, list[Function]] = {
    "concatenate": [
        lambda x, y: ops.concatenate([x, y], axis=1),
        lambda x, y: ops.concatenate([x, y, x], axis=-1),
        lambda x, y: ops.concatenate([x, ops.round(y) > 0], axis=-1),
        lambda x, y: ops.append(x, y, axis=1),
    ],
    "stack": [
        lambda x, y: ops.stack([x, y], axis=1),
        lambda x, y: ops.stack([x, y], axis=-1),
        lambda x, y: ops.stack([x, y, x], axis=2),
    ],
    "hstack": [lambda x, y: ops.hstack([x, y]), lambda x, y: ops.dstack([x, y]), lambda x, y: ops.vstack([x, y])],
}

PARTS: dict[str, list[Function]] = {
    "split": [
        lambda x: ops.split(x, 2, axis=-1),
        lambda x: ops.split(x, [1, 4], axis=1),
        lambda x: ops.split(x, 3, axis=1)[1],
    ],
    "array_split": [lambda x: ops.array_split(x, 4, axis=1)],
    "unstack": [lambda x: ops.unstack(x, axis=-1), lambda x: ops.unstack(x, axis=1)[2]],
    "take": [
        lambda x: ops.take(x, [2, 0, -1], axis=1),
        lambda x: ops.take(x, 1, axis=-1),
        lambda x: ops.take(x, np.array([[0, 1], [2, 3]]), axis=1),
        lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    ],
}

KEYS = [
    np.s_[:, -1],
    np.s_[:, 0],
    np.s_[:, 1:4],
    np.s_[:, ::2],
    np.s_[:, ::-1],
    np.s_[:, 4:1:-2],
    np.s_[:, -3:],
    np.s_[:, :-2],
    np.s_[..., 0],
    np.s_[..., -1:],
    np.s_[..., None],
    np.s_[:, None],
    np.s_[None, ..., None, 1],
    np.s_[:, 2, 3],
    np.s_[:, 1:, None, :2],
    np.s_[:, -2, 1:3],
    np.s_[0],
    np.s_[:1, ...],
    np.s_[:, 2:100],
]


@pytest.mark.parametrize("name", JOINS)
def test_joins(name: str, tmp_path: Path) -> None:
    check_functions(JOINS[name], tmp_path, number=2, shapes=name != "hstack")


@pytest.mark.parametrize("name", PARTS)
def test_parts(name: str, tmp_path: Path) -> None:
    check_functions(PARTS[name], tmp_path)


def test_slices(tmp_path: Path) -> None:
    # Keras does not know how much a slice leaves of the batch.
    check_functions([lambda x, key=key: x[key] for key in KEYS], tmp_path, shapes=False)


def test_slices_of_open_time(tmp_path: Path) -> None:
    keys = [np.s_[:, -1], np.s_[:, ::2], np.s_[:, 1:-1], np.s_[:, ::-1], np.s_[:, -2:, 0]]
    check_functions(
        [lambda x, key=key: x[key] for key in keys], tmp_path, shape=(None, 4), lengths=(5, 8), shapes=False
    )


def test_between_convolutions(tmp_path: Path) -> None:
    """Slices and joins along time and channels, which the layout must not mistake for each other."""
    x = keras.Input((8, 8), name="x")
    y = layers.Conv1D(8, 3, padding="same")(x)
    first, second = ops.split(y, 2, axis=-1)
    early, late = y[:, :4], y[:, 4:]
    y = ops.concatenate([ops.concatenate([late, early], axis=1), first, second * 2], axis=-1)
    y = layers.Conv1D(5, 3, padding="same")(y)
    check_against_keras(keras.Model(x, [y[:, -1], y[:, 1:, 2]]), tmp_path, output_names=False)
