"""ConvLSTM1D against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import Array, check_against_keras, check_layer

SHAPE = (4, 9, 3)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_the_order_of_the_steps(return_sequences: bool, go_backwards: bool, tmp_path: Path) -> None:
    layer = layers.ConvLSTM1D(5, 3, return_sequences=return_sequences, go_backwards=go_backwards)
    check_layer(layer, SHAPE, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "same"},
        {"padding": "same", "strides": 2},
        {"strides": 2},
        {"dilation_rate": 2},
        {"use_bias": False},
        {"activation": "elu", "recurrent_activation": "hard_sigmoid"},
        {"activation": None},
        {"data_format": "channels_first"},
    ],
    ids=str,
)
@pytest.mark.parametrize("taps", [3, 2])
def test_options(taps: int, options: dict[str, Any], tmp_path: Path) -> None:
    shape = (4, 3, 9) if "data_format" in options else SHAPE
    check_layer(layers.ConvLSTM1D(5, taps, return_sequences=True, **options), shape, tmp_path)


def test_equal_sizes(tmp_path: Path) -> None:
    check_layer(layers.ConvLSTM1D(4, 3, padding="same", return_sequences=True), (4, 4, 4), tmp_path)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_states(data_format: str, tmp_path: Path) -> None:
    first = data_format == "channels_first"
    x = keras.Input((4, 3, 9) if first else SHAPE, name="x")
    states = [keras.Input((5, 7) if first else (7, 5), name=name) for name in ("h", "c")]
    layer = layers.ConvLSTM1D(5, 3, return_state=True, data_format=data_format, name="rnn")
    outputs = layer(x, initial_state=states)
    check_against_keras(keras.Model([x, *states], outputs), tmp_path, output_names=False)


def test_in_a_stack(tmp_path: Path) -> None:
    stack = [layers.ConvLSTM1D(4, 3, return_sequences=True), layers.ConvLSTM1D(3, 3), layers.Flatten(), layers.Dense(2)]
    check_against_keras(keras.Sequential([keras.Input(SHAPE), *stack]), tmp_path)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_mask(return_sequences: bool, tmp_path: Path) -> None:
    """That of Masking has a place for each sample of a step, which Keras cannot compute; this one has one per step."""

    def edit(x: Array) -> None:
        x[0, 1:3] = 0.0
        x[1:2, -1] = 0.0
        x[2:] = 0.0

    rnn = layers.ConvLSTM1D(4, 3, return_sequences=return_sequences)
    stack = [layers.Masking(), layers.TimeDistributed(layers.RepeatVector(9)), rnn]
    check_against_keras(keras.Sequential([keras.Input((4, 3)), *stack]), tmp_path, edit=edit)


def test_an_open_time_is_refused(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((None, 9, 3)), layers.ConvLSTM1D(4, 3)]).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"is a recurrence of convolutions, .* here it is open"):
        read_keras(tmp_path / "model.keras")
