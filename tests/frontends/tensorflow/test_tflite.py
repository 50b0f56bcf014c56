"""TFLite files of every precision, against TFLite's interpreter."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx_ir as ir
import pytest
import tensorflow as tf
from keras import layers

from ovprep.errors import OvprepError, UnsupportedError
from ovprep.frontends.open import read_model
from ovprep.graph.shapes import rank_of
from tests.frontends.keras.support import onnx_runner, openvino_runner
from tests.frontends.tensorflow.support import Array, check, small_keras_model, tflite_of

pytestmark = pytest.mark.usefixtures("in_this_process")

MODELS = Path(__file__).parents[4] / "shared" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason=f"the published models are not in {MODELS}")


def write(model: keras.Model, folder: Path, **options: Any) -> Path:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in options.items():
        setattr(converter, name, value)
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


def wide_model() -> keras.Model:
    """Kernels of more than a thousand weights, which dynamic range quantises."""
    keras.utils.set_random_seed(0)
    x = keras.Input((20, 16), name="x")
    y = layers.Conv1D(32, 5, activation="relu", padding="same")(x)
    y = layers.Dense(64)(layers.GlobalAveragePooling1D()(y))
    return keras.Model(x, layers.Dense(4)(y))


def samples() -> Any:
    """What the converter measures ranges with."""
    random = np.random.default_rng(0)
    return ([random.normal(size=(1, 20, 16)).astype(np.float32)] for _ in range(20))


QUANTISED = {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": samples}


@pytest.mark.parametrize("batch", [None, 1])
def test_float32(batch: int | None, tmp_path: Path) -> None:
    path = write(small_keras_model(batch=batch), tmp_path)
    source = read_model(path)
    assert [(port.name, port.dims) for port in source.interface.inputs] == [("x", (batch or "batch", 17, 3))]
    assert [port.name for port in source.interface.outputs] == ["output_0"]
    assert (source.format, source.runtime, source.framework) == ("tflite", "tflite", "tflite")
    check(source, tflite_of(path), batches=(1, 3) if batch is None else (1,))


def test_float16(tmp_path: Path) -> None:
    """The weights are what float16 leaves of them; the computation is float32."""
    half = {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": tf.lite.TargetSpec([tf.float16])}
    half["target_spec"].supported_types = [tf.float16]
    half["target_spec"].supported_ops = {tf.lite.OpsSet.TFLITE_BUILTINS}
    path = write(small_keras_model(), tmp_path, **half)
    check(read_model(path), tflite_of(path))


def test_dynamic_range(tmp_path: Path) -> None:
    """TFLite rounds to 8 bits on the way to multiply, the graph does not: it is the model with the file's weights."""
    model = wide_model()
    path = write(model, tmp_path, optimizations=[tf.lite.Optimize.DEFAULT])
    source = read_model(path)
    assert "DynamicQuantizeLinear" not in [node.op_type for node in source.graph.graph]
    x = np.random.default_rng(1).normal(size=(3, 20, 16)).astype(np.float32)
    wanted = tflite_of(path)({"x": x})[0]
    for run in (onnx_runner(source), openvino_runner(source)):
        error = np.abs(run({"x": x})[0] - wanted)
        scale = np.abs(wanted).max()
        assert 1e-4 * scale < error.max() < 0.05 * scale
        assert error.mean() < 0.01 * scale
    turn_a_kernel(source.graph)
    assert np.abs(onnx_runner(source)({"x": x})[0] - wanted).mean() > 0.02 * scale, "the tolerance forgives a mistake"


def turn_a_kernel(model: ir.Model) -> None:
    """Turns the first kernel of a convolution round in time, as a wrong reader might."""
    kernel = next(value for value in model.graph.initializers.values() if rank_of(value) == 4)
    assert kernel.const_value is not None
    kernel.const_value = ir.tensor(kernel.const_value.numpy()[..., ::-1].copy(), name=kernel.name)


@pytest.mark.parametrize("whole", [True, False], ids=["int8 ports", "float ports"])
def test_int8(whole: bool, tmp_path: Path) -> None:
    """Values may fall to either side of a step: few of them, and by few steps."""
    ports = {"inference_input_type": tf.int8, "inference_output_type": tf.int8} if whole else {}
    path = write(wide_model(), tmp_path, **QUANTISED, **ports)
    source = read_model(path)
    random = np.random.default_rng(1)
    x = random.integers(-128, 127, (32, 20, 16), np.int8) if whole else random.normal(size=(32, 20, 16))
    feeds = {"x": x.astype(np.int8 if whole else np.float32)}
    wanted = tflite_of(path)(feeds)[0].astype(np.float64)
    steps = np.diff(np.unique(wanted))
    step = steps[steps > 1e-6].min()
    assert wanted.std() > 5 * step
    for run in (onnx_runner(source), openvino_runner(source)):
        error = np.abs(run(feeds)[0] - wanted)
        assert error.max() <= 4 * step
        assert error.mean() < step / 4


def stored(name: str) -> tuple[list[Array], list[Array]]:
    with np.load(MODELS / f"{name}.reference.npz") as arrays:
        keys = sorted(arrays.files)
        return [arrays[key] for key in keys if key.startswith("in")], [
            arrays[key] for key in keys if key.startswith("out")
        ]


@needs_models
@pytest.mark.parametrize(
    ("file", "reference", "tolerance"),
    [("dtln_2", "dtln_2_tflite", 2e-5), ("mlperf_tiny_streaming_ww_int8", "mlperf_tiny_streaming_ww_int8", 3)],
)
def test_published_models(file: str, reference: str, tolerance: float) -> None:
    """Against the outputs that were recorded with them; an int8 output may be three steps off."""
    source = read_model(MODELS / f"{file}.tflite")
    inputs, outputs = stored(reference)
    feeds = {port.name: array for port, array in zip(source.interface.inputs, inputs, strict=True)}
    for run in (onnx_runner(source), openvino_runner(source)):
        for mine, right in zip(run(feeds), outputs, strict=True):
            assert mine.shape == right.shape
            assert np.abs(mine.astype(np.float64) - right).max() <= tolerance


def test_files_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    for content, sentence in (
        (b"", "is empty"),
        (b"a note about a model, and no model", "is no TFLite model that TensorFlow can read"),
    ):
        path.write_bytes(content)
        with pytest.raises(OvprepError, match=sentence) as caught:
            read_model(path)
        assert "\n" not in str(caught.value)


def test_operations_that_tflite_itself_lacks(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Lambda(tf.math.bessel_i0)(x))
    path = write(model, tmp_path, allow_custom_ops=True)
    with pytest.raises(UnsupportedError, match=r"TFLite itself cannot run .*BesselI0"):
        read_model(path)
