"""Bidirectional and TimeDistributed against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import check_against_keras, check_layer

LENGTH = 7


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_merges(kind: Any, merge_mode: str, return_sequences: bool, tmp_path: Path) -> None:
    layer = layers.Bidirectional(kind(4, return_sequences=return_sequences), merge_mode=merge_mode)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", None])
def test_several_outputs(merge_mode: str | None, return_sequences: bool, return_state: bool, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    rnn = layers.LSTM(4, return_sequences=return_sequences, return_state=return_state)
    y = layers.Bidirectional(rnn, merge_mode=merge_mode)(x)
    check_against_keras(keras.Model(x, y), tmp_path, output_names=False)


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_backward_layer(return_sequences: bool, forward: bool, tmp_path: Path) -> None:
    """Of another class and size, and the first of them may be the one that goes backwards."""
    layer = layers.Bidirectional(
        layers.LSTM(4, return_sequences=return_sequences, go_backwards=not forward),
        backward_layer=layers.GRU(5, return_sequences=return_sequences, go_backwards=forward),
    )
    x = keras.Input((LENGTH, 3), name="x")
    check_against_keras(keras.Model(x, layer(x)), tmp_path, shapes=False)


@pytest.mark.parametrize("layer", [lambda: layers.Dense(5, activation="relu"), lambda: layers.Activation("softmax")])
def test_time_distributed_with_open_time(layer: Any, tmp_path: Path) -> None:
    check_layer(layers.TimeDistributed(layer()), (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Conv1D(5, 3),
        lambda: layers.Flatten(),
        lambda: layers.GlobalAveragePooling1D(),
        lambda: layers.LSTM(4),
        lambda: layers.Bidirectional(layers.GRU(4)),
    ],
)
def test_time_distributed_steps(layer: Any, tmp_path: Path) -> None:
    check_layer(layers.TimeDistributed(layer()), (LENGTH, 6, 3), tmp_path)


def test_repeat_vector(tmp_path: Path) -> None:
    check_layer(layers.RepeatVector(4), (5,), tmp_path)


def test_time_distributed_over_an_open_time_is_refused(tmp_path: Path) -> None:
    x = keras.Input((None, 6, 3), name="x")
    keras.Model(x, layers.TimeDistributed(layers.Flatten())(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="needs the size of axis 1"):
        read_keras(tmp_path / "model.keras")
