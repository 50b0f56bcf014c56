"""Layers whose twin does not say what they were: the way back still ends where it began, in one process."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, FORMATS, LAST, OTHER, check, conv, randomised, signal


def test_a_channels_first_flatten_comes_back() -> None:
    """Beside a plain one, whose Dense has its rows in another order."""
    start = signal(FIRST)
    x = conv(FIRST, 5)(start)
    flat = [layers.Flatten(data_format=FIRST)(x), layers.Flatten()(x)]
    model = keras.Model(start, [layers.Dense(3)(each) for each in flat])
    check(model, FIRST)
    check(keras.Sequential([signal(FIRST), conv(FIRST, 5), layers.Flatten(FIRST), layers.Dense(3)]), FIRST)


@FORMATS
@pytest.mark.parametrize("layer", [layers.UpSampling1D(2), layers.Cropping1D((1, 2))], ids=lambda each: each.name)
def test_layers_along_axis_1_come_back(layer: layers.Layer, source: str) -> None:
    start = signal(source)
    x = type(layer).from_config(layer.get_config())(conv(source, 4)(start))
    check(keras.Model(start, conv(source, 3)(x)), source)


@FORMATS
def test_trainability_that_was_changed_in_between_is_kept(source: str) -> None:
    start = signal(source)
    up = layers.UpSampling1D(2, name="up")
    model = randomised(keras.Model(start, conv(source, 3)(up(conv(source, 4)(start)))))
    twin = relayout(model, source).model
    twin.layers[1].trainable = False
    back = relayout(twin, OTHER[source]).model
    assert not back.layers[1].trainable
    assert type(back.get_layer("up")) is layers.UpSampling1D


def test_a_file_does_not_remember(tmp_path: Path) -> None:
    """There the Flatten is a plain one, and the Dense behind it has its rows in the order of that."""
    start = signal(FIRST)
    model = keras.Model(start, layers.Dense(3)(layers.Flatten(data_format=FIRST)(conv(FIRST, 5)(start))))
    relayout(randomised(model), FIRST).model.save(tmp_path / "twin.keras")
    loaded = keras.models.load_model(tmp_path / "twin.keras")
    back = relayout(loaded, LAST).model
    assert back.layers[-2].data_format == LAST
    kernel, order = model.layers[-1].get_weights()[0], np.arange(80).reshape(16, 5).T.ravel()
    np.testing.assert_array_equal(back.layers[-1].get_weights()[0], kernel[order])


def test_the_format_of_the_settings() -> None:
    """What a layer is not told it takes from the settings, and the twin says it itself."""
    keras.config.set_image_data_format(FIRST)
    try:
        x = layers.Conv1D(5, 3)(start := signal(FIRST))
        model = keras.Model(start, layers.Dense(3)(layers.Flatten()(keras.ops.max_pool(x, 2))))
        result = check(model, FIRST)
    finally:
        keras.config.set_image_data_format(LAST)
    assert result.model.get_layer(model.layers[-2].name).data_format == LAST
