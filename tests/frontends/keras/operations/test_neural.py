"""Convolution, pooling and normalisation as operations against real Keras and tf_keras."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import ops

from tests.frontends.keras.keras_2 import check_against_keras_2
from tests.frontends.keras.operations.table import Function, check_functions

_RANDOM = np.random.default_rng(5)


def noise(*shape: int) -> Any:
    return _RANDOM.normal(size=shape).astype(np.float32)


KERNEL, DEPTHWISE = noise(3, 4, 6), noise(3, 4, 2)
ROW, POSITIVE = noise(4), np.abs(noise(4)) + 0.5

NEURAL: dict[str, list[Function]] = {
    "pools": [
        lambda x: ops.max_pool(x, 2),
        lambda x: ops.max_pool(x, 3, strides=2, padding="same"),
        lambda x: ops.average_pool(x, 2),
        lambda x: ops.average_pool(x, (3,), strides=1, padding="same"),
        lambda x: ops.max_pool(x, 2, data_format="channels_first"),
        lambda x: ops.max_pool(ops.expand_dims(x, -1), (2, 1)),
    ],
    "convolutions": [
        lambda x: ops.conv(x, KERNEL),
        lambda x: ops.conv(x, KERNEL, strides=2, padding="same"),
        lambda x: ops.conv(x, KERNEL, dilation_rate=2, padding="same"),
        lambda x: ops.depthwise_conv(x, DEPTHWISE, padding="same"),
    ],
    "normalisations": [
        lambda x: ops.layer_normalization(x, ROW, ROW, epsilon=1e-3),
        lambda x: ops.layer_normalization(x),
        lambda x: ops.rms_normalization(x, ROW, epsilon=1e-3),
        lambda x: ops.batch_normalization(x, ROW, POSITIVE, axis=-1, offset=ROW, scale=POSITIVE),
        lambda x: ops.batch_normalization(x, ROW, POSITIVE, axis=2, epsilon=0.5),
    ],
}

OLD: dict[str, list[Function]] = {
    "pools": [
        lambda x: tf.nn.max_pool1d(x, 2, 2, "VALID"),
        lambda x: tf.nn.max_pool1d(x, 3, 2, "SAME"),
        lambda x: tf.nn.avg_pool1d(x, [3], [1], "SAME"),
        lambda x: tf.nn.max_pool2d(x[..., None], [1, 2, 1, 1], [1, 2, 1, 1], "VALID"),
        lambda x: tf.nn.max_pool(x, 2, 2, "VALID"),
    ],
    "convolutions": [
        lambda x: tf.nn.conv1d(x, KERNEL, 1, "SAME"),
        lambda x: tf.nn.conv1d(x, KERNEL, stride=2, padding="VALID"),
        lambda x: tf.nn.conv1d(x, KERNEL, 1, "SAME", dilations=2),
    ],
    "normalisations": [
        lambda x: tf.nn.batch_normalization(x, ROW, POSITIVE, ROW, POSITIVE, 1e-3),
        lambda x: tf.nn.batch_normalization(x, *tf.nn.moments(x, [1], keepdims=True), None, None, 0.25),
    ],
}


@pytest.mark.parametrize("name", NEURAL)
def test_operations(name: str, tmp_path: Path) -> None:
    check_functions(NEURAL[name], tmp_path)


@pytest.mark.parametrize("name", OLD)
def test_functions(name: str, tmp_path: Path) -> None:
    x = tf_keras.Input((6, 4), name="x")
    check_against_keras_2(tf_keras.Model(x, [function(x) for function in OLD[name]]), tmp_path, reload=True)
