"""Verification against a Keras original, and OpenVINO's direct conversion; one TensorFlow process for all of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.errors import RuntimeFailure
from ovprep.proof import Verification, verify
from ovprep.workers import Contender, DirectConversion, Worker
from tests.proof.networks import MUTATIONS, NWC, network, onnx_model, write_ir, write_keras

SEEDS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_keras(network(), path / "original.keras")
    write_ir(network(), path / "right.xml")
    return path


@pytest.fixture(scope="module")
def original(folder: Path) -> Iterator[Worker]:
    with Worker.launch(Contender("original", "keras", folder / "original.keras"), threads=2) as worker:
        worker.ready()
        yield worker


def check(worker: Worker, candidate: Path, *, seed: int = 0) -> Verification:
    assert worker.contender is not None
    graph = ir.from_proto(onnx_model(network(), "NWC"))
    return verify(worker.contender, candidate, graph, NWC, NWC, sizes={}, seed=seed, threads=2, worker=worker)


def test_the_right_ir_passes_for_every_seed_in_silence(
    original: Worker, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for seed in range(SEEDS):
        found = check(original, folder / "right.xml", seed=seed)
        assert found.passed, (seed, found.worst, found.notes)
    assert found.reference.startswith("Keras ")
    assert "TensorFlow" in found.reference
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_ir_fails(original: Worker, tmp_path: Path, mutation: str) -> None:
    wrong = write_ir(MUTATIONS[mutation](network()), tmp_path / "wrong.xml")
    assert not check(original, wrong).passed


def test_inputs_and_outputs_keep_the_order_of_the_model(tmp_path: Path, original: Worker, folder: Path) -> None:
    import keras

    left, right = keras.Input((4,), name="zebra"), keras.Input((2,), name="antelope")
    summed = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones", name="z")(left)
    model = keras.Model([left, right], [summed, keras.layers.Activation("relu", name="a")(right)])
    model.save(tmp_path / "two.keras")
    try:
        original.load(Contender("two", "keras", tmp_path / "two.keras"))
        first, second = original.run([np.full((1, 4), 2, np.float32), np.array([[-1, 5]], np.float32)])
    finally:
        original.load(Contender("original", "keras", folder / "original.keras"))
    np.testing.assert_array_equal(first, [[8, 8, 8]])
    np.testing.assert_array_equal(second, [[0, 5]])


def test_a_file_that_keras_refuses_is_one_sentence(original: Worker, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.keras").write_text("no archive")
    with pytest.raises(RuntimeFailure, match=r"^Keras failed while loading bad\.keras: ") as caught:
        original.load(Contender("bad", "keras", tmp_path / "bad.keras"))
    assert "\n" not in str(caught.value)
    original.load(Contender("original", "keras", folder / "original.keras"))


def test_direct_conversion_gives_an_ir_or_a_reason(folder: Path, tmp_path: Path) -> None:
    import keras

    grouped = keras.Sequential([keras.Input((32, 4)), keras.layers.Conv1D(8, 3, groups=2, dilation_rate=2)])
    grouped.save(tmp_path / "grouped.keras")
    (tmp_path / "a").mkdir()
    good = Contender("direct", "openvino", folder / "original.keras", role="direct")
    refused = Contender("direct", "openvino", tmp_path / "grouped.keras", role="direct")
    assert good.needs_conversion
    with (
        DirectConversion(good, tmp_path, threads=1) as first,
        DirectConversion(refused, tmp_path / "a", threads=1) as second,
    ):
        converted = first.result()
        assert converted.path.suffix == ".xml"
        assert not converted.needs_conversion
        with pytest.raises(RuntimeFailure, match="converting the model for OpenVINO") as caught:
            second.result()
        assert "\n" not in str(caught.value)
    with Worker.launch(converted, threads=1) as worker:
        assert [array.shape for array in worker.run([np.zeros((2, 64, 3), np.float32)])] == [(2, 64, 8), (2, 4)]
