"""Runtimes give inner tensors behind the outputs, by name, and leave out what they do not know."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ovprep.workers import Contender, Worker
from ovprep.workers.arrays import Array
from tests.proof.networks import network, write_ir, write_keras, write_onnx

X = np.random.default_rng(0).standard_normal((2, 64, 3)).astype(np.float32)


def tapped(contender: Contender, taps: tuple[str, ...], x: Array) -> tuple[list[Array], tuple[str, ...], int]:
    with Worker.launch(dataclasses.replace(contender, taps=taps), threads=1) as worker:
        arrays, loaded = worker.run([x]), worker.ready()
        return arrays, loaded.taps, len(loaded.outputs)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_tensors_by_name(tmp_path: Path, runtime: str) -> None:
    write = write_ir if runtime == "openvino" else lambda net, path: write_onnx(net, "NWC", path)
    path = write(network(), tmp_path / ("model.xml" if runtime == "openvino" else "model.onnx"))
    contender = Contender("model", runtime, path)  # type: ignore[arg-type]  # both are runtimes
    plain, taps, _ = tapped(contender, (), X)
    assert taps == ()
    arrays, taps, own = tapped(contender, ("relu", "nonsense", "logits", "classes"), X)
    assert (sorted(taps), own) == (["logits", "relu"], 2)
    for array, wanted in zip(arrays, plain, strict=False):
        np.testing.assert_allclose(array, wanted, atol=1e-5)
    found = dict(zip(taps, arrays[2:], strict=True))
    np.testing.assert_allclose(found["relu"], arrays[0].transpose(0, 2, 1), atol=1e-6)
    np.testing.assert_allclose(_softmax(found["logits"]), arrays[1], atol=1e-6)


def _softmax(x: Array) -> Array:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True))


def test_layers_by_name(tmp_path: Path) -> None:
    path = write_keras(network(), tmp_path / "model.keras")
    arrays, taps, own = tapped(Contender("model", "keras", path), ("sequence", "dense", "nonsense", "conv1d"), X)
    assert own == 2
    found = dict(zip(taps, arrays[2:], strict=True))
    np.testing.assert_array_equal(found["sequence"], arrays[0])
    names = [name for name in found if name.startswith(("conv1d", "dense"))]
    assert {found[name].shape for name in names} <= {(2, 64, 8), (2, 4)}


def test_layers_of_a_sequential_model_of_keras_2(tmp_path: Path) -> None:
    import tf_keras

    model = tf_keras.Sequential(
        [tf_keras.layers.Conv1D(4, 3, input_shape=(64, 3), name="conv"), tf_keras.layers.LSTM(5, name="lstm")]
    )
    model.save(tmp_path / "model.h5")
    arrays, taps, own = tapped(Contender("model", "keras", tmp_path / "model.h5"), ("conv", "lstm"), X)
    assert (own, sorted(taps)) == (1, ["conv", "lstm"])
    found = dict(zip(taps, arrays[1:], strict=True))
    assert found["conv"].shape == (2, 62, 4)
    np.testing.assert_array_equal(found["lstm"], arrays[0])
    np.testing.assert_allclose(arrays[0], model(X).numpy(), atol=1e-6)
