"""Activations that layers carry: elementwise ones stay, a softmax gets an axis, all else is refused by name."""

import keras
import pytest
from keras import layers, ops

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from ovprep.relayout.rules.activations import treats_alike
from tests.relayout.support import FIRST, FORMATS, LAST, check, conv, signal


def squashed(x: keras.KerasTensor) -> keras.KerasTensor:
    return x / (1 + ops.abs(x))


def over_the_steps(x: keras.KerasTensor) -> keras.KerasTensor:
    return x - ops.mean(x, axis=1, keepdims=True)


def along_the_features(x: keras.KerasTensor) -> keras.KerasTensor:
    return ops.cumsum(x, axis=-1)


def test_what_treats_every_element_alike() -> None:
    for name in ("relu", "gelu", "tanh", "linear", "hard_sigmoid", "softplus", "mish", "sparse_plus"):
        assert treats_alike(keras.activations.get(name)), name
    for name in ("softmax", "log_softmax", "sparsemax", "glu", "threshold"):
        assert not treats_alike(keras.activations.get(name)), name
    assert treats_alike(squashed)
    assert not treats_alike(over_the_steps)
    assert not treats_alike(lambda x: ops.flip(x, axis=1))
    assert treats_alike(layers.LeakyReLU(0.1))
    assert not treats_alike(layers.PReLU())


@FORMATS
def test_a_convolution_that_ends_in_a_softmax(source: str) -> None:
    """It works over the last axis, whatever the data format is; here shared, and the output."""
    start = signal(source, 5)
    head = conv(source, 5, activation="softmax", name="head")
    result = check(keras.Model(start, head(head(start))), source)
    assert [layer.name for layer in result.model.layers][1:] == ["head"]
    assert result.model.output_names == ["head"]


@FORMATS
def test_a_softmax_in_sequential_and_at_each_step(source: str) -> None:
    check(keras.Sequential([signal(source), conv(source, 5, activation="softmax")]), source)
    start = keras.Input((2, *signal(source).shape[1:]))
    check(keras.Model(start, layers.TimeDistributed(conv(source, 5, activation="softmax"))(start)), source)


@FORMATS
def test_a_softmax_layer_as_the_activation(source: str) -> None:
    """It has an axis already, and a name of its own."""
    for axis in (1, -1):
        activation = layers.Softmax(axis, name="odds")
        check(keras.Model(start := signal(source), conv(source, 5, activation=activation)(start)), source)


def test_a_softmax_keeps_the_precision() -> None:
    start = signal(FIRST)
    x = conv(FIRST, 5, activation="softmax", dtype="mixed_float16")(start)
    twin = relayout(keras.Model(start, x), FIRST, verify=False).model
    assert twin(ops.zeros((1, 16, 3))).dtype == "float16"


@FORMATS
@pytest.mark.parametrize("activation", [squashed, layers.LeakyReLU(0.1), "gelu"], ids=["own", "layer", "name"])
def test_an_elementwise_activation_of_any_kind(activation: object, source: str) -> None:
    x = layers.Activation(activation)(conv(source, 4, activation=activation)(start := signal(source)))
    check(keras.Model(start, conv(source, 3)(x)), source)


@FORMATS
def test_an_activation_along_an_axis_runs_as_written(source: str) -> None:
    x = layers.Activation(over_the_steps)(conv(source, 4)(start := signal(source)))
    result = check(keras.Model(start, conv(source, 3)(x)), source, permutes=2)
    assert any("does not treat every element alike" in each.reason for each in result.permutations)


@pytest.mark.parametrize(
    "activation", ["glu", "log_softmax", over_the_steps, layers.PReLU()], ids=["glu", "log_softmax", "own", "layer"]
)
def test_a_convolution_that_ends_in_something_else_is_refused(activation: object) -> None:
    start = signal(FIRST, 4, 8)
    with pytest.raises(UnsupportedError, match=r"'conv1d.*' \(Conv1D\) ends in .* put it behind the layer"):
        relayout(keras.Model(start, conv(FIRST, 4, activation=activation)(start)), FIRST)


def test_a_recurrence_over_images_with_a_softmax_is_refused() -> None:
    start = keras.Input((2, 3, 8))
    x = layers.ConvLSTM1D(4, 3, data_format=FIRST, recurrent_activation="softmax")(start)
    with pytest.raises(UnsupportedError, match=r"\(ConvLSTM1D\) uses softmax"):
        relayout(keras.Model(start, x), FIRST)


@FORMATS
@pytest.mark.parametrize(
    ("activation", "permutes"), [("softmax", 0), ("relu", 0), (along_the_features, 1)], ids=["softmax", "relu", "own"]
)
def test_a_dense_with_an_activation_before_a_reshape(activation: object, permutes: int, source: str) -> None:
    """A softmax does not care for the order of the features; a running sum does."""
    start = keras.Input((7,))
    x = layers.Dense(20, activation=activation)(start)
    x = layers.Reshape((4, 5) if source == FIRST else (5, 4))(x)
    check(keras.Model(start, conv(source, 2)(x)), source, permutes=permutes)


@FORMATS
def test_a_softmax_of_flattened_features(source: str) -> None:
    x = layers.Activation("softmax")(layers.Flatten()(conv(source, 4)(start := signal(source))))
    check(keras.Model(start, layers.Dense(3)(x)), source)


def test_a_softmax_survives_a_file(tmp_path) -> None:
    start = signal(LAST)
    model = keras.Model(start, conv(LAST, 5, activation="softmax")(start))
    for ending in ("keras", "h5"):
        relayout(model, LAST).model.save(tmp_path / f"twin.{ending}")
        loaded = keras.models.load_model(tmp_path / f"twin.{ending}")
        assert relayout(loaded, FIRST).model.get_config() == model.get_config()
