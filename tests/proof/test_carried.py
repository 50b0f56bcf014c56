"""A model carried to TFLite by TensorFlow's own means: it is the same model, and runs in a clean process."""

from pathlib import Path

import numpy as np
import pytest

from ovprep.workers.contender import Contender
from ovprep.workers.conversion import DirectConversion
from ovprep.workers.process import Worker
from tests.proof.networks import CHANNELS, CLASSES, SAMPLES, network, write_keras

SIGNAL = np.random.default_rng(0).standard_normal((1, SAMPLES, CHANNELS)).astype(np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import keras

    folder = tmp_path_factory.mktemp("models")
    path = write_keras(network(), folder / "model.keras")
    keras.models.load_model(path).export(folder / "saved", verbose=False)
    return {"keras": path, "tensorflow": folder / "saved"}


@pytest.mark.parametrize("runtime", ["keras", "tensorflow"])
def test_it_computes_the_same(models: dict[str, Path], tmp_path: Path, runtime: str) -> None:
    original = Contender("original", runtime, models[runtime])  # type: ignore[arg-type]
    with Worker.launch(original, threads=1) as worker:
        wanted = worker.run([SIGNAL])
    rival = Contender("TFLite", "tflite", models[runtime], role="carried")
    assert rival.needs_conversion
    with DirectConversion(rival, tmp_path, threads=1) as conversion:
        carried = conversion.result()
    assert carried.path.suffix == ".tflite"
    assert not carried.needs_conversion
    with Worker.launch(carried, threads=1) as worker:
        given = worker.run([SIGNAL])
    classes = [next(array for array in outputs if array.shape == (1, CLASSES)) for outputs in (wanted, given)]
    np.testing.assert_allclose(classes[1], classes[0], rtol=1e-4, atol=1e-6)
