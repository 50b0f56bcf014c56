"""Masks in Functional models of Keras 3, whose files state them as tensors, against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from tests.frontends.keras.support import check_against_keras
from tests.frontends.keras.test_masks import LENGTH, MERGES, padded, partly


def check(*stack: Any, tmp_path: Path, edit: Any = padded) -> None:
    x = y = keras.Input((LENGTH, 3), name="x")
    for layer in stack:
        y = layer(y)
    check_against_keras(keras.Model(x, y), tmp_path, edit=edit)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_recurrence(kind: Any, return_sequences: bool, tmp_path: Path) -> None:
    check(layers.Masking(), layers.Dense(3), kind(4, return_sequences=return_sequences), tmp_path=tmp_path)


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization,
        layers.LayerNormalization,
        lambda: layers.Bidirectional(layers.GRU(4, return_sequences=True)),
        lambda: layers.TimeDistributed(layers.Dense(4)),
        lambda: layers.Conv1D(4, 3, padding="same"),
    ],
)
def test_layers_between(layer: Any, tmp_path: Path) -> None:
    check(layers.Masking(), layer(), layers.LSTM(4, return_sequences=True), tmp_path=tmp_path)


def test_average_pooling(tmp_path: Path) -> None:
    check(layers.Masking(), layers.Dense(4), layers.GlobalAveragePooling1D(), tmp_path=tmp_path, edit=partly)


def test_a_model_inside(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((LENGTH, 3)), layers.Dense(4), layers.LSTM(4)], name="inner")
    check(layers.Masking(), inner, tmp_path=tmp_path)


@pytest.mark.parametrize("merge", [*MERGES, layers.Concatenate, lambda: layers.Concatenate(1)])
def test_merged_masks(merge: Any, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    y = layers.Masking()(layers.ReLU()(layers.Conv1D(3, 1)(x)))
    z = layers.GRU(4, return_sequences=True)(merge()([layers.Masking()(x), y]))
    check_against_keras(keras.Model(x, z), tmp_path, edit=padded)
