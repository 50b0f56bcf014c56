"""A Keras file is data: reading and converting it loads no framework, and runs nothing that it carries."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras

ROOT = Path(__file__).parents[3]
CONVERT = """
import sys
from pathlib import Path
from ovprep.emit.openvino import to_openvino
from ovprep.frontends.keras.reader import read_keras
from ovprep.passes.pipeline import normalize

graph = read_keras(Path(sys.argv[1])).graph
to_openvino(graph, normalize(graph).interface)
print(*sys.modules, sep="\\n")
"""


@pytest.mark.parametrize("sample", ["spoken_digits/model.h5", "imu_tcn/model.keras"])
def test_converting_imports_no_framework(sample: str) -> None:
    command = [sys.executable, "-c", CONVERT, str(ROOT / "samples" / sample)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert "openvino" in loaded
    assert not loaded & {"keras", "tensorflow", "tf_keras", "tf2onnx", "torch", "jax"}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_code_in_a_file_is_refused_and_not_run(suffix: str, tmp_path: Path) -> None:
    """Keras stores a lambda as marshalled bytecode; this one would leave a file behind."""
    trace = str(tmp_path / "it_ran")
    lines = layers.Lambda(lambda x, place=trace: (open(place, "w").close(), x)[1], output_shape=(9, 3), name="sneaky")
    keras.Sequential([keras.Input((9, 3)), lines, layers.Dense(2)]).save(tmp_path / f"model{suffix}")
    Path(trace).unlink(missing_ok=True)
    with pytest.raises(UnsupportedError, match=r"'sneaky' \(Lambda, layer 2\)"):
        read_keras(tmp_path / f"model{suffix}")
    assert not Path(trace).exists()
