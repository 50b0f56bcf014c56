"""Functions of TensorFlow between layers of Keras 2 against tf_keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import backend, layers

from tests.frontends.keras.keras_2 import check_against_keras_2

ROW = np.array([1.5, -2.0, 0.25, 3.0], np.float32)
MATRIX = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
Function = Callable[..., Any]

OF_TWO: dict[str, list[Function]] = {
    "arithmetic": [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: 1 - x,
        lambda x, y: x * ROW,
        lambda x, y: tf.constant(ROW) * y,
        lambda x, y: x / 3.0,
        lambda x, y: 1.0 / (x * x + 1.0),
        lambda x, y: x**2,
        lambda x, y: x % 0.7,
        lambda x, y: x // 0.3,
        lambda x, y: -x,
        lambda x, y: abs(y),
        lambda x, y: tf.math.squared_difference(x, y),
        lambda x, y: tf.math.divide_no_nan(x, tf.nn.relu(y)),
        lambda x, y: tf.add_n([x, y, x]),
        lambda x, y: tf.subtract(2.0, x),
        lambda x, y: x @ tf.transpose(y, [0, 2, 1]),
    ],
    "comparisons": [
        lambda x, y: x > y,
        lambda x, y: tf.round(x) >= 1.0,
        lambda x, y: x < 0.5,
        lambda x, y: tf.round(x) <= tf.round(y),
        lambda x, y: tf.equal(tf.round(x), tf.round(y)),
        lambda x, y: tf.not_equal(tf.round(x), 0.0),
        lambda x, y: tf.logical_and(x > 0, y > 0),
        lambda x, y: tf.logical_not(tf.logical_or(x > 0, y > 0)),
        lambda x, y: tf.where(x > y, x, y),
        lambda x, y: tf.where(x > 0, x, 0.0),
        lambda x, y: tf.maximum(x, y),
        lambda x, y: tf.minimum(0.5, x),
        lambda x, y: tf.reduce_any(x > 1, axis=1),
        lambda x, y: tf.reduce_all(x > -1, axis=-1, keepdims=True),
        lambda x, y: tf.cast(x > 0, tf.float32) * y,
        lambda x, y: tf.cast(3 * x, tf.int32),
    ],
    "joins": [
        lambda x, y: tf.concat([x, y], axis=1),
        lambda x, y: tf.concat([x, y], -1),
        lambda x, y: tf.stack([x, y], axis=1),
        lambda x, y: tf.stack([x, y], axis=-1),
        lambda x, y: tf.concat([x, tf.zeros_like(y), tf.ones_like(x)], axis=-1),
        lambda x, y: backend.concatenate([x, y], axis=1),
    ],
    "products": [
        lambda x, y: tf.matmul(x, y, transpose_b=True),
        lambda x, y: tf.matmul(x, y, transpose_a=True),
        lambda x, y: tf.matmul(x, MATRIX),
        lambda x, y: tf.tensordot(y, MATRIX, axes=[[2], [0]]),
    ],
}

OF_ONE: dict[str, list[Function]] = {
    "slices": [
        lambda x: x[:, -1],
        lambda x: x[:, 1:4:2],
        lambda x: x[..., None],
        lambda x: x[:, ::-1, 1],
        lambda x: x[:, tf.newaxis],
        lambda x: x[:1],
        lambda x: x[..., -2:],
        lambda x: tf.slice(x, [0, 1, 2], [-1, 3, 2]),
        lambda x: tf.gather(x, [2, 0], axis=1),
        lambda x: tf.gather(x, 1, axis=-1),
    ],
    "shapes": [
        lambda x: tf.reshape(x, (-1, 24)),
        lambda x: tf.reshape(x, (-1, 4, 6)),
        lambda x: tf.transpose(x, [0, 2, 1]),
        lambda x: tf.transpose(x),
        lambda x: tf.expand_dims(x, 1),
        lambda x: tf.expand_dims(x, axis=-1),
        lambda x: tf.squeeze(tf.expand_dims(x, 1), 1),
        lambda x: tf.squeeze(tf.expand_dims(x, -1), [-1]),
        lambda x: tf.tile(x, [1, 2, 1]),
        lambda x: tf.repeat(x, 2, axis=1),
        lambda x: tf.roll(x, 2, axis=1),
        lambda x: tf.reverse(x, axis=[1]),
        lambda x: backend.batch_flatten(x),
        lambda x: tf.linalg.matrix_transpose(x),
    ],
    "computed shapes": [
        lambda x: tf.reshape(x, [tf.shape(x)[0], -1]),
        lambda x: tf.reshape(x, [-1, tf.shape(x)[2], tf.shape(x)[1]]),
        lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], 8, 3])),
        lambda x: tf.reshape(x, tf.concat([tf.shape(x)[:1], [12, 2]], axis=0)),
        lambda x: tf.reshape(tf.transpose(x, [0, 2, 1]), tf.shape(x)),
        lambda x: tf.shape(x),
    ],
    "computed slices": [
        lambda x: x[:, 1 : tf.shape(x)[1] - 2],
        lambda x: x[:, :: tf.shape(x)[2] - 1],
        lambda x: tf.reshape(x, [-1, tf.shape(x)[1] * tf.shape(x)[2]]),
        lambda x: tf.strided_slice(x, [0, 1, 0], [100, 5, 2], [1, 2, 1], begin_mask=1, end_mask=1),
        lambda x: tf.broadcast_to(x[:, :1], tf.shape(x)),
    ],
    "backend": [
        lambda x: backend.dot(x, backend.constant(MATRIX)),
        lambda x: backend.batch_dot(x, x, axes=(2, 2)),
        lambda x: backend.permute_dimensions(x, (0, 2, 1)),
        lambda x: backend.repeat_elements(x, 2, axis=1),
        lambda x: backend.temporal_padding(x, (1, 2)),
        lambda x: backend.hard_sigmoid(x),
        lambda x: backend.pool2d(x[..., None], (2, 1)),
        lambda x: backend.conv1d(x, backend.constant(MATRIX[None])),
        lambda x: backend.flatten(x),
        lambda x: tf.linalg.matvec(x, tf.reduce_mean(x, axis=1)),
        lambda x: tf.linalg.normalize(x, axis=1),
    ],
    "padding": [
        lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 0]]),
        lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=1.5),
        lambda x: tf.pad(x, [[0, 0], [2, 1], [0, 0]], mode="REFLECT"),
        lambda x: tf.pad(x, [[0, 0], [2, 1], [0, 0]], mode="SYMMETRIC"),
    ],
    "parts": [
        lambda x: tf.split(x, 2, axis=-1),
        lambda x: tf.split(x, [1, 3, 2], axis=1),
        lambda x: tf.split(x, [1, -1], axis=1)[1],
        lambda x: tf.unstack(x, axis=-1),
        lambda x: tf.unstack(x, axis=1)[2],
    ],
    "reductions": [
        lambda x: tf.reduce_mean(x, axis=1),
        lambda x: tf.reduce_mean(x, [1, 2]),
        lambda x: tf.reduce_sum(x, axis=-1, keepdims=True),
        lambda x: tf.reduce_max(x, 1),
        lambda x: tf.reduce_min(x, axis=1),
        lambda x: tf.reduce_prod(x, axis=-1),
        lambda x: tf.math.reduce_std(x, axis=1),
        lambda x: tf.math.reduce_variance(x, axis=1),
        lambda x: tf.reduce_logsumexp(x, axis=1),
        lambda x: tf.math.reduce_euclidean_norm(x, axis=1),
        lambda x: tf.reduce_sum(x),
        lambda x: tf.norm(x, axis=-1),
        lambda x: tf.norm(x, ord=1, axis=1),
        lambda x: tf.math.l2_normalize(x, axis=1),
        lambda x: tf.math.l2_normalize(x, axis=-1, epsilon=4.0),
        lambda x: tf.nn.moments(x, [1]),
        lambda x: backend.mean(x, axis=1),
        lambda x: backend.std(x, axis=1),
    ],
    "places": [
        lambda x: tf.argmax(x, axis=1),
        lambda x: tf.argmin(x, axis=-1, output_type=tf.int32),
        lambda x: tf.math.top_k(x, 2),
        lambda x: tf.sort(x, axis=1),
        lambda x: tf.cumsum(x, axis=1),
        lambda x: tf.cumsum(x, axis=1, exclusive=True),
        lambda x: tf.cumsum(x, axis=1, reverse=True),
        lambda x: tf.one_hot(tf.argmax(x, axis=-1), 4),
    ],
    "functions": [
        lambda x: tf.exp(x),
        lambda x: tf.sin(x) + tf.cos(x),
        lambda x: tf.tanh(x),
        lambda x: tf.sqrt(tf.abs(x)),
        lambda x: tf.math.log1p(tf.square(x)),
        lambda x: tf.math.log(tf.square(x) + 0.1),
        lambda x: tf.math.rsqrt(tf.square(x) + 0.1),
        lambda x: tf.floor(x),
        lambda x: tf.sign(x),
        lambda x: tf.clip_by_value(x, -0.5, 1.0),
        lambda x: tf.stop_gradient(x) + 1.0,
        lambda x: tf.math.erf(x),
    ],
    "activations": [
        lambda x: tf.nn.relu(x),
        lambda x: tf.nn.relu6(3 * x),
        lambda x: tf.nn.elu(x),
        lambda x: tf.nn.selu(x),
        lambda x: tf.nn.gelu(x),
        lambda x: tf.nn.gelu(x, approximate=True),
        lambda x: tf.nn.leaky_relu(x),
        lambda x: tf.nn.leaky_relu(x, alpha=0.4),
        lambda x: tf.nn.silu(x),
        lambda x: tf.nn.softplus(x),
        lambda x: tf.nn.softsign(x),
        lambda x: tf.nn.sigmoid(x),
        lambda x: tf.nn.softmax(x),
        lambda x: tf.nn.softmax(x, axis=1),
        lambda x: tf.nn.log_softmax(x),
        lambda x: tf.math.log_sigmoid(x),
        lambda x: tf.nn.bias_add(x, ROW),
        lambda x: tf_keras.activations.gelu(x),
        lambda x: tf_keras.activations.swish(x),
        lambda x: tf_keras.activations.relu(x, max_value=1.0),
    ],
}


def model_of(functions: list[Function], number: int, shape: tuple[int | None, ...] = (6, 4)) -> Any:
    xs = [tf_keras.Input(shape, name=f"x{index}") for index in range(number)]
    outputs = [tensor for function in functions for tensor in tf.nest.flatten(function(*xs))]
    return tf_keras.Model(xs, outputs)


@pytest.mark.parametrize("name", OF_TWO)
def test_of_two(name: str, tmp_path: Path) -> None:
    check_against_keras_2(model_of(OF_TWO[name], 2), tmp_path, reload=True)


@pytest.mark.parametrize("name", OF_ONE)
def test_of_one(name: str, tmp_path: Path) -> None:
    check_against_keras_2(model_of(OF_ONE[name], 1), tmp_path, reload=True)


def test_between_layers(tmp_path: Path) -> None:
    """Attention by hand, and a skip connection, between convolutions."""
    x = tf_keras.Input((16, 3), name="x")
    y = layers.Conv1D(8, 3, padding="same")(x)
    z = tf.nn.relu(y + layers.Conv1D(8, 1)(x)) * tf.constant(np.linspace(0.5, 2, 8), tf.float32)
    weights = tf.nn.softmax(layers.Dense(1)(tf.tanh(z)), axis=1)
    context = tf.reduce_sum(z * weights, axis=1)
    last = tf.concat([context, z[:, -1], tf.reduce_max(layers.Add()([y, z]), axis=1)], axis=-1)
    check_against_keras_2(tf_keras.Model(x, layers.Dense(2)(last)), tmp_path, reload=True)


def test_archive(tmp_path: Path) -> None:
    """TF-Keras 2.12 to 2.15 write the same layers to `.keras`, and Keras 3 cannot read them."""
    x = tf_keras.Input((9, 4), name="x")
    y = layers.Conv1D(4, 3, padding="same")(x)
    model = tf_keras.Model(x, layers.Dense(2)(tf.nn.relu(layers.Dense(4)(y) + y * ROW)[:, -1]))
    check_against_keras_2(model, tmp_path, suffixes=(".keras",), reload=True)


def test_inside_a_model(tmp_path: Path) -> None:
    """A model that is called twice, with functions inside and outside."""
    x, z = tf_keras.Input((9, 4), name="x"), tf_keras.Input((9, 4), name="z")
    inner = tf_keras.Model(z, tf.reduce_mean(tf.nn.relu(layers.Conv1D(3, 3)(z) * 2.0), axis=1), name="inner")
    model = tf_keras.Model(x, layers.Dense(2)(inner(x) - inner(tf.reverse(x, [1]))))
    check_against_keras_2(model, tmp_path, reload=True)


def test_open_time(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1], 2, 2]),
        lambda x: tf.reduce_mean(x, axis=1),
        lambda x: x[:, ::2] * 2,
    ]
    check_against_keras_2(model_of(functions, 1, (None, 4)), tmp_path, lengths=(5, 8), reload=True)
