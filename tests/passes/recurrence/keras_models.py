"""Run as a script: recurrent Keras models as tf2onnx makes them, with an input and what TensorFlow makes of it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
import tf_keras

LENGTH, CHANNELS, UNITS = 12, 3, 5


def lstm(x: Any, layers: Any) -> Any:
    return layers.LSTM(UNITS, return_sequences=True, return_state=True)(x)


def gru(x: Any, layers: Any) -> Any:
    return layers.GRU(UNITS, return_sequences=True)(x)


def gru_before(x: Any, layers: Any) -> Any:
    return layers.GRU(UNITS, reset_after=False, go_backwards=True, return_sequences=True)(x)


def rnn(x: Any, layers: Any) -> Any:
    return layers.SimpleRNN(UNITS, activation="relu")(x)


def both_ways(x: Any, layers: Any) -> Any:
    return layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))(x)


def added_up(x: Any, layers: Any) -> Any:
    return layers.Bidirectional(layers.SimpleRNN(UNITS, return_sequences=True), merge_mode="sum")(x)


def stacked(x: Any, layers: Any) -> Any:
    x = layers.Conv1D(6, 3, padding="same", activation="relu")(x)
    return layers.Dense(2)(layers.GRU(4)(layers.LSTM(UNITS, return_sequences=True)(x)))


def cells(x: Any, layers: Any) -> Any:
    return layers.RNN([layers.LSTMCell(UNITS), layers.GRUCell(4)], return_sequences=True)(x)


def handed_on(x: Any, layers: Any) -> Any:
    y, *states = layers.LSTM(UNITS, return_sequences=True, return_state=True)(x)
    return layers.LSTM(UNITS)(y, initial_state=states)


def hard(x: Any, layers: Any) -> Any:
    return layers.LSTM(UNITS, recurrent_activation="hard_sigmoid")(x)


def masked(x: Any, layers: Any) -> Any:
    return layers.GRU(UNITS)(layers.Masking()(x))


def write(name: str, kind: str, folder: Path, rng: np.random.Generator) -> None:
    """Kinds are "open" and "time", which leave the batch open and both, "fixed" and "keras2"."""
    library: Any = tf_keras if kind == "keras2" else keras
    batch, length = 1 if kind == "fixed" else None, None if kind == "time" else LENGTH
    given = library.Input((length, CHANNELS))
    model = library.Model(given, globals()[name](given, library.layers))
    model.set_weights([0.4 * rng.normal(size=array.shape) for array in model.get_weights()])
    x = rng.normal(size=(batch or 2, LENGTH, CHANNELS)).astype(np.float32)
    if kind == "keras2":
        proto, _ = tf2onnx.convert.from_keras(model, opset=15)
    else:
        signature = (tf.TensorSpec((batch, length, CHANNELS), tf.float32, name="x"),)
        proto, _ = tf2onnx.convert.from_function(tf.function(lambda x: model(x, training=False)), signature, opset=18)
    path = folder / f"{name}.{kind}.onnx"
    onnx.save(proto, path)
    np.savez(path.with_suffix(".npz"), x, *map(np.asarray, tf.nest.flatten(model(x, training=False))))


def main() -> None:
    folder, rng = Path(sys.argv[1]), np.random.default_rng(0)
    for name, kinds in json.loads(sys.argv[2]).items():
        for kind in kinds:
            write(name, kind, folder, rng)


if __name__ == "__main__":
    main()
