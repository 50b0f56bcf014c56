"""What tf2onnx does not know, against TensorFlow and TFLite: GELU, which Keras 3 computes with `erfc`."""

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from ovprep.frontends.open import read_model
from tests.frontends.tensorflow.support import check, signature_of, tflite_of

pytestmark = pytest.mark.usefixtures("in_this_process")


def gelu_model(approximate: bool) -> keras.Model:
    x = keras.Input((17, 3), name="x")
    y = keras.layers.Conv1D(8, 3)(x)
    return keras.Model(x, keras.layers.Activation(lambda z: keras.activations.gelu(3 * z, approximate))(y))


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_of_a_saved_model(approximate: bool, tmp_path: Path) -> None:
    gelu_model(approximate).export(tmp_path / "model", verbose=False)
    check(read_model(tmp_path / "model"), signature_of(tmp_path / "model", "serving_default", ["output_0"]))


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_of_tflite(approximate: bool, tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([1, 17, 3], name="x")])
    def gelu(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.gelu(3 * x, approximate)

    path = tmp_path / "model.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([gelu.get_concrete_function()]).convert())
    names = {operation["op_name"] for operation in tf.lite.Interpreter(str(path))._get_ops_details()}
    assert "GELU" in names
    check(read_model(path), tflite_of(path), batches=(1,))
