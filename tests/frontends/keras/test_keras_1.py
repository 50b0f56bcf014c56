"""Files as Keras 1.2 wrote them: the same model in tf_keras says what is right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import tf_keras
from tf_keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.keras_1 import architecture_of, entry_of, write_keras_1, write_weights
from tests.frontends.keras.keras_2 import compare_with_keras_2, randomise_keras_2

Make = Callable[[], tf_keras.Model]


def check(model: tf_keras.Model, tmp_path: Path, architecture: dict[str, Any] | None = None) -> None:
    randomise_keras_2(model)
    source = read_keras(write_keras_1(model, tmp_path / "old.h5", architecture))
    assert source.framework == "keras 1.2.2"
    assert source.parameters == model.count_params()
    compare_with_keras_2(source, model)


def stack(*inside: Any, shape: tuple[int | None, ...] = (12, 3)) -> tf_keras.Model:
    return tf_keras.Sequential([tf_keras.Input(shape), *inside])


LAYERS: dict[str, Make] = {
    "convolution": lambda: stack(layers.Conv1D(4, 3, strides=2, padding="same", activation="relu")),
    "convolution of width one": lambda: stack(layers.Conv1D(4, 1)),
    "convolution to one channel": lambda: stack(layers.Conv1D(1, 3, use_bias=False)),
    "dilated convolution": lambda: stack(layers.Conv1D(4, 3, dilation_rate=2)),
    "two axes": lambda: stack(layers.Conv2D(4, (3, 1), strides=(2, 1)), shape=(12, 1, 3)),
    "dense": lambda: stack(layers.Dense(5, activation="softmax"), shape=(3,)),
    "hard_sigmoid": lambda: stack(layers.Dense(5, activation="hard_sigmoid"), layers.Activation("hard_sigmoid")),
    "normalization": lambda: stack(layers.BatchNormalization(epsilon=0.01)),
    "pooling": lambda: stack(layers.MaxPooling1D(3, 2, padding="same"), layers.AveragePooling1D(2)),
    "global pooling": lambda: stack(layers.GlobalMaxPooling1D(), layers.RepeatVector(3), layers.Flatten()),
    "shapes": lambda: stack(layers.Permute((2, 1)), layers.Reshape((6, 6)), layers.UpSampling1D(2)),
    "padding": lambda: stack(layers.ZeroPadding1D((1, 2)), layers.Cropping1D((2, 0))),
    "activations": lambda: stack(layers.LeakyReLU(alpha=0.2), layers.ELU(alpha=0.7), layers.ThresholdedReLU(theta=0.3)),
    "prelu": lambda: stack(layers.PReLU(), layers.PReLU(shared_axes=[1])),
    "noise": lambda: stack(layers.Dropout(0.5), layers.SpatialDropout1D(0.5), layers.GaussianNoise(0.5)),
    "lstm": lambda: stack(layers.LSTM(4)),
    "gru": lambda: stack(layers.GRU(4, reset_after=False, return_sequences=True)),
    "simple rnn": lambda: stack(layers.SimpleRNN(4, go_backwards=True)),
    "bidirectional lstm": lambda: stack(layers.Bidirectional(layers.LSTM(4, return_sequences=True))),
    "bidirectional gru": lambda: stack(layers.Bidirectional(layers.GRU(4, reset_after=False), merge_mode="ave")),
    "time distributed dense": lambda: stack(layers.TimeDistributed(layers.Dense(5))),
    "time distributed convolution": lambda: stack(layers.TimeDistributed(layers.Conv1D(5, 3)), shape=(4, 12, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str, tmp_path: Path) -> None:
    check(LAYERS[name](), tmp_path)


def test_kernels_of_images_in_the_order_of_theano(tmp_path: Path) -> None:
    """TensorFlow has no such convolution for a CPU, so the model computes with channels last."""
    model = stack(layers.Permute((3, 1, 2)), layers.Permute((2, 3, 1)), layers.Conv2D(4, (3, 2)), shape=(12, 5, 3))
    randomise_keras_2(model)
    path = write_keras_1(model, tmp_path / "old.h5")
    architecture = architecture_of(model)
    first, _, conv = architecture["config"]
    conv["config"]["dim_ordering"] = "th"
    back = entry_of(layers.Permute((2, 3, 1), name="back"))
    kernel = model.layers[-1].get_weights()[0].transpose(3, 2, 0, 1)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [first, conv, back]}).encode()
        group = file["model_weights"][model.layers[-1].name]
        del group[f"{model.layers[-1].name}_W:0"]
        group[f"{model.layers[-1].name}_W:0"] = kernel
    compare_with_keras_2(read_keras(path), model)


@pytest.mark.parametrize("mode", ["Add", "Multiply", "Concatenate", "Average", "Maximum"])
def test_a_merge(mode: str, tmp_path: Path) -> None:
    left, right = tf_keras.Input((12, 3), name="left"), tf_keras.Input((12, 3), name="right")
    options = {"axis": 1} if mode == "Concatenate" else {}
    check(tf_keras.Model([left, right], getattr(layers, mode)(**options)([left, right])), tmp_path)


@pytest.mark.parametrize("shape", [(4,), (5, 4)])
def test_a_merge_by_dot_product(shape: tuple[int, ...], tmp_path: Path) -> None:
    left, right = tf_keras.Input(shape, name="left"), tf_keras.Input(shape, name="right")
    check(tf_keras.Model([left, right], layers.Dot(axes=-1)([left, right])), tmp_path)


@pytest.mark.parametrize("functional", [False, True])
def test_a_sequential_model_that_begins_with_a_merge_of_models(functional: bool, tmp_path: Path) -> None:
    """All layers of the branches are layers of the whole model, which has as many inputs as branches."""
    one = stack(layers.Conv1D(4, 3, name="low"), layers.Flatten())
    two = stack(layers.LSTM(4, name="high"), layers.Dense(5, name="more"))
    if functional:
        z = tf_keras.Input((12, 3), name="z")
        one = tf_keras.Model(z, layers.Flatten(name="flat")(layers.Conv1D(4, 3, name="low")(z)))
    x, y = tf_keras.Input((12, 3)), tf_keras.Input((12, 3))
    joined, scores = layers.Concatenate(name="joined"), layers.Dense(2, name="scores")
    model = tf_keras.Model([x, y], scores(joined([one(x), two(y)])))
    randomise_keras_2(model)
    merge = entry_of(joined)
    merge["config"]["layers"] = [architecture_of(one), architecture_of(two)]
    path = write_keras_1(model, tmp_path / "old.h5")
    with h5py.File(path, "r+") as file:
        config = {"class_name": "Sequential", "config": [merge, entry_of(scores)]}
        file.attrs["model_config"] = json.dumps(config).encode()
        del file["model_weights"]
        write_weights(file.create_group("model_weights"), [*one.layers, *two.layers, joined, scores])
    source = read_keras(path)
    assert len(source.interface.inputs) == 2
    compare_with_keras_2(source, model)


def test_models_in_a_sequential_model_have_no_names(tmp_path: Path) -> None:
    """Until Keras 2.2 only the weights have them."""
    inner = tf_keras.Sequential([layers.Conv1D(4, 3, input_shape=(12, 3), name="conv")], name="body")
    model = tf_keras.Sequential([inner, layers.ReLU(name="relu"), layers.Dense(2, name="scores")])
    architecture = architecture_of(stack(layers.Activation("relu", name="relu"), layers.Dense(2, name="scores")))
    architecture["config"].insert(0, architecture_of(inner))
    assert "name" not in architecture["config"][0]
    check(model, tmp_path, architecture)


def test_a_model_in_a_model_that_is_called_twice(tmp_path: Path) -> None:
    z = tf_keras.Input((12, 3), name="z")
    y = layers.BatchNormalization(name="norm")(layers.Conv1D(3, 3, padding="same", name="conv")(z))
    inner = tf_keras.Model(
        z, layers.Bidirectional(layers.LSTM(3, return_sequences=True), "sum", name="both")(y), name="i"
    )
    x = tf_keras.Input((12, 3), name="x")
    check(tf_keras.Model(x, layers.Dense(2, name="scores")(inner(inner(x)))), tmp_path)


def changed(tmp_path: Path, model: tf_keras.Model, edit: Callable[[h5py.File], None]) -> Path:
    randomise_keras_2(model)
    path = write_keras_1(model, tmp_path / "old.h5")
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def test_a_file_that_does_not_say_its_version(tmp_path: Path) -> None:
    model = stack(layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(2))

    def forget(file: h5py.File) -> None:
        del file.attrs["keras_version"]
        del file["model_weights"].attrs["keras_version"]

    source = read_keras(changed(tmp_path, model, forget))
    assert source.framework == "keras 1"
    compare_with_keras_2(source, model)


def test_kernels_of_keras_1_0_and_names_that_were_taken(tmp_path: Path) -> None:
    model = stack(layers.Conv1D(4, 3, name="conv"))

    def turn(file: h5py.File) -> None:
        group = file["model_weights/conv"]
        group["conv_W_1:0"] = group["conv_W:0"][()].transpose(3, 2, 0, 1)
        del group["conv_W:0"]
        group.attrs["weight_names"] = [b"conv_W_1:0", b"conv_b:0"]

    compare_with_keras_2(read_keras(changed(tmp_path, model, turn)), model)


def test_recurrent_weights_side_by_side(tmp_path: Path) -> None:
    """As with consume_less="gpu"."""
    model = stack(layers.LSTM(4, name="lstm"))

    def join(file: h5py.File) -> None:
        group = file["model_weights/lstm"]
        for name, array in zip(["lstm_W:0", "lstm_U:0", "lstm_b:0"], model.get_weights(), strict=True):
            group[name] = array
        group.attrs["weight_names"] = [b"lstm_W:0", b"lstm_U:0", b"lstm_b:0"]

    compare_with_keras_2(read_keras(changed(tmp_path, model, join)), model)


def test_a_gate_that_is_missing(tmp_path: Path) -> None:
    def drop(file: h5py.File) -> None:
        group = file["model_weights/lstm"]
        group.attrs["weight_names"] = [name for name in group.attrs["weight_names"] if "U_f" not in name]

    path = changed(tmp_path, stack(layers.LSTM(4, name="lstm")), drop)
    with pytest.raises(ModelError, match=r"'lstm' should have the weights U_i, U_f, U_c, U_o, but .* U_i, U_c, U_o\.$"):
        read_keras(path)


def test_weights_of_theano_are_refused(tmp_path: Path) -> None:
    def mark(file: h5py.File) -> None:
        file["model_weights"].attrs["backend"] = b"theano"

    with pytest.raises(UnsupportedError, match="Keras on Theano"):
        read_keras(changed(tmp_path, stack(layers.Conv1D(4, 3)), mark))


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"class_name": "Highway", "config": {"name": "way"}}, r"'way' \(Highway, layer 2\) is of a class"),
        ({"class_name": "MaxoutDense", "config": {"name": "max", "nb_feature": 4}}, r"'max' \(MaxoutDense, layer 2\)"),
        ({"class_name": "BatchNormalization", "config": {"name": "n", "mode": 1}}, "mode 1; ovprep reads mode 0"),
        ({"class_name": "Merge", "config": {"name": "m", "mode": "cos"}}, "Merge in the mode 'cos'; ovprep reads"),
        (
            {"class_name": "Merge", "config": {"name": "m", "mode": "sum", "layers": [{"class_name": "Sequential"}]}},
            "merges models that are not complete",
        ),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else "",
)
def test_what_is_refused(entry: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    def put(file: h5py.File) -> None:
        config = json.loads(file.attrs["model_config"])
        config["config"] = [entry] if "layers" in entry["config"] else [*config["config"], entry]
        file.attrs["model_config"] = json.dumps(config)

    with pytest.raises((ModelError, UnsupportedError), match=sentence):
        read_keras(changed(tmp_path, stack(layers.Flatten()), put))


def test_the_writer_writes_what_keras_1_wrote(tmp_path: Path) -> None:
    """Words and names as in the sources of Keras 1.2.2, so that the tests above test something old."""
    path = write_keras_1(stack(layers.Conv1D(4, 3, name="conv"), layers.LSTM(2, name="lstm")), tmp_path / "old.h5")
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])["config"]
        assert config[0]["class_name"] == "Convolution1D"
        assert {"nb_filter", "filter_length", "subsample_length", "border_mode"} <= set(config[0]["config"])
        assert config[1]["config"]["inner_activation"] == "sigmoid"
        names = file["model_weights/lstm"].attrs["weight_names"]
        assert [name[5:-2] for name in names] == [f"{kind}_{gate}" for gate in "icfo" for kind in "WUb"]
        assert file["model_weights/conv/conv_W:0"].shape == (3, 1, 3, 4)
