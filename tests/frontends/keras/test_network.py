"""How layers are put together: Sequential, Functional, shared, nested, several inputs and outputs."""

from pathlib import Path

import keras
import pytest
from keras import layers

from ovprep.frontends.source import Source
from tests.frontends.keras.support import check_against_keras, read_both

NESTED = (".h5", ".keras")
"""Models inside models cannot be read from .h5 yet."""


def names(source: Source) -> tuple[list[str], list[str]]:
    interface = source.interface
    return [port.name for port in interface.inputs], [port.name for port in interface.outputs]


def small_body(name: str = "body") -> keras.Model:
    x = keras.Input((9, 3), name="body_in")
    return keras.Model(x, layers.Conv1D(4, 3, padding="same", activation="relu")(x), name=name)


def test_sequential(tmp_path: Path) -> None:
    stack = [keras.Input((19, 2), name="signal"), layers.Conv1D(4, 3), layers.ReLU(), layers.MaxPooling1D(2)]
    stack += [layers.Conv1D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3, name="scores")]
    source = check_against_keras(keras.Sequential(stack, name="net"), tmp_path)
    assert names(source) == (["signal"], ["scores"])
    assert (source.format, source.framework, source.runtime) == ("keras-h5", f"keras {keras.__version__}", "keras")


def test_sequential_whose_input_is_known_since_it_was_built(tmp_path: Path) -> None:
    model = keras.Sequential([layers.Conv1D(4, 3), layers.GlobalAveragePooling1D()])
    model.build((None, 9, 3))
    check_against_keras(model, tmp_path)


def test_two_layers_of_one_class_keep_their_own_weights(tmp_path: Path) -> None:
    """Names that sort otherwise than the layers stand; a .keras file numbers them, an .h5 file names them."""
    stack = [keras.Input((9, 4))]
    stack += [layers.Conv1D(4, 3, padding="same", name=name) for name in ("z", "a", "conv1d_1", "conv1d", "m")]
    check_against_keras(keras.Sequential(stack), tmp_path)


def test_more_than_ten_layers_of_one_class(tmp_path: Path) -> None:
    stack = [keras.Input((4,)), *(layers.Dense(4, activation="tanh") for _ in range(12))]
    check_against_keras(keras.Sequential(stack), tmp_path)


def test_functional_with_a_residual(tmp_path: Path) -> None:
    x = keras.Input((19, 4), name="x")
    y = layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(x)
    y = layers.Conv1D(4, 3, padding="causal", dilation_rate=4)(layers.ReLU()(y))
    check_against_keras(keras.Model(x, layers.ReLU()(layers.Add()([x, y]))), tmp_path)


def test_layers_listed_in_another_order_than_they_are_called(tmp_path: Path) -> None:
    x, z = keras.Input((9, 3), name="x"), keras.Input((9, 3), name="a")
    late = layers.Conv1D(3, 3, padding="same", name="b")
    early = layers.Conv1D(3, 3, padding="same", name="z")
    y = late(layers.Subtract()([early(x), z]))
    check_against_keras(keras.Model([z, x], [y, layers.ReLU()(y)]), tmp_path)


