"""Files of Keras 2.15, which tf_keras still writes: every family of layers, and every shape of model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tf_keras
from tf_keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.keras_2 import check_against_keras_2

Make = Callable[[], tf_keras.Model]


def one(layer: Callable[[], Any], *shape: int | None) -> Make:
    """A model of one layer."""

    def make() -> tf_keras.Model:
        x = tf_keras.Input(shape, name="x")
        return tf_keras.Model(x, layer()(x), name="net")

    return make


LAYERS: dict[str, Make] = {
    "conv": one(lambda: layers.Conv1D(4, 3, strides=2, padding="same", activation="relu"), 12, 3),
    "conv causal": one(lambda: layers.Conv1D(4, 3, dilation_rate=2, padding="causal"), None, 3),
    "conv groups": one(lambda: layers.Conv1D(4, 3, groups=2), 12, 4),
    "conv on rank 4": one(lambda: layers.Conv1D(4, 3, strides=2, padding="same"), 1, 12, 3),
    "conv on rank 4, open": one(lambda: layers.Conv1D(4, 3, padding="causal", activation="softmax"), 1, None, 3),
    "conv on rank 5": one(lambda: layers.Conv1D(4, 3, dilation_rate=2), 1, 1, 12, 3),
    "conv on outer axes": one(lambda: layers.Conv1D(4, 3, padding="same"), 5, 2, 12, 3),
    "conv 2D on outer axes": one(lambda: layers.Conv2D(4, (3, 2)), 5, 12, 6, 3),
    "conv transpose": one(lambda: layers.Conv1DTranspose(4, 3, strides=2, padding="same"), 12, 3),
    "conv hard_sigmoid": one(lambda: layers.Conv1D(4, 3, activation="hard_sigmoid"), 12, 3),
    "depthwise": one(lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), 12, 3),
    "depthwise 2D": one(lambda: layers.DepthwiseConv2D((3, 1)), 12, 1, 3),
    "conv 2D": one(lambda: layers.Conv2D(4, (3, 1), strides=(2, 1), padding="same"), 12, 1, 3),
    "separable": one(lambda: layers.SeparableConv1D(5, 3, depth_multiplier=2), 12, 3),
    "separable 2D": one(lambda: layers.SeparableConv2D(5, (1, 3)), 1, 12, 3),
    "dense": one(lambda: layers.Dense(5, activation="softmax"), 3),
    "dense on a sequence": one(lambda: layers.Dense(5, activation="tanh"), 12, 3),
    "batch norm": one(lambda: layers.BatchNormalization(epsilon=0.01), 12, 3),
    "batch norm, parts": one(lambda: layers.BatchNormalization(scale=False, axis=1), 12, 3),
    "layer norm": one(lambda: layers.LayerNormalization(), 12, 3),
    "group norm": one(lambda: layers.GroupNormalization(2), 12, 4),
    "unit norm": one(lambda: layers.UnitNormalization(), 12, 4),
    "prelu": one(lambda: layers.PReLU(), 12, 3),
    "prelu shared": one(lambda: layers.PReLU(shared_axes=[1]), 12, 3),
    "leaky relu": one(lambda: layers.LeakyReLU(alpha=0.15), 12, 3),
    "elu": one(lambda: layers.ELU(alpha=0.7), 12, 3),
    "relu": one(lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), 12, 3),
    "thresholded relu": one(lambda: layers.ThresholdedReLU(theta=0.3), 12, 3),
    "softmax": one(lambda: layers.Softmax(axis=1), 12, 3),
    "activation": one(lambda: layers.Activation("hard_sigmoid"), 12, 3),
    "activation of a layer": one(lambda: layers.Conv1D(4, 3, activation=layers.LeakyReLU(alpha=0.2)), 12, 3),
    "max pooling": one(lambda: layers.MaxPooling1D(3, 2, padding="same"), 12, 3),
    "average pooling": one(lambda: layers.AveragePooling1D(3, 2, padding="same"), 12, 3),
    "max pooling 2D": one(lambda: layers.MaxPooling2D((2, 1)), 12, 1, 3),
    "global max": one(lambda: layers.GlobalMaxPooling1D(), 12, 3),
    "global average": one(lambda: layers.GlobalAveragePooling1D(keepdims=True), 12, 3),
    "flatten": one(lambda: layers.Flatten(), 12, 3),
    "permute": one(lambda: layers.Permute((2, 1)), 12, 3),
    "reshape": one(lambda: layers.Reshape((-1, 6)), 12, 3),
    "repeat": one(lambda: layers.RepeatVector(4), 3),
    "upsampling": one(lambda: layers.UpSampling1D(3), 12, 3),
    "padding": one(lambda: layers.ZeroPadding1D((1, 2)), 12, 3),
    "cropping": one(lambda: layers.Cropping1D((1, 2)), 12, 3),
    "spatial dropout": one(lambda: layers.SpatialDropout1D(0.3), 12, 3),
    "noise": one(lambda: layers.GaussianNoise(0.3), 12, 3),
    "rescaling": one(lambda: layers.Rescaling(0.5, 0.1), 12, 3),
    "lstm": one(lambda: layers.LSTM(4, return_sequences=True), 12, 3),
    "lstm backwards": one(lambda: layers.LSTM(4, go_backwards=True, return_sequences=True), 12, 3),
    "gru": one(lambda: layers.GRU(4), 12, 3),
    "gru, reset before": one(lambda: layers.GRU(4, reset_after=False), 12, 3),
    "simple rnn": one(lambda: layers.SimpleRNN(4, return_state=True), 12, 3),
    "bidirectional": one(lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="sum"), 12, 3),
    "bidirectional gru": one(lambda: layers.Bidirectional(layers.GRU(4)), 12, 3),
    "time distributed": one(lambda: layers.TimeDistributed(layers.Dense(5)), 12, 3),
    "time distributed conv": one(lambda: layers.TimeDistributed(layers.Conv1D(5, 3)), 4, 12, 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str, tmp_path: Path) -> None:
    check_against_keras_2(LAYERS[name](), tmp_path, suffixes=(".h5", ".keras"))


def functional() -> tf_keras.Model:
    """Several inputs and outputs, a shared layer, a shared model inside, merges."""
    left, right = tf_keras.Input((12, 3), name="left"), tf_keras.Input((12, 3), name="right")
    z = tf_keras.Input((12, 4), name="z")
    inner = tf_keras.Model(z, layers.BatchNormalization(name="norm")(layers.Conv1D(4, 3, name="conv")(z)), name="inner")
    shared = layers.Conv1D(4, 1, name="shared")
    a, b = inner(shared(left)), inner(shared(right))
    both = layers.Concatenate(name="both")([a, layers.Subtract()([a, b]), layers.Maximum()([a, b])])
    scores = layers.Dense(2, activation="softmax", name="scores")(layers.GlobalMaxPooling1D()(both))
    return tf_keras.Model([left, right], [scores, layers.Average(name="mean")([a, b])], name="net")


def sequential() -> tf_keras.Model:
    stack = [layers.Conv1D(4, 3, input_shape=(12, 3)), layers.BatchNormalization(), layers.ReLU(), layers.Flatten()]
    return tf_keras.Sequential([*stack, layers.Dropout(0.5), layers.Dense(3, activation="sigmoid")], name="net")


def nested() -> tf_keras.Model:
    """A Sequential in a Functional in a Sequential; layer names come twice."""
    leaf = tf_keras.Sequential([tf_keras.Input((12, 3)), layers.Conv1D(3, 3, name="conv", padding="same")], name="leaf")
    x = tf_keras.Input((12, 3), name="x")
    body = tf_keras.Model(x, layers.Add()([leaf(x), layers.Conv1D(3, 1, name="point")(x)]), name="body")
    return tf_keras.Sequential([tf_keras.Input((12, 3)), body, layers.PReLU(), layers.LSTM(4)], name="net")


def one_inner_model_twice() -> tf_keras.Model:
    x = tf_keras.Input((12, 3), name="x")
    inner = tf_keras.Sequential([layers.Conv1D(3, 3, padding="same", input_shape=(12, 3))], name="inner")
    return tf_keras.Model(x, inner(inner(x)), name="net")


def crnn() -> tf_keras.Model:
    x = tf_keras.Input((12, 3), name="x")
    y = layers.MaxPooling1D()(layers.Conv1D(4, 3, padding="same", use_bias=False)(x))
    y = layers.Bidirectional(layers.GRU(4, return_sequences=True))(layers.Activation("relu")(y))
    return tf_keras.Model(x, layers.TimeDistributed(layers.Dense(2))(layers.LSTM(3, return_sequences=True)(y)))


MODELS = [
    functional,
    sequential,
    nested,
    one_inner_model_twice,
    crnn,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_model(make: Make, tmp_path: Path) -> None:
    check_against_keras_2(make(), tmp_path, suffixes=(".h5", ".keras"))


def test_convolutions_on_rank_4_share_their_squeeze(tmp_path: Path) -> None:
    x = inputs = tf_keras.Input((1, 12, 3))
    for filters in (4, 5):
        x = layers.Conv1D(filters, 3, activation="relu")(x)
    source = check_against_keras_2(tf_keras.Model(inputs, x), tmp_path)
    ops = [node.op_type for node in source.graph.graph]
    assert (ops.count("Squeeze"), ops[-1]) == (1, "Unsqueeze")
    assert [str(dim) for dim in source.interface.outputs[0].dims] == ["batch", "1", "8", "5"]


def test_convolution_on_several_open_axes(tmp_path: Path) -> None:
    x = tf_keras.Input((5, None, 3))
    tf_keras.Model(x, layers.Conv1D(4, 3)(x)).save(tmp_path / "model.h5")
    with pytest.raises(UnsupportedError, match="of which the batch alone may be open"):
        read_keras(tmp_path / "model.h5")
