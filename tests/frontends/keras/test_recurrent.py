"""LSTM, GRU and SimpleRNN against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import check_against_keras, check_layer

KINDS = [layers.LSTM, layers.GRU, layers.SimpleRNN]
LENGTH = 7


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_steps(kind: Any, return_sequences: bool, go_backwards: bool, tmp_path: Path) -> None:
    layer = kind(5, return_sequences=return_sequences, go_backwards=go_backwards)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_bias(kind: Any, tmp_path: Path) -> None:
    check_layer(kind(4, use_bias=False, return_sequences=True), (LENGTH, 4), tmp_path)


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"go_backwards": True}], ids=str)
def test_gru_that_resets_before(options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.GRU(5, reset_after=False, return_sequences=True, **options), (LENGTH, 3), tmp_path)


@pytest.mark.parametrize("inner", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("gates", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_activations(kind: Any, gates: str, inner: str, tmp_path: Path) -> None:
    layer = kind(4, activation=inner, recurrent_activation=gates, return_sequences=True)
    check_layer(layer, (3, 3), tmp_path)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_activations_of_a_simple_rnn(activation: str, tmp_path: Path) -> None:
    check_layer(layers.SimpleRNN(4, activation=activation), (3, 3), tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_states(kind: Any, return_sequences: bool, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    outputs = kind(4, return_state=True, return_sequences=return_sequences, name="rnn")(x)
    check_against_keras(keras.Model(x, outputs), tmp_path, output_names=False)


def test_unrolled_with_dropout(tmp_path: Path) -> None:
    check_layer(layers.LSTM(4, unroll=True, dropout=0.5, recurrent_dropout=0.5), (LENGTH, 3), tmp_path)


def test_equal_sizes(tmp_path: Path) -> None:
    check_layer(layers.LSTM(4, return_sequences=True), (4, 4), tmp_path)


def test_cnn_and_rnn(tmp_path: Path) -> None:
    x = keras.Input((32, 3), name="x")
    y = layers.Conv1D(8, 5, padding="same", activation="relu")(x)
    y = layers.MaxPooling1D(2)(layers.BatchNormalization()(y))
    y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(y)
    y = layers.Dense(3, activation="softmax")(layers.GRU(5)(y))
    check_against_keras(keras.Model(x, y), tmp_path)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: layers.GRU(4, activation="softmax"), "has activation='softmax' in its recurrence"),
        (lambda: layers.LSTM(4, recurrent_activation="elu"), "has recurrent_activation='elu' in its recurrence"),
        (lambda: layers.SimpleRNN(4, activation=None), "has activation='linear' in its recurrence"),
        (lambda: layers.LSTM(4, recurrent_activation="hard_sigmoid"), "has recurrent_activation='hard_sigmoid' in its"),
    ],
)
def test_refused(layer: Any, reason: str, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    keras.Model(x, layer()(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=reason):
        read_keras(tmp_path / "model.keras")


def test_stateful(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), batch_size=2, name="x")
    keras.Model(x, layers.LSTM(4, stateful=True)(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"keeps its state .* \(stateful=True\)"):
        read_keras(tmp_path / "model.keras")


def test_initial_state(tmp_path: Path) -> None:
    x, state = keras.Input((LENGTH, 3), name="x"), keras.Input((4,), name="state")
    model = keras.Model([x, state], layers.GRU(4)(x, initial_state=state))
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="is called with initial_state"):
        read_keras(tmp_path / "model.keras")


def test_masking(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((LENGTH, 3)), layers.Masking(), layers.GRU(4)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="Masking"):
        read_keras(tmp_path / "model.keras")
