"""Layers around layers, and layers that step through frames."""

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, LAST, check

FORMATS = pytest.mark.parametrize("source", [FIRST, LAST])


def frames(source: str) -> keras.KerasTensor:
    """`[N, T=5, C=4, W=8]` or in the other format."""
    return keras.Input((5, 4, 8) if source == FIRST else (5, 8, 4))


@FORMATS
def test_spectral_normalization(source: str) -> None:
    start = keras.Input((4, 8) if source == FIRST else (8, 4))
    x = layers.SpectralNormalization(layers.Conv1D(6, 3, data_format=source))(start)
    result = check(keras.Model(start, layers.Conv1D(2, 3, data_format=source)(x)), source, round_trip=False)
    back = check(result.model, LAST if source == FIRST else FIRST, round_trip=False)
    assert back.model.input_shape == (None, *start.shape[1:])


@FORMATS
def test_time_distributed(source: str) -> None:
    start, axis = frames(source), 1 if source == FIRST else -1
    x = layers.TimeDistributed(layers.Conv1D(6, 3, data_format=source))(start)
    x = layers.ReLU()(layers.TimeDistributed(layers.BatchNormalization(axis=axis))(x))
    x = layers.TimeDistributed(layers.MaxPooling1D(2, data_format=source))(x)
    x = layers.TimeDistributed(layers.GlobalAveragePooling1D(data_format=source))(x)
    result = check(keras.Model(start, layers.LSTM(3)(x)), source, round_trip=False)
    assert result.inputs == ((0, 1, 3, 2),)


@FORMATS
def test_wrappers_in_wrappers(source: str) -> None:
    start = keras.Input((2, 5, 4, 8) if source == FIRST else (2, 5, 8, 4))
    distributed = layers.TimeDistributed(layers.TimeDistributed(layers.Conv1D(6, 3, data_format=source)))
    result = check(keras.Model(start, distributed(start)), source, round_trip=False)
    assert result.inputs == ((0, 1, 2, 4, 3),)
    start = frames(source)
    normalised = layers.SpectralNormalization(layers.Conv1D(6, 3, data_format=source))
    result = check(keras.Model(start, layers.TimeDistributed(normalised)(start)), source, round_trip=False)
    assert result.inputs == ((0, 1, 3, 2),)


@FORMATS
def test_time_distributed_flatten_reads_the_axes_as_written(source: str) -> None:
    start = frames(source)
    x = layers.TimeDistributed(layers.Conv1D(6, 3, data_format=source))(start)
    x = layers.LSTM(3)(layers.TimeDistributed(layers.Flatten())(x))
    result = check(keras.Model(start, x), source, permutes=1)
    assert result.permutations[0].dims == (1, 3, 2)


@FORMATS
@pytest.mark.parametrize("sequences", [False, True])
def test_conv_lstm(sequences: bool, source: str) -> None:
    start = frames(source)
    layer = layers.ConvLSTM1D(6, 3, data_format=source, return_sequences=sequences, padding="same")
    x = layer(layers.Activation("tanh")(start))
    after = layers.Conv1D(2, 3, data_format=source)
    check(
        keras.Model(start, (layers.TimeDistributed(after) if sequences else after)(x)), source, round_trip=not sequences
    )


@FORMATS
def test_time_distributed_over_an_axis_that_moves(source: str) -> None:
    """Behind a Conv2D what it takes for steps are channels or rows, which do not stay where they are."""
    start = frames(source)
    x = layers.TimeDistributed(layers.LayerNormalization(axis=1))(layers.Conv2D(5, 2, data_format=source)(start))
    check(keras.Model(start, layers.Conv2D(3, 2, data_format=source)(x)), source, permutes=2)


@FORMATS
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("sequential", [False, True])
def test_a_model_at_each_step(sequential: bool, flat: bool, source: str) -> None:
    """Windows of a signal through one encoder, as a CNN-LSTM has it."""
    inside, start = keras.Input(frames(source).shape[2:]), frames(source)
    parts = [layers.Conv1D(6, 3, data_format=source), layers.ReLU()]
    parts += [layers.Flatten(), layers.Dense(4)] if flat else [layers.MaxPooling1D(2, data_format=source)]
    inner = keras.Sequential([inside, *parts], name="encoder")
    if not sequential:
        x = inside
        for part in parts:
            x = part(x)
        inner = keras.Model(inside, x, name="encoder")
    x = layers.TimeDistributed(inner)(layers.Activation("tanh")(start))
    x = x if flat else layers.TimeDistributed(layers.GlobalMaxPooling1D(data_format=source))(x)
    result = check(keras.Model(start, layers.LSTM(3)(x)), source, round_trip=False)
    assert result.inputs == ((0, 1, 3, 2),)


def test_conv_lstm_in_two_dimensions() -> None:
    start = keras.Input((3, 2, 6, 5))
    x = layers.ConvLSTM2D(4, 3, data_format=FIRST)(start)
    check(keras.Model(start, layers.GlobalMaxPooling2D(data_format=FIRST)(x)), FIRST)


def test_a_layer_inside_one_that_is_not_understood_is_refused() -> None:
    start = frames(FIRST)

    class Block(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.conv = layers.Conv1D(6, 3, data_format=FIRST)

        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return self.conv(x[:, 0])

    with pytest.raises(UnsupportedError, match=r"'block' \(Block\) has the channels_first layer 'conv1d.*' \(Conv1D\)"):
        relayout(keras.Model(start, Block()(start)), FIRST)
    backwards = layers.Bidirectional(layers.ConvLSTM1D(2, 3, data_format=FIRST))
    with pytest.raises(UnsupportedError, match="bidirectional"):
        relayout(keras.Model(start, backwards(start)), FIRST)