@pytest.mark.parametrize("times", [2, 3])
def test_a_layer_that_is_called_several_times(times: int, tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    shared, y = layers.Conv1D(3, 3, padding="same", name="shared"), x
    for _ in range(times):
        y = layers.ReLU()(shared(y))
    check_against_keras(keras.Model(x, y), tmp_path)


def test_siamese_inputs_and_outputs_of_one_layer(tmp_path: Path) -> None:
    inputs = [keras.Input((9, 3), name=f"x{index}") for index in range(3)]
    shared = layers.Conv1D(2, 3, name="shared")
    model = keras.Model(inputs, [shared(x) for x in reversed(inputs)])
    source = check_against_keras(model, tmp_path, output_names=False)
    assert names(source) == (["x0", "x1", "x2"], ["shared", "shared_1", "shared_2"])


def test_several_inputs_and_outputs_keep_their_order(tmp_path: Path) -> None:
    b, a = keras.Input((9, 3), name="b"), keras.Input((5,), name="a")
    y = layers.Conv1D(5, 3, name="y")(b)
    z = layers.Add(name="z")([layers.GlobalAveragePooling1D()(y), a])
    source = check_against_keras(keras.Model([b, a], [z, y]), tmp_path)
    assert names(source) == (["b", "a"], ["z", "y"])


def test_dictionaries_of_inputs_and_outputs(tmp_path: Path) -> None:
    right, left = keras.Input((9, 3), name="right"), keras.Input((9, 3), name="left")
    y = layers.Subtract(name="difference")([right, left])
    outputs = {"sum": layers.Dense(2, name="b")(y), "all": layers.Dense(3, name="a")(y)}
    source = check_against_keras(keras.Model({"right": right, "left": left}, outputs), tmp_path)
    assert names(source) == (["left", "right"], ["a", "b"]), "Keras sorts dictionaries by their keys"


def test_an_output_that_others_take_too(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    y = layers.Conv1D(4, 3, name="features")(x)
    check_against_keras(keras.Model(x, [y, layers.Conv1D(2, 3, name="head")(y)]), tmp_path)


def test_an_input_that_is_an_output(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    source = check_against_keras(keras.Model(x, [layers.Dense(2, name="y")(x), x]), tmp_path, output_names=False)
    assert names(source) == (["x"], ["y", "x_1"])


def test_an_output_given_twice(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    y = layers.Dense(2, name="y")(x)
    source = check_against_keras(keras.Model(x, [y, y]), tmp_path, output_names=False)
    assert names(source) == (["x"], ["y", "y_1"])


def test_a_part_of_a_larger_model(tmp_path: Path) -> None:
    """Layers of the part have calls elsewhere, which the file must not count."""
    x = keras.Input((9, 3), name="x")
    shared = layers.Conv1D(3, 3, padding="same", name="shared")
    middle = shared(layers.ReLU()(shared(x)))
    keras.Model(x, layers.Dense(2)(shared(middle)))
    check_against_keras(keras.Model(x, middle), tmp_path)


@pytest.mark.parametrize("shape", [(None, 3), (None,)], ids=str)
def test_open_axes_have_names(shape: tuple[int | None, ...], tmp_path: Path) -> None:
    x = keras.Input(shape, name="x")
    source = read_both(keras.Model(x, layers.ReLU(name="y")(x)), tmp_path)
    dims = ("batch", "time", 3)[: len(shape) + 1]
    assert [port.dims for port in (*source.interface.inputs, *source.interface.outputs)] == [dims, dims]


def test_two_open_axes_of_one_input_have_two_names(tmp_path: Path) -> None:
    x = keras.Input((None, 4, None), name="x")
    source = read_both(keras.Model(x, layers.ReLU(name="y")(x)), tmp_path)
    dims = ("batch", "time", 4, "time_2")
    assert [port.dims for port in (*source.interface.inputs, *source.interface.outputs)] == [dims, dims]


def test_open_axes_of_several_inputs_have_names_of_their_own(tmp_path: Path) -> None:
    inputs = [keras.Input((None, 3), name=name) for name in ("a", "b")]
    source = read_both(keras.Model(inputs, [layers.ReLU()(x) for x in inputs]), tmp_path)
    assert [port.dims for port in source.interface.inputs] == [("batch", "a_time", 3), ("batch", "b_time", 3)]


def test_a_fixed_batch(tmp_path: Path) -> None:
    x = keras.Input(batch_shape=(2, 9, 3), name="x")
    y = layers.Dense(4)(layers.Flatten()(layers.Conv1D(4, 3)(x)))
    check_against_keras(keras.Model(x, y), tmp_path, batches=(2,))


def test_a_causal_network_over_open_time(tmp_path: Path) -> None:
    stack = [keras.Input((None, 3)), layers.Conv1D(4, 3, padding="causal", dilation_rate=2), layers.ReLU()]
    stack += [layers.BatchNormalization(), layers.Conv1D(4, 3, padding="same"), layers.Dense(2)]
    check_against_keras(keras.Sequential(stack), tmp_path, lengths=(6, 11))


def test_a_channels_first_network(tmp_path: Path) -> None:
    first = {"data_format": "channels_first"}
    x = keras.Input((3, 19), name="x")
    y = layers.BatchNormalization(axis=1)(layers.Conv1D(6, 3, **first)(x))
    y = layers.MaxPooling1D(2, **first)(layers.ReLU()(y))
    y = layers.GlobalAveragePooling1D(**first)(layers.Conv1D(5, 3, padding="same", **first)(y))
    check_against_keras(keras.Model(x, layers.Dense(4)(y)), tmp_path)


def test_a_u_net(tmp_path: Path) -> None:
    x = keras.Input((16, 2), name="x")
    wide = layers.Conv1D(4, 3, padding="same", activation="relu")(x)
    low = layers.Conv1D(6, 3, padding="same", activation="relu")(layers.MaxPooling1D(2)(wide))
    up = layers.Conv1DTranspose(4, 4, strides=2, padding="same")(low)
    other = layers.Conv1D(4, 3, padding="same")(layers.UpSampling1D(2)(low))
    y = layers.Concatenate()([wide, up, other])
    check_against_keras(keras.Model(x, layers.Conv1D(2, 1, activation="softmax")(y)), tmp_path)


def test_a_functional_model_inside(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    check_against_keras(keras.Model(x, layers.Dense(2)(small_body()(x))), tmp_path, suffixes=NESTED)


def test_a_sequential_model_inside(tmp_path: Path) -> None:
    body = keras.Sequential([layers.Conv1D(4, 3), layers.BatchNormalization()], name="body")
    x = keras.Input((9, 3), name="x")
    check_against_keras(keras.Model(x, layers.Dense(2)(body(x))), tmp_path, suffixes=NESTED)


def test_models_inside_a_sequential_model(tmp_path: Path) -> None:
    head = keras.Sequential([keras.Input((9, 4)), layers.Flatten(), layers.Dense(2)], name="head")
    model = keras.Sequential([keras.Input((9, 3)), small_body(), layers.ReLU(), head])
    check_against_keras(model, tmp_path, suffixes=NESTED)


def test_a_model_inside_that_is_called_twice(tmp_path: Path) -> None:
    a, b = keras.Input((9, 3), name="a"), keras.Input((9, 3), name="b")
    body = small_body()
    check_against_keras(keras.Model([a, b], layers.Subtract()([body(a), body(b)])), tmp_path, suffixes=NESTED)


@pytest.mark.parametrize("body", ["Functional", "Sequential"])
def test_a_model_inside_that_gives_the_output(body: str, tmp_path: Path) -> None:
    """Outside of the list of its calls, Keras counts those of a Functional model from one."""
    x = keras.Input((9, 3), name="x")
    inner = small_body() if body == "Functional" else keras.Sequential([layers.Conv1D(4, 3)], name="body")
    check_against_keras(keras.Model(x, inner(layers.ReLU()(x))), tmp_path, suffixes=NESTED)


@pytest.mark.parametrize("given", [0, 1])
def test_a_model_inside_with_one_call_that_gives_an_output(given: int, tmp_path: Path) -> None:
    a, b = keras.Input((9, 3), name="a"), keras.Input((9, 3), name="b")
    body = small_body()
    calls = [body(a), body(b)]
    model = keras.Model([a, b], [calls[given], layers.Dense(2)(calls[1 - given])])
    check_against_keras(model, tmp_path, suffixes=NESTED)


def test_a_model_inside_a_model_inside_a_model(tmp_path: Path) -> None:
    x, z = keras.Input((9, 3), name="x"), keras.Input((9, 3), name="z")
    middle = keras.Model(x, layers.Conv1D(3, 3, padding="same")(small_body()(x)), name="middle")
    y = layers.Conv1D(3, 3, padding="same")(z)
    check_against_keras(keras.Model(z, layers.Dense(2)(middle(y))), tmp_path, suffixes=NESTED)


def test_a_model_inside_with_several_inputs_and_outputs(tmp_path: Path) -> None:
    a, b = keras.Input((9, 3), name="a"), keras.Input((9, 3), name="b")
    inner = keras.Model([a, b], [layers.Subtract()([a, b]), layers.Conv1D(3, 3, padding="same")(a)], name="inner")
    x, z = keras.Input((9, 3), name="x"), keras.Input((9, 3), name="z")
    first, second = inner([z, x])
    check_against_keras(keras.Model([x, z], layers.Subtract()([first, second])), tmp_path, suffixes=NESTED)


def test_layers_of_a_model_inside_may_have_the_names_of_those_outside(tmp_path: Path) -> None:
    x = keras.Input((9, 3), name="x")
    inner = keras.Model(x, layers.Dense(4, name="dense")(x), name="inner")
    z = keras.Input((9, 3), name="x")
    check_against_keras(keras.Model(z, layers.Dense(3, name="dense")(inner(z))), tmp_path, suffixes=NESTED)
