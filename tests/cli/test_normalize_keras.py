"""`ovprep normalize -o model.keras` in a process of its own, and what comes of the file."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from keras import layers

from ovprep.proof.inputs.cases import STACKED
from tests.graphs import GraphBuilder
from tests.relayout.support import FIRST, LAST, formats, randomised

MODELS = Path(__file__).parents[4] / "shared" / "models"
CLOSE = 1e-5
"""Of the largest value of an output: two orders of sums in float32."""


def ovprep(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ovprep", *map(str, arguments), "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def network() -> keras.Model:
    """Channel-first, with a Flatten before a Dense, and as many channels as steps at that place."""
    return randomised(
        keras.Sequential(
            [
                keras.Input((3, 12), name="signal"),
                layers.Conv1D(6, 3, padding="same", data_format=FIRST, name="conv"),
                layers.BatchNormalization(axis=1, name="norm"),
                layers.ReLU(name="relu"),
                layers.MaxPooling1D(2, data_format=FIRST, name="pool"),
                layers.Flatten(name="flat"),
                layers.Dense(4, activation="softmax", name="class"),
            ],
            name="small",
        )
    )


def close(found: np.ndarray, wanted: np.ndarray) -> bool:
    return found.shape == wanted.shape and bool(abs(found - wanted).max() <= CLOSE * abs(wanted).max())


def test_channel_first_to_channel_last_and_back(tmp_path: Path) -> None:
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.h5")
    done = ovprep("normalize", tmp_path / "model.h5", "-o", tmp_path / "last.keras", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["verification"]["passed"]
    assert report["verification"]["candidate"].startswith("Keras 3.")
    assert {row["batch"] for row in report["verification"]["rows"]} == {1, len(STACKED)}
    (port,) = report["interface"]["inputs"]
    assert (port["name"], port["shape"], port["layout"]) == ("signal", ["batch", 12, 3], "NWC")
    assert report["interface"]["original"]["inputs"][0]["layout"] == "NCW"
    assert {each["name"]: each["changed"] for each in report["normalization"]["passes"]} == {
        "move_layers": ["conv", "pool"],
        "turn_layers": ["norm"],
        "sort_weights": ["class"],
        "lay_out_interface": ["signal"],
    }
    last = keras.models.load_model(tmp_path / "last.keras")
    assert formats(last) == {LAST}
    assert not last.compiled, "a loss may be along an axis that moved"
    x = np.random.default_rng(0).standard_normal((5, 3, 12)).astype(np.float32)
    assert close(last.predict_on_batch(x.transpose(0, 2, 1)), model.predict_on_batch(x))

    done = ovprep("normalize", tmp_path / "last.keras", "-o", tmp_path / "back.keras", "--layout", "ncw")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("moved 2 layers to channels_first", "sorted the weights of 1 layer", "equal at float32"):
        assert words in done.stdout
    back = keras.models.load_model(tmp_path / "back.keras")
    assert json.loads(back.to_json())["config"] == json.loads(model.to_json())["config"]
    for have, want in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(have, want)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.keras", "last.keras", "model.h5"]


def residual_network() -> GraphBuilder:
    """As PyTorch exports it: with a stride and padding that are not what Keras calls same."""
    build = GraphBuilder()
    x = build.input("signal", "batch", 2, 32)
    weights = build.weights(6, 2, 5, name="stem.weight"), build.weights(6, name="stem.bias")
    x = build.op("Relu", build.op("Conv", x, *weights, pads=(2, 2), strides=(2,)))
    y = build.op("Conv", x, build.weights(6, 6, 3, name="block.weight"), pads=(1, 1))
    flat = build.op("Flatten", build.op("Relu", build.op("Add", x, y)))
    build.output(build.op("Gemm", flat, build.weights(96, 3, name="head.weight"), build.weights(3)), "logits")
    return build


def test_onnx_to_keras_to_openvino(tmp_path: Path) -> None:
    proto = ir.to_proto(residual_network().model)
    onnx.save(proto, tmp_path / "model.onnx")
    done = ovprep("normalize", tmp_path / "model.onnx", "-o", tmp_path / "model.keras", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["verification"]["passed"]
    assert report["interface"]["inputs"][0]["shape"] == ["batch", 32, 2]
    made = keras.models.load_model(tmp_path / "model.keras")
    assert {"stem", "block"} <= {layer.name for layer in made.layers}
    x = np.random.default_rng(0).standard_normal((3, 2, 32)).astype(np.float32)
    wanted = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"signal": x})[0]
    assert close(made.predict_on_batch(x.transpose(0, 2, 1)), wanted)

    done = ovprep("convert", tmp_path / "model.keras", "-o", tmp_path / "ir", "--no-benchmark", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verification"]["passed"]


@pytest.mark.skipif(not MODELS.exists(), reason="the published models are not here")
@pytest.mark.parametrize(
    ("name", "runtime"), [("dtln_1.onnx", "ONNX Runtime"), ("mlperf_tiny_streaming_ww.h5", "tf_keras 2")]
)
def test_a_published_model(name: str, runtime: str, tmp_path: Path) -> None:
    """The second is of a Keras 2 whose DepthwiseConv2D Keras 3 does not load, so that it is written anew."""
    done = ovprep("normalize", MODELS / name, "-o", tmp_path / "model.keras", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["verification"]["passed"]
    assert report["verification"]["reference"].startswith(runtime)


def test_errors_are_one_sentence_and_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    network().save(path)
    before = path.read_bytes()
    for arguments, words in (
        (("-o", path), "exists, and ovprep did not write it"),
        (("-o", tmp_path / "out.pt"), "let it end in .onnx, .keras or .h5"),
        (("-o", tmp_path / "out.keras", "--batch", "1"), "A Keras file keeps the shapes"),
    ):
        done = ovprep("normalize", path, "--no-verify", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["model.keras"]
    assert path.read_bytes() == before
