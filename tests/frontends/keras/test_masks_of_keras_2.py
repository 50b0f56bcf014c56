"""Masks in files of Keras 2, where they merge in another way and are never stated in calls, against Keras 2."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import tf_keras
from tf_keras import layers

from tests.frontends.keras.keras_2 import check_against_keras_2
from tests.frontends.keras.test_masks import LENGTH, padded, partly


def model_of(*stack: Any) -> tf_keras.Model:
    """A Functional model."""
    x = y = layers.Input((LENGTH, 3), name="x")
    for layer in stack:
        y = layer(y)
    return tf_keras.Model(x, y)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_recurrence(kind: Any, return_sequences: bool, tmp_path: Path) -> None:
    rnn = kind(4, return_sequences=return_sequences)
    check_against_keras_2(model_of(layers.Masking(), layers.Dense(3), rnn), tmp_path, edit=padded)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional(return_sequences: bool, tmp_path: Path) -> None:
    rnn = layers.Bidirectional(layers.LSTM(4, return_sequences=return_sequences))
    check_against_keras_2(model_of(layers.Masking(), rnn), tmp_path, edit=padded)


def test_average_pooling(tmp_path: Path) -> None:
    check_against_keras_2(model_of(layers.Masking(), layers.GlobalAveragePooling1D()), tmp_path, edit=partly)


@pytest.mark.parametrize("layer", [lambda: layers.Conv1D(3, 1), lambda: layers.Rescaling(0.5), layers.Flatten])
def test_layers_that_lose_a_mask(layer: Any, tmp_path: Path) -> None:
    model = model_of(layers.Masking(), layer(), layers.Reshape((LENGTH, 3)), layers.GRU(4, return_sequences=True))
    check_against_keras_2(model, tmp_path, edit=padded)


@pytest.mark.parametrize(
    ("merge", "both"),
    [
        *itertools.product([layers.Add, layers.Multiply, layers.Maximum, layers.Concatenate], [False, True]),
        (lambda: layers.Concatenate(1), True),
    ],
)
def test_merged_masks(merge: Any, both: bool, tmp_path: Path) -> None:
    x = layers.Input((LENGTH, 3), name="x")
    y = layers.Conv1D(3, 1, activation="relu")(x)
    joined = merge()([layers.Masking()(x), layers.Masking()(y) if both else y])
    model = tf_keras.Model(x, layers.GRU(4, return_sequences=True)(joined))
    check_against_keras_2(model, tmp_path, edit=padded)


def test_a_model_inside(tmp_path: Path) -> None:
    inner = tf_keras.Sequential([layers.Input((LENGTH, 3)), layers.Dense(4), layers.LSTM(4)], name="inner")
    check_against_keras_2(model_of(layers.Masking(), inner), tmp_path, edit=padded)


def test_each_step_of_a_sequence(tmp_path: Path) -> None:
    stack = [layers.Masking(), layers.TimeDistributed(layers.Dense(4)), layers.GRU(4)]
    check_against_keras_2(model_of(*stack), tmp_path, edit=padded)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_initial_state(kind: Any, wrap: Any, return_sequences: bool, tmp_path: Path) -> None:
    """A step before the first that counts gives zeros, not the initial state."""
    rnn = wrap(kind(4, return_sequences=return_sequences))
    number = (2 if kind is layers.LSTM else 1) * (2 if isinstance(rnn, layers.Bidirectional) else 1)
    x = layers.Input((LENGTH, 3), name="x")
    states = [layers.Dense(4)(layers.Flatten()(x)) for _ in range(number)]
    check_against_keras_2(tf_keras.Model(x, rnn(layers.Masking()(x), initial_state=states)), tmp_path, edit=padded)


@pytest.mark.parametrize("merge", [layers.Multiply, layers.Maximum])
def test_values_are_merged_without_a_look_at_masks(merge: Any, tmp_path: Path) -> None:
    x = layers.Input((LENGTH, 3), name="x")
    joined = merge()([layers.Masking()(x), layers.Conv1D(3, 1)(x)])
    check_against_keras_2(tf_keras.Model(x, layers.Conv1D(2, 1)(joined)), tmp_path, edit=padded)
