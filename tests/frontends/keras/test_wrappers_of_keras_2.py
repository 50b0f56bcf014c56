"""Wrappers in files that Keras 2 writes, of which Keras 3 refuses those with a model inside, against Keras 2."""

from pathlib import Path
from typing import Any

import pytest
import tf_keras
from tf_keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.keras_2 import check_against_keras_2

LENGTH = 7


def functional(name: str = "inner") -> tf_keras.Model:
    x = layers.Input((6, 3))
    y = layers.Conv1D(3, 3, padding="same", name="conv")(x)
    z = layers.Dense(2, name="dense")(layers.Add()([x, layers.BatchNormalization(name="norm")(y)]))
    return tf_keras.Model(x, z, name=name)


def sequential(name: str = "inner") -> tf_keras.Model:
    stack = [layers.Input((6, 3)), layers.Conv1D(4, 3, name="conv"), layers.Flatten(), layers.Dense(5, name="dense")]
    return tf_keras.Sequential(stack, name=name)


def check(*stack: Any, tmp_path: Path) -> None:
    x = y = layers.Input((LENGTH, 6, 3), name="x")
    for layer in stack:
        y = layer(y)
    check_against_keras_2(tf_keras.Model(x, y), tmp_path)


@pytest.mark.parametrize("inner", [functional, sequential])
def test_a_model_in_each_step(inner: Any, tmp_path: Path) -> None:
    check(layers.TimeDistributed(inner()), tmp_path=tmp_path)


def test_a_fixed_batch_with_a_mask_is_refused(tmp_path: Path) -> None:
    x = layers.Input((LENGTH, 6, 3), batch_size=3, name="x")
    y = layers.TimeDistributed(sequential())(layers.TimeDistributed(layers.Dense(3))(layers.Masking()(x)))
    tf_keras.Model(x, y).save(tmp_path / "model.h5")
    with pytest.raises(UnsupportedError, match="is given a mask and a fixed batch"):
        read_keras(tmp_path / "model.h5")


def test_a_model_of_each_step_inside_a_model(tmp_path: Path) -> None:
    stack = [layers.Input((LENGTH, 6, 3)), layers.TimeDistributed(sequential()), layers.LSTM(4, name="rnn")]
    check(tf_keras.Sequential(stack, name="outer"), tmp_path=tmp_path)


@pytest.mark.parametrize(
    "inner",
    [lambda: layers.Conv1D(4, 3), lambda: layers.LSTM(4), lambda: layers.Bidirectional(layers.GRU(4)), layers.Flatten],
)
def test_a_layer_in_each_step(inner: Any, tmp_path: Path) -> None:
    check(layers.TimeDistributed(inner()), tmp_path=tmp_path)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "ave", "mul", None])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_both_directions(kind: Any, merge_mode: str | None, tmp_path: Path) -> None:
    stack = [layers.Reshape((LENGTH, 18)), layers.Bidirectional(kind(4, return_sequences=True), merge_mode=merge_mode)]
    check(*stack, tmp_path=tmp_path)


def test_an_open_time(tmp_path: Path) -> None:
    x = layers.Input((None, 6, 3), name="x")
    check_against_keras_2(tf_keras.Model(x, layers.TimeDistributed(sequential())(x)), tmp_path)
