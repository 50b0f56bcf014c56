"""TensorFlow's files from end to end: converted, proven in TensorFlow and TFLite, timed."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import ovprep
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from tests.frontends.tensorflow.test_saved_model import Streaming

MODELS = Path(__file__).parents[3] / "shared" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason=f"the published models are not in {MODELS}")


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streaming") / "model"
    model = Streaming()
    tf.saved_model.save(model, str(path), signatures={"serving_default": model.step})
    return path


@pytest.fixture(scope="module")
def dynamic_range(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Input((20, 16)), layers.Conv1D(32, 5), layers.GlobalMaxPooling1D()])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path = tmp_path_factory.mktemp("dynamic") / "model.tflite"
    path.write_bytes(converter.convert())
    return path


def test_a_saved_model_against_itself_in_tensorflow(streaming: Path, tmp_path: Path) -> None:
    done = ovprep.convert(streaming, tmp_path / "out", seconds=0.5)
    assert done.verification is not None
    assert done.verification.passed
    assert done.verification.reference == f"TensorFlow {tf.__version__}"
    assert done.benchmark is not None
    measured = {entry.role: entry for entry in done.benchmark.contestants}
    assert measured["original"].runtime == "tensorflow"
    assert {role: entry.reason for role, entry in measured.items()} == dict.fromkeys(measured)


def test_dynamic_range_says_why_it_may_differ(dynamic_range: Path, tmp_path: Path) -> None:
    found = ovprep.convert(dynamic_range, tmp_path / "out", benchmark=False).verification
    assert found is not None
    assert found.reference == f"TFLite of TensorFlow {tf.__version__}"
    assert found.worst.max_rel_error > 1e-4
    assert any("the original rounds to 8 bits inside" in note for note in found.notes)


@needs_models
def test_several_inputs_and_outputs_of_tflite_keep_the_order_of_the_file() -> None:
    stored = np.load(MODELS / "dtln_2_tflite.reference.npz")
    with Worker.launch(Contender("original", "tflite", MODELS / "dtln_2.tflite"), threads=1) as worker:
        assert worker.ready().inputs == ("input_4", "input_5")
        assert not worker.ready().quantises
        outputs = worker.run([stored["in0"], stored["in1"]])
    assert len(outputs) == 2
    for index, output in enumerate(outputs):
        np.testing.assert_allclose(output, stored[f"out{index}"], rtol=1e-4, atol=2e-5)


@needs_models
@pytest.mark.parametrize("name", ["dtln_2", "mlperf_tiny_streaming_ww_int8"])
def test_published_models(name: str, tmp_path: Path) -> None:
    found = ovprep.convert(MODELS / f"{name}.tflite", tmp_path / "out", benchmark=False).verification
    assert found is not None
    assert found.passed
    quantised = any("its steps are 1," in note for note in found.notes)
    assert quantised == name.endswith("int8")
