"""Fourier transforms and frames between layers against real Keras."""

from pathlib import Path

import tensorflow as tf
import tf_keras
from keras import ops

from tests.frontends.keras.keras_2 import check_against_keras_2
from tests.frontends.keras.operations.table import Function, check_functions


def test_rfft(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.rfft(x),
        lambda x: ops.rfft(x, fft_length=5),
        lambda x: ops.rfft(x, fft_length=16),
        lambda x: ops.rfft(ops.transpose(x, (0, 2, 1))),
    ]
    check_functions(functions, tmp_path, shape=(6, 12))


def test_stft(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.stft(x, 8, 4, 8),
        lambda x: ops.stft(x, 8, 3, 16, window="hamming"),
        lambda x: ops.stft(x, 7, 4, 10, center=False),
        lambda x: ops.stft(x, 8, 4, 9, window=None),
    ]
    check_functions(functions, tmp_path, shape=(40,))


def test_frames(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.extract_sequences(x, 4, 2),
        lambda x: ops.extract_sequences(x, 5, 3),
    ]
    check_functions(functions, tmp_path, shape=(3, 12))


def test_frames_of_tensorflow(tmp_path: Path) -> None:
    x = tf_keras.Input((9, 2), name="x")
    outputs = [tf.signal.frame(x, 4, 2, axis=1), tf.signal.frame(tf.transpose(x, [0, 2, 1]), 3, 3)]
    check_against_keras_2(tf_keras.Model(x, outputs), tmp_path, reload=True)
