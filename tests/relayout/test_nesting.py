"""Layers and models used in several places, and models in models."""

import keras
import pytest
from keras import layers

from tests.relayout.support import FORMATS, LAST, channel_axis, check, conv, signal


@FORMATS
def test_a_layer_used_in_two_places(source: str) -> None:
    start = signal(source, 4)
    shared, norm = conv(source, 4), layers.BatchNormalization(axis=channel_axis(source))
    x = norm(shared(norm(shared(start))))
    model = keras.Model(start, layers.Add()([x, shared(start)]))
    result = check(model, source)
    assert len(result.model.layers) == len(model.layers)
    assert len(result.model.weights) == len(model.weights)


@FORMATS
def test_a_layer_used_in_both_layouts_has_one(source: str) -> None:
    """Between convolutions it would move, behind the LSTM it would not: a Permute is cheaper than a second layer."""
    start = signal(source, 6, 6)
    shared = layers.BatchNormalization(axis=1)
    x = conv(source, 6)(shared(conv(source, 6)(start)))
    y = layers.LSTM(6, return_sequences=True)(shared(layers.LSTM(6, return_sequences=True)(start)))
    result = check(keras.Model(start, [x, layers.LSTM(3)(y)]), source, permutes=3, round_trip=False)
    assert len(result.model.get_layer(shared.name)._inbound_nodes) == 2


def encoder(source: str, sequential: bool) -> keras.Model:
    start = signal(source, 4)
    parts = [conv(source, 4), layers.BatchNormalization(axis=channel_axis(source)), layers.ReLU()]
    if sequential:
        return keras.Sequential([start, *parts], name="encoder")
    x = start
    for part in parts:
        x = part(x)
    return keras.Model(start, layers.Add()([start, x]), name="encoder")


@FORMATS
@pytest.mark.parametrize("sequential", [False, True])
def test_nested_models(source: str, sequential: bool) -> None:
    start = signal(source, 4)
    inner = encoder(source, sequential)
    middle_start = keras.Input(inner.output_shape[1:])
    middle = keras.Model(middle_start, layers.MaxPooling1D(2, data_format=source)(inner(middle_start)), name="middle")
    model = keras.Model(start, layers.Dense(3)(layers.Flatten()(middle(conv(source, 4)(start)))))
    result = check(model, source)
    assert type(result.model.get_layer("middle").get_layer("encoder")) is type(inner)


@FORMATS
@pytest.mark.parametrize("sequential", [False, True])
def test_a_shared_nested_model(source: str, sequential: bool) -> None:
    """A siamese network, its encoder also called on what it made."""
    one, two = keras.Input(signal(source, 4).shape[1:]), keras.Input(signal(source, 4).shape[1:])
    inner = encoder(source, sequential)
    x = layers.Subtract()([inner(inner(one)), inner(two)])
    result = check(keras.Model([one, two], layers.GlobalMaxPooling1D(data_format=source)(x)), source)
    assert len(result.model.weights) == len(inner.weights)


@FORMATS
def test_a_nested_model_that_hands_its_input_through(source: str) -> None:
    """Two outputs, one of them the input, and the whole model gives one tensor twice."""
    inside, start = signal(source, 4), keras.Input(signal(source, 4).shape[1:])
    inner = keras.Model(inside, [inside, conv(source, 4)(inside)], name="both")
    one, two = inner(start)
    x = conv(source, 2)(layers.Add()([one, two]))
    check(keras.Model(start, [x, x, one]), source)


@FORMATS
def test_a_nested_model_that_flattens(source: str) -> None:
    start = inside = signal(source)
    inner = keras.Model(inside, layers.Flatten()(conv(source, 5)(inside)), name="backbone")
    start = keras.Input(inside.shape[1:])
    check(keras.Model(start, layers.Dense(3)(inner(start))), source)


@FORMATS
def test_sequential_in_functional_with_a_permute_inside(source: str) -> None:
    start = signal(source, 4)
    inner = keras.Sequential([keras.Input(start.shape[1:]), layers.GRU(4, return_sequences=True), conv(source, 4)])
    x = inner(conv(source, 4)(start)) if source == LAST else conv(source, 2)(inner(conv(source, 4)(start)))
    result = check(keras.Model(start, x), source, permutes=2, round_trip=False)
    assert any(type(layer) is keras.Sequential for layer in result.model.layers)
