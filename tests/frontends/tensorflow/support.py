"""The check of a file of TensorFlow: what TensorFlow computes, against the graph as read and against the IR."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import tensorflow as tf
from numpy.typing import NDArray

from ovprep.frontends.source import Source
from tests.frontends.keras.support import feeds_for, onnx_runner, openvino_runner

Array = NDArray[Any]
Reference = Callable[[Mapping[str, Array]], Sequence[Array]]

TOLERANCE = 2e-6
"""As in the check against Keras."""


def check(source: Source, reference: Reference, batches: Sequence[int] = (1, 3), length: int = 17) -> None:
    """Compares with the reference, which takes inputs by their names and gives outputs in the order of the source."""
    onnx.checker.check_model(ir.to_proto(source.graph), full_check=True)
    runners = {"as read, in ONNX Runtime": onnx_runner(source), "normalised, in OpenVINO": openvino_runner(source)}
    for batch in batches:
        feeds = feeds_for(source.interface, batch, length, 1.0)
        wanted = [np.asarray(value) for value in reference(feeds)]
        for name, run in runners.items():
            found = run(feeds)
            assert [value.shape for value in found] == [value.shape for value in wanted], name
            for mine, right in zip(found, wanted, strict=True):
                error = float(np.abs(mine.astype(np.float64) - right).max(initial=0.0))
                scale = max(1.0, float(np.abs(right).max(initial=0.0)))
                assert error <= TOLERANCE * scale, f"{name}, batch {batch}: off by {error:.2e}"


def signature_of(path: Path, name: str, outputs: Sequence[str]) -> Reference:
    """A signature of a SavedModel, loaded anew by TensorFlow."""
    model = tf.saved_model.load(str(path))

    def run(feeds: Mapping[str, Array]) -> list[Array]:
        results = model.signatures[name](**{key: tf.constant(feed) for key, feed in feeds.items()})
        return [results[output].numpy() for output in outputs]

    return run


def tflite_of(path: Path) -> Reference:
    """A TFLite file in its interpreter; inputs in the order of the file."""

    def run(feeds: Mapping[str, Array]) -> list[Array]:
        interpreter = tf.lite.Interpreter(model_path=str(path))
        for port, feed in zip(interpreter.get_input_details(), feeds.values(), strict=True):
            interpreter.resize_tensor_input(port["index"], feed.shape)
        interpreter.allocate_tensors()
        for port, feed in zip(interpreter.get_input_details(), feeds.values(), strict=True):
            interpreter.set_tensor(port["index"], feed)
        interpreter.invoke()
        return [interpreter.get_tensor(port["index"]) for port in interpreter.get_output_details()]

    return run


def small_keras_model(length: int | None = 17, batch: int | None = None) -> Any:
    """A dilated causal convolution, a normalisation, a pooling and a Dense layer; weights tell each of them apart."""
    import keras
    from keras import layers

    from tests.frontends.keras.support import randomise

    model = keras.Sequential(
        [
            layers.Input((length, 3), batch_size=batch, name="x"),
            layers.Conv1D(5, 3, dilation_rate=2, padding="causal", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv1D(4, 4, padding="same"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, activation="softmax"),
        ],
        name="small",
    )
    randomise(model)
    return model
