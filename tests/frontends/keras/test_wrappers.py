"""Bidirectional and TimeDistributed against real Keras."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config, with_weights
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


def conv_stack(name: str = "inner") -> keras.Model:
    stack = [keras.Input((6, 3)), layers.Conv1D(4, 3, name="conv"), layers.BatchNormalization(name="norm")]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(5, name="dense")], name=name)


def residual(name: str = "inner") -> keras.Model:
    x = keras.Input((6, 3))
    y = layers.Conv1D(3, 3, padding="same", name="conv")(x)
    return keras.Model(x, layers.Dense(2, name="dense")(layers.Add()([x, y])), name=name)


@pytest.mark.parametrize("inner", [conv_stack, residual])
def test_a_model_in_each_step(inner: Any, tmp_path: Path) -> None:
    source = check_against_keras(sequence_model(layers.TimeDistributed(inner())), tmp_path)
    assert source.parameters == inner().count_params()


def sequence_model(layer: Any, length: int | None = LENGTH) -> keras.Model:
    x = keras.Input((length, 6, 3), name="x")
    return keras.Model(x, layer(x), name="model")


def test_a_model_in_a_model_in_each_step(tmp_path: Path) -> None:
    x = keras.Input((6, 3))
    body = keras.Model(x, layers.GRU(4)(residual("leaf")(residual_of(x))), name="body")
    check_against_keras(sequence_model(layers.TimeDistributed(body)), tmp_path)


def residual_of(x: Any) -> Any:
    return layers.Add()([x, layers.Conv1D(3, 3, padding="same", name="first")(x)])


def test_each_step_of_each_step(tmp_path: Path) -> None:
    x = keras.Input((4, LENGTH, 6, 3), name="x")
    y = layers.TimeDistributed(layers.TimeDistributed(conv_stack()))(x)
    check_against_keras(keras.Model(x, y), tmp_path)


def test_a_model_of_each_step_inside_a_model(tmp_path: Path) -> None:
    inner = keras.Sequential(
        [keras.Input((LENGTH, 6, 3)), layers.TimeDistributed(conv_stack(), name="steps"), layers.LSTM(4)], name="outer"
    )
    check_against_keras(sequence_model(inner), tmp_path)


def test_one_model_in_two_layers(tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 6, 3), name="x")
    shared = layers.TimeDistributed(residual())
    z = layers.TimeDistributed(residual("other"))(x)
    check_against_keras(keras.Model(x, layers.Concatenate()([shared(x), shared(layers.ReLU()(x)), z])), tmp_path)


@pytest.mark.parametrize(
    "layer",
    [
        conv_stack,
        lambda: layers.Conv1D(5, 3),
        lambda: layers.Flatten(),
        lambda: layers.Reshape((2, 9)),
        lambda: layers.LSTM(4),
    ],
)
def test_steps_of_an_open_time(layer: Any, tmp_path: Path) -> None:
    check_against_keras(sequence_model(layers.TimeDistributed(layer()), None), tmp_path, lengths=(5, 8))


@pytest.mark.parametrize("length", [None, LENGTH])
@pytest.mark.parametrize("layer", [lambda: layers.Conv1D(5, 3), layers.GlobalAveragePooling1D])
def test_steps_that_are_open_themselves(layer: Any, length: int | None, tmp_path: Path) -> None:
    x = keras.Input((length, None, 3), name="x")
    model = keras.Model(x, layers.TimeDistributed(layer())(x))
    check_against_keras(model, tmp_path, lengths=(5, 8))


def test_a_model_without_its_weights(tmp_path: Path) -> None:
    sequence_model(layers.TimeDistributed(conv_stack())).save(tmp_path / "model.keras")

    def drop(group: Any) -> None:
        del group["time_distributed/layer"]

    with pytest.raises(ModelError, match=r"has no weights for the model|should have the weights"):
        read_keras(with_weights(tmp_path / "model.keras", drop))


def test_a_lambda_in_each_step_is_refused(tmp_path: Path) -> None:
    sequence_model(layers.TimeDistributed(layers.ReLU(name="act"))).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"]["layer"]["class_name"] = "MyLayer"
    with pytest.raises(UnsupportedError, match=r"'act' \(MyLayer"):
        read_keras(with_config(tmp_path / "model.keras", config))


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
def test_initial_states(activation: str, return_sequences: bool, tmp_path: Path) -> None:
    x = keras.Input((LENGTH, 3), name="x")
    states = [keras.Input((4,), name=f"state_{place}") for place in range(4)]
    rnn = layers.LSTM(4, activation=activation, return_sequences=return_sequences)
    y = layers.Bidirectional(rnn)(x, initial_state=states)
    check_against_keras(keras.Model([x, *states], y), tmp_path)


def test_several_tensors_in_each_step_are_refused(tmp_path: Path) -> None:
    sequence_model(layers.TimeDistributed(layers.LSTM(4))).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"]["layer"]["config"]["return_state"] = True
    with pytest.raises(UnsupportedError, match="gives several tensors in each step"):
        read_keras(with_config(tmp_path / "model.keras", config))


def test_a_layer_that_links_to_itself(tmp_path: Path) -> None:
    check_against_keras(sequence_model(layers.TimeDistributed(layers.LSTM(4), name="time_distributed")), tmp_path)

    def link(group: Any) -> None:
        group["time_distributed/layer/layer"] = group["time_distributed/layer"]

    with pytest.raises(UnsupportedError, match="several names"):
        read_keras(with_weights(tmp_path / "model.keras", link))
