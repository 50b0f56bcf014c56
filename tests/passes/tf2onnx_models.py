"""Run as a script: writes Keras models as tf2onnx makes them, with an input and what TensorFlow makes of it."""

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
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

LENGTH = 40
SHAPES = {"spectrogram": (12, 8, 3)}
"""Of inputs with two spatial axes."""


def plain(x: Any) -> Any:
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 5, padding="same")(x)))
    x = layers.Conv1D(6, 3, strides=2, activation="relu")(layers.MaxPooling1D(2)(x))
    return layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(layers.AveragePooling1D(2)(x)))


def dilated(x: Any) -> Any:
    x = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = layers.Conv1D(8, 3, padding="valid", dilation_rate=4)(x)
    return layers.Conv1D(8, 2, padding="valid", dilation_rate=3)(x)


def separable(x: Any) -> Any:
    x = layers.SeparableConv1D(6, 3, dilation_rate=2, padding="valid")(x)
    return layers.GlobalMaxPooling1D()(layers.DepthwiseConv1D(5)(x))


def flat(x: Any) -> Any:
    x = layers.MaxPooling1D(2)(layers.Conv1D(8, 5, strides=2, padding="same", activation="relu")(x))
    return layers.Dense(3)(layers.Dense(10, activation="relu")(layers.Flatten()(x)))


def residual(x: Any) -> Any:
    x = layers.Conv1D(8, 3, padding="same")(x)
    for _ in range(2):
        y = layers.LeakyReLU()(layers.BatchNormalization()(layers.Conv1D(8, 3, padding="same")(x)))
        x = layers.Add()([x, layers.Conv1D(8, 1)(y)])
    return layers.GlobalMaxPooling1D()(layers.Concatenate()([x, layers.Conv1D(4, 1)(x)]))


def columns(x: Any) -> Any:
    x = layers.Conv2D(8, (5, 1), padding="same")(layers.Reshape((LENGTH, 1, 2))(x))
    x = layers.MaxPooling2D((2, 1))(layers.DepthwiseConv2D((3, 1), padding="same")(layers.ReLU()(x)))
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, (3, 3), padding="same")(x)))


def dense(x: Any) -> Any:
    x = layers.Conv1D(8, 3, padding="same")(x)
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling1D()(x))
    x = layers.Multiply()([x, layers.Reshape((1, 8))(gate)])
    return layers.Dense(4)(layers.Cropping1D(2)(x))


def upsampling(x: Any) -> Any:
    x = layers.Conv1D(8, 3, padding="same", activation="relu")(x)
    y = layers.Conv1D(8, 3, padding="same")(layers.MaxPooling1D(2)(x))
    y = layers.Concatenate()([layers.Conv1DTranspose(8, 2, strides=2)(y), layers.UpSampling1D(2)(y)])
    return layers.Conv1D(1, 1)(y)


def spectrogram(x: Any) -> Any:
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", activation="relu")(x)))
    y = layers.LeakyReLU()(layers.BatchNormalization()(layers.Conv2D(8, (5, 3), padding="same")(x)))
    x = layers.Concatenate()([layers.Add()([x, y]), layers.DepthwiseConv2D(3, padding="same")(x)])
    gate = layers.Dense(16, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Conv2D(6, 3, strides=2, padding="same")(layers.Multiply()([x, layers.Reshape((1, 1, 16))(gate)]))
    return layers.Dense(3)(layers.Flatten()(layers.Softmax(axis=1)(x)))


def write(name: str, kind: str, folder: Path, rng: np.random.Generator) -> None:
    batch, length = 1 if kind.startswith("fixed") else None, None if kind == "time" else LENGTH
    shape = SHAPES.get(name, (length, 2))
    given = keras.Input(shape)
    model = keras.Model(given, globals()[name](given))
    for variable in model.variables:
        if variable.dtype == "float32":
            numbers = rng.normal(size=variable.shape) * 0.5
            variable.assign(np.abs(numbers) + 0.5 if "variance" in variable.name else numbers)
    x = rng.normal(size=(batch or 3, *(size or LENGTH for size in shape))).astype(np.float32)
    function = tf.function(lambda x: model(x, training=False))
    signature = (tf.TensorSpec((batch, *shape), tf.float32, name="x"),)
    path = folder / f"{name}.{kind}.onnx"
    if kind.endswith("lite"):
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(*signature))
        lite = path.with_suffix(".tflite")
        lite.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())
        proto, _ = tf2onnx.convert.from_tflite(str(lite), opset=18)
    else:
        proto, _ = tf2onnx.convert.from_function(function, signature, opset=18)
    onnx.save(proto, path)
    if kind == "open" and name in SHAPES:
        model.save(path.with_suffix(".keras"))
    np.savez(path.with_suffix(".npz"), x=x, y=np.asarray(model(x, training=False)))


def main() -> None:
    folder, names = Path(sys.argv[1]), json.loads(sys.argv[2])
    rng = np.random.default_rng(0)
    for name in names:
        for kind in ("open", "time", "fixed_lite", "open_lite"):
            if kind != "time" or name not in ("flat", "columns", *SHAPES):
                write(name, kind, folder, rng)


if __name__ == "__main__":
    main()
