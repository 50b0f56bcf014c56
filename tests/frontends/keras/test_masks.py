"""Masks that go from layer to layer, against real Keras, with inputs that are masked in all places."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import Array, check_against_keras

LENGTH = 9
KINDS = [layers.LSTM, layers.GRU, layers.SimpleRNN]


def padded(x: Array, value: float = 0.0) -> None:
    """Masks steps at the front of the first sample, in the middle of all, and at the end of the second; all others
    are the third's."""
    x[:, 4:6] = value
    x[0, :2] = value
    x[1:2, -2:] = value
    x[2:] = value


def partly(x: Array) -> None:
    """As `padded`, but no sample is masked as a whole."""
    padded(x)
    x[2:, 3] = 1.5


def check(*stack: Any, tmp_path: Path, edit: Any = padded, channels: int = 3) -> None:
    """A Sequential model, whose file says nothing of masks."""
    check_against_keras(keras.Sequential([keras.Input((LENGTH, channels)), *stack]), tmp_path, edit=edit)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrence(kind: Any, return_sequences: bool, go_backwards: bool, tmp_path: Path) -> None:
    rnn = kind(4, return_sequences=return_sequences, go_backwards=go_backwards)
    check(layers.Masking(), rnn, tmp_path=tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
def test_outputs_of_masked_steps(zero_output_for_mask: bool, return_sequences: bool, tmp_path: Path) -> None:
    rnn = layers.GRU(4, return_sequences=return_sequences, zero_output_for_mask=zero_output_for_mask)
    check(layers.Masking(), rnn, tmp_path=tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_stacked_cells(return_sequences: bool, tmp_path: Path) -> None:
    rnn = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=return_sequences)
    check(layers.Masking(), rnn, tmp_path=tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_bidirectional(merge_mode: str, return_sequences: bool, tmp_path: Path) -> None:
    rnn = layers.Bidirectional(layers.LSTM(4, return_sequences=return_sequences), merge_mode=merge_mode)
    check(layers.Masking(), rnn, tmp_path=tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_an_embedding(return_sequences: bool, tmp_path: Path) -> None:
    def edit(numbers: Array) -> None:
        numbers[:] = abs(numbers).round() % 5
        padded(numbers)

    stack = [layers.Embedding(5, 3, mask_zero=True), layers.LSTM(4, return_sequences=return_sequences)]
    check_against_keras(keras.Sequential([keras.Input((LENGTH,)), *stack]), tmp_path, edit=edit)


def test_mask_value(tmp_path: Path) -> None:
    check(layers.Masking(-1.0), layers.LSTM(4), tmp_path=tmp_path, edit=lambda x: padded(x, -1.0))


def test_a_step_with_one_zero_is_not_masked(tmp_path: Path) -> None:
    def edit(x: Array) -> None:
        x[:, 2, 1] = 0.0

    check(layers.Masking(), layers.LSTM(4), tmp_path=tmp_path, edit=edit)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dense(3, activation="relu"),
        lambda: layers.BatchNormalization(),
        lambda: layers.LayerNormalization(),
        lambda: layers.Activation("tanh"),
        lambda: layers.Dropout(0.5),
        lambda: layers.TimeDistributed(layers.Dense(4)),
        lambda: layers.LSTM(4, return_sequences=True),
        lambda: layers.Bidirectional(layers.GRU(4, return_sequences=True)),
        lambda: layers.PReLU(),
    ],
)
def test_layers_that_hand_a_mask_on(layer: Any, tmp_path: Path) -> None:
    check(layers.Masking(), layer(), layers.GRU(4, return_sequences=True), tmp_path=tmp_path)


@pytest.mark.parametrize(
    "layer",
    [lambda: layers.Conv1D(4, 3, padding="same"), lambda: layers.MaxPooling1D(1), lambda: layers.Reshape((9, 3))],
)
def test_layers_that_lose_a_mask(layer: Any, tmp_path: Path) -> None:
    check(layers.Masking(), layer(), layers.GRU(4, return_sequences=True), tmp_path=tmp_path)


@pytest.mark.parametrize("keepdims", [False, True])
def test_average_pooling(keepdims: bool, tmp_path: Path) -> None:
    pool = layers.GlobalAveragePooling1D(keepdims=keepdims)
    check(layers.Masking(), layers.Dense(4), pool, tmp_path=tmp_path, edit=partly)


def test_average_pooling_of_channels_first(tmp_path: Path) -> None:
    """Its mask belongs to the second axis, which it takes for channels: Keras puts it along the third."""
    pool = layers.GlobalAveragePooling1D(data_format="channels_first")
    check(layers.Masking(), layers.Dense(LENGTH), pool, tmp_path=tmp_path, edit=partly)


def test_a_model_inside(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((LENGTH, 3)), layers.Dense(4), layers.LSTM(4)], name="inner")
    check(layers.Masking(), inner, layers.Dense(2), tmp_path=tmp_path)


