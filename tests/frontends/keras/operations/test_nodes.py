"""Nodes of TensorFlow's graphs between layers, as tf.keras 2.0 to 2.3 wrote them, against tf_keras."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers
from tf_keras.src.engine.base_layer import TensorFlowOpLayer

from tests.frontends.keras.keras_2 import check_against_keras_2

_NUMBERS = itertools.count()
ROW = np.array([1.5, -2.0, 0.25, 3.0], np.float32)
MATRIX = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)


def as_node(function: Callable[..., Any], *xs: Any) -> Any:
    """The layers that tf.keras made of a function of tensors: one for each node of its graph."""
    with tf.Graph().as_default() as graph:
        fed = [tf.compat.v1.placeholder(x.dtype, x.shape) for x in xs]
        results = tf.nest.flatten(function(*fed))
    values = {tensor.ref(): x for tensor, x in zip(fed, xs, strict=True)}
    for op in graph.get_operations():
        if op.type in ("Placeholder", "Const"):
            continue
        with graph.as_default():
            constants = {
                index: tf.get_static_value(tensor)
                for index, tensor in enumerate(op.inputs)
                if tensor.op.type == "Const"
            }
        given = [values[tensor.ref()] for tensor in op.inputs if tensor.ref() in values]
        node = TensorFlowOpLayer(op.node_def.SerializeToString(), f"{op.name}_{next(_NUMBERS)}", constants)
        made = tf.nest.flatten(node(given if len(given) > 1 else given[0]))
        values |= {tensor.ref(): x for tensor, x in zip(op.outputs, made, strict=True)}
    return [values[result.ref()] for result in results]


NODES: dict[str, list[Callable[..., Any]]] = {
    "arithmetic": [
        lambda x, y: x + y,
        lambda x, y: 1.0 - x,
        lambda x, y: x * ROW,
        lambda x, y: y / 3.0,
        lambda x, y: tf.maximum(x, y),
        lambda x, y: tf.square(x) + tf.abs(y),
        lambda x, y: tf.math.squared_difference(x, y),
        lambda x, y: x**2.0,
        lambda x, y: tf.exp(-x),
        lambda x, y: tf.sqrt(tf.abs(x)),
    ],
    "activations": [
        lambda x, y: tf.nn.relu(x),
        lambda x, y: tf.nn.leaky_relu(y, alpha=0.4),
        lambda x, y: tf.nn.softmax(x),
        lambda x, y: tf.sigmoid(x),
        lambda x, y: tf.tanh(x),
        lambda x, y: tf.clip_by_value(x, -0.5, 0.5),
        lambda x, y: tf.nn.bias_add(x, ROW),
    ],
    "reductions": [
        lambda x, y: tf.reduce_mean(x, axis=1),
        lambda x, y: tf.reduce_sum(y, axis=[1, 2], keepdims=True),
        lambda x, y: tf.reduce_max(x, axis=-1),
        lambda x, y: tf.argmax(x, axis=1),
        lambda x, y: tf.cumsum(x, axis=1, reverse=True),
    ],
    "shapes": [
        lambda x, y: tf.reshape(x, [-1, 24]),
        lambda x, y: tf.transpose(x, [0, 2, 1]),
        lambda x, y: tf.expand_dims(x, 2),
        lambda x, y: tf.squeeze(tf.expand_dims(x, 1), [1]),
        lambda x, y: tf.pad(x, [[0, 0], [1, 2], [0, 0]]),
        lambda x, y: tf.pad(x, [[0, 0], [1, 2], [0, 0]], constant_values=1.5),
        lambda x, y: tf.pad(x, [[0, 0], [1, 2], [0, 0]], mode="REFLECT"),
        lambda x, y: tf.tile(y, [1, 2, 1]),
    ],
    "parts": [
        lambda x, y: tf.concat([x, y], axis=1),
        lambda x, y: tf.stack([x, y], axis=-1),
        lambda x, y: tf.split(x, 2, axis=-1),
        lambda x, y: tf.split(x, [1, 5], axis=1),
        lambda x, y: tf.unstack(x, axis=-1),
        lambda x, y: tf.gather(x, [2, 0], axis=1),
        lambda x, y: x[:, -1],
        lambda x, y: x[:, 1:4:2],
        lambda x, y: y[..., tf.newaxis, 0],
        lambda x, y: y[:, ::-1, :-1],
    ],
    "products": [
        lambda x, y: tf.matmul(x, y, transpose_b=True),
        lambda x, y: tf.einsum("bij,bkj->bik", x, y),
        lambda x, y: tf.cast(x > y, tf.float32),
        lambda x, y: tf.where(x > 0.0, x, y),
    ],
}


@pytest.mark.parametrize("name", NODES)
def test_nodes(name: str, tmp_path: Path) -> None:
    xs = [tf_keras.Input((6, 4), name=f"x{index}") for index in range(2)]
    outputs = [tensor for function in NODES[name] for tensor in as_node(function, *xs)]
    check_against_keras_2(tf_keras.Model(xs, outputs), tmp_path, reload=True)


def test_between_layers(tmp_path: Path) -> None:
    x = tf_keras.Input((12, 3), name="x")
    y = layers.Conv1D(4, 3, padding="same")(x)
    (y,) = as_node(lambda y: tf.nn.relu(y * ROW) + 0.5, y)
    (z,) = as_node(lambda y: tf.reduce_mean(y, axis=1), layers.Conv1D(5, 3)(y))
    check_against_keras_2(tf_keras.Model(x, layers.Dense(2)(z)), tmp_path, reload=True)
