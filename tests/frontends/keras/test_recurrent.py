"""LSTM, GRU and SimpleRNN against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
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


FUNCTIONS = [{"activation": "elu"}, {"activation": None}, {"activation": "softmax"}]
GATES = [{"recurrent_activation": "hard_sigmoid"}, {"recurrent_activation": "softmax"}]


@pytest.mark.parametrize("options", [*FUNCTIONS, *GATES, {"activation": "hard_tanh", "use_bias": False}], ids=str)
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_activations_that_are_computed_step_by_step(kind: Any, options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(kind(5, return_sequences=True, **options), (4, 3), tmp_path)


@pytest.mark.parametrize("options", [*FUNCTIONS, {"activation": "softsign", "use_bias": False}], ids=str)
def test_activations_of_a_simple_rnn_step_by_step(options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.SimpleRNN(5, return_sequences=True, **options), (4, 3), tmp_path)


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"go_backwards": True}], ids=str)
def test_gru_that_resets_before_step_by_step(options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.GRU(5, reset_after=False, activation="softsign", **options), (LENGTH, 3), tmp_path)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_unrolled_steps(kind: Any, return_sequences: bool, go_backwards: bool, tmp_path: Path) -> None:
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards, "return_state": True}
    x = keras.Input((LENGTH, 3), name="x")
    outputs = kind(5, activation="softsign", name="rnn", **options)(x)
    check_against_keras(keras.Model(x, outputs), tmp_path, output_names=False)


def test_one_step(tmp_path: Path) -> None:
    check_layer(layers.LSTM(4, activation="elu", return_sequences=True), (1, 3), tmp_path)


@pytest.mark.parametrize("length", [None, 513])
def test_step_by_step_needs_a_fixed_short_length(length: int | None, tmp_path: Path) -> None:
    x = keras.Input((length, 3), name="x")
    keras.Model(x, layers.GRU(4, activation="elu")(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=rf"has activation='elu' in its recurrence, .* it is {length or 'open'}"):
        read_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("options", [{}, {"go_backwards": True, "return_sequences": True}], ids=str)
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("kind", KINDS)
def test_initial_state(kind: Any, activation: str, options: dict[str, Any], tmp_path: Path) -> None:
    states = [keras.Input((4,), name=f"state_{place}") for place in range(2 if kind is layers.LSTM else 1)]
    x = keras.Input((LENGTH, 3), name="x")
    y = kind(4, activation=activation, **options)(x, initial_state=states if len(states) > 1 else states[0])
    check_against_keras(keras.Model([x, *states], y), tmp_path)


def test_initial_state_of_another_layer(tmp_path: Path) -> None:
    """An encoder and a decoder."""
    x = keras.Input((LENGTH, 3), name="x")
    _, h, c = layers.LSTM(4, return_state=True)(x)
    y = layers.LSTM(4, return_sequences=True)(layers.RepeatVector(3)(h), initial_state=[h, c])
    check_against_keras(keras.Model(x, y), tmp_path)


def test_too_many_states(tmp_path: Path) -> None:
    x, state = keras.Input((LENGTH, 3), name="x"), keras.Input((4,), name="state")
    keras.Model([x, state], layers.GRU(4)(x, initial_state=state)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    node = config["config"]["layers"][2]["inbound_nodes"][0]
    node["kwargs"]["initial_state"] = [node["kwargs"]["initial_state"]] * 2
    with pytest.raises(UnsupportedError, match="has 1 states, but is given 2 tensors as its initial state"):
        read_keras(with_config(tmp_path / "model.keras", config))


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True}], ids=str)
@pytest.mark.parametrize("cell", [layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell])
def test_a_layer_of_a_cell(cell: Any, options: dict[str, Any], tmp_path: Path) -> None:
    check_layer(layers.RNN(cell(4), **options), (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize(
    "options",
    [{}, {"return_sequences": True}, {"go_backwards": True}, {"go_backwards": True, "return_sequences": True}],
    ids=str,
)
def test_stacked_cells(options: dict[str, Any], activation: str, tmp_path: Path) -> None:
    """Two of one class, which only their names tell apart."""
    cells = [layers.LSTMCell(3), layers.GRUCell(4, activation=activation), layers.LSTMCell(3)]
    check_layer(layers.RNN(cells, **options), (LENGTH, 3), tmp_path)


def test_stacked_cells_around_each_other(tmp_path: Path) -> None:
    rnn = layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)], return_sequences=True)
    check_layer(layers.Bidirectional(rnn), (LENGTH, 3), tmp_path)


def test_states_of_stacked_cells(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    y, states, more = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_state=True)(x)
    check_against_keras(keras.Model(x, [y, *states, more]), tmp_path, output_names=False)


def test_a_cell_without_a_rule(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    keras.Model(x, layers.RNN(layers.LSTMCell(3))(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"]["cell"]["class_name"] = "MyCell"
    with pytest.raises(UnsupportedError, match=r"steps through 'lstm_cell.*' \(MyCell"):
        read_keras(with_config(tmp_path / "model.keras", config))


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
def test_stateful(wrap: Any, tmp_path: Path) -> None:
    """The first call: its state is zero."""
    x = keras.Input((LENGTH, 3), batch_size=2, name="x")
    model = keras.Model(x, wrap(layers.LSTM(4, stateful=True))(x))
    source = check_against_keras(model, tmp_path, batches=(2,))
    assert any("(stateful=True); converted, it starts each from zeros" in warning for warning in source.warnings)


def test_a_call_in_training(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    y = layers.GRU(4, dropout=0.5)(x, training=True)
    keras.Model(x, layers.GRU(4)(layers.RepeatVector(2)(y), training=True)).save(tmp_path / "model.keras")
    (warning,) = read_keras(tmp_path / "model.keras").warnings
    assert "is called with training=True" in warning


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mask": [1, 2]}, "is called with the mask"),
        ({"mask": "x"}, "is called with the mask"),
        ({"initial_state": [0.5]}, "starts from the state 0.5"),
        ({"constants": [1]}, "is called with constants"),
    ],
)
def test_options_of_a_call_that_are_no_tensors(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    keras.Model(x, layers.GRU(4)(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = options
    with pytest.raises(UnsupportedError, match=reason):
        read_keras(with_config(tmp_path / "model.keras", config))


def test_states_in_the_reverse_order_of_cells(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    keras.Model(x, layers.RNN([layers.GRUCell(4), layers.GRUCell(3)])(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"]["cell"]["config"]["reverse_state_order"] = True
    with pytest.raises(UnsupportedError, match="has the states of its last cell first"):
        read_keras(with_config(tmp_path / "model.keras", config))