def test_a_mask_from_a_model_inside(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((LENGTH, 3)), layers.Masking(), layers.Dense(4)], name="inner")
    check(inner, layers.LSTM(4), tmp_path=tmp_path)


def test_a_mask_that_nothing_asks_for_leaves_no_nodes(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((LENGTH, 3)), layers.Masking(), layers.Flatten()]).save(tmp_path / "model.keras")
    graph = read_keras(tmp_path / "model.keras").graph.graph
    assert [node.op_type for node in graph] == ["Equal", "Not", "Cast", "ReduceMax", "Mul", "Reshape"]


def test_a_mask_in_each_step_is_refused(tmp_path: Path) -> None:
    stack = [keras.Input((LENGTH, 6, 3)), layers.Masking(), layers.TimeDistributed(layers.LSTM(4))]
    keras.Sequential(stack).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"'lstm.*' .* is given a mask in each step"):
        read_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_an_open_time(kind: Any, return_sequences: bool, go_backwards: bool, tmp_path: Path) -> None:
    rnn = kind(4, return_sequences=return_sequences, go_backwards=go_backwards)
    model = keras.Sequential([keras.Input((None, 3)), layers.Masking(), rnn])
    check_against_keras(model, tmp_path, edit=padded, lengths=(LENGTH, 12))


def test_both_directions_of_an_open_time(tmp_path: Path) -> None:
    rnn = layers.Bidirectional(layers.GRU(4, return_sequences=True))
    model = keras.Sequential([keras.Input((None, 3)), layers.Masking(), rnn, layers.LSTM(3)])
    check_against_keras(model, tmp_path, edit=padded, lengths=(LENGTH, 12))


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_last_states(kind: Any, return_sequences: bool, activation: str, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3))
    rnn = kind(4, activation=activation, return_state=True, return_sequences=return_sequences)
    inner = keras.Model(x, layers.Concatenate()(rnn(x)[1:]))
    check(layers.Masking(), inner, tmp_path=tmp_path) if kind is layers.LSTM else None
    single = keras.Model(x, kind(4, activation=activation, return_state=True)(x)[1])
    check(layers.Masking(), single, tmp_path=tmp_path)


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_one_by_one(kind: Any, return_sequences: bool, go_backwards: bool, zeroed: bool, tmp_path: Path) -> None:
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards, "zero_output_for_mask": zeroed}
    check(layers.Masking(), kind(4, activation="softsign", **options), tmp_path=tmp_path)


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_initial_state(kind: Any, return_sequences: bool, zeroed: bool, tmp_path: Path) -> None:
    """Keras 3 does not look at the mask then, but hands it on."""
    x = keras.Input((LENGTH, 3))
    state = layers.Dense(4)(layers.Flatten()(x))
    states = [state, layers.ReLU()(state)] if kind is layers.LSTM else state
    rnn = kind(4, return_sequences=return_sequences, zero_output_for_mask=zeroed)
    last = [layers.GRU(3)] if return_sequences else []
    check(layers.Masking(), keras.Model(x, rnn(x, initial_state=states)), *last, tmp_path=tmp_path)


def test_a_mask_with_states_over_an_open_time_is_refused(tmp_path: Path) -> None:
    x = keras.Input((None, 3))
    inner = keras.Model(x, layers.LSTM(4, return_state=True)(x)[2])
    keras.Sequential([keras.Input((None, 3)), layers.Masking(), inner]).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="is given a mask, and gives or takes its states, which ovprep computes"):
        read_keras(tmp_path / "model.keras")


MERGES = [layers.Add, layers.Subtract, layers.Average, layers.Multiply, layers.Maximum, layers.Minimum]


def merged(merge: Any, inputs: int, unmasked: int | None) -> list[Any]:
    """A mask, and a model whose file says nothing of masks, which merges tensors that have different ones."""
    x = keras.Input((LENGTH, 3))
    tensors = []
    for place in range(inputs):
        y = layers.ReLU()(layers.Conv1D(3, 1, use_bias=False)(x))  # zero where the input is
        sparse = layers.Dense(3, activation="relu")(x) if place == 0 else layers.Masking()(y)
        tensors.append(layers.Conv1D(3, 1)(x) if place == unmasked else sparse)
    return [layers.Masking(), keras.Model(x, merge(tensors), name="inner")]


@pytest.mark.parametrize(("inputs", "unmasked"), [(2, None), (2, 0), (2, 1), (3, None), (3, 1), (3, 2)])
@pytest.mark.parametrize("merge", [*MERGES, layers.Concatenate, lambda: layers.Concatenate(1)])
def test_merged_masks(merge: Any, inputs: int, unmasked: int | None, tmp_path: Path) -> None:
    if isinstance(merge(), layers.Subtract) and inputs == 3:
        pytest.skip("subtracts one tensor")
    rnn = layers.GRU(4, return_sequences=True)
    check(*merged(merge(), inputs, unmasked), rnn, tmp_path=tmp_path)
