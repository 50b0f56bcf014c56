"""The layer of a Keras file that was translated wrongly is named; one TensorFlow process for all of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.emit.openvino import save_ir, to_openvino
from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.passes.pipeline import normalize
from ovprep.proof.location.locate import Found, Pair, locate
from ovprep.workers import Contender, Worker

SHAPE = (24, 4)


def _save(path: Path) -> Path:
    """Names that are no order, a layer that is called twice, a model in the model, and layers that do nothing."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE, name="signal")
    x = layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu", name="zulu")(inputs)
    x = layers.Dropout(0.5, name="yankee")(x)
    twice = layers.Dense(6, activation="tanh", name="xray")
    x = layers.Add(name="whiskey")([twice(x), twice(layers.ReLU(name="victor")(x))])
    part = keras.Sequential([keras.Input((24, 6)), layers.Conv1D(5, 3, name="inner"), layers.ELU()], name="uniform")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="tango")(part(x))
    x = layers.GRU(5, name="sierra")(x)
    keras.Model(inputs, layers.Dense(3, activation="softmax", name="romeo")(x)).save(path)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return read_keras(_save(tmp_path_factory.mktemp("models") / "model.keras"))


@pytest.fixture(scope="module")
def worker(source: Source) -> Iterator[Worker]:
    with Worker.launch(Contender("original", "keras", source.path), threads=2) as worker:
        worker.ready()
        yield worker


def search(source: Source, worker: Worker, folder: Path, as_read: ir.Model) -> Found:
    """Of an IR that is what a translation says; the interface of both sides is that of Keras."""
    canonical = as_read.clone()
    done = normalize(canonical)
    save_ir(to_openvino(canonical, done.interface), folder, {})
    assert worker.contender is not None
    pair = Pair(as_read, canonical, worker.contender, Contender("IR", "openvino", folder / "model.xml"))
    inputs = [np.random.default_rng(1).standard_normal((2, *SHAPE)).astype(np.float32)]
    return locate(pair, inputs, inputs, shapes=None, threads=2, worker=worker)


def changed(source: Source, scope: str, op_type: str, change: Callable[[np.ndarray], np.ndarray]) -> ir.Model:
    """The graph with the constant of the one op of a layer changed."""
    model = source.graph.clone()
    node = next(node for node in model.graph if str(node.name).startswith(f"{scope}/") and node.op_type == op_type)
    array = array_of(node.inputs[1])
    assert array is not None
    wrong = np.ascontiguousarray(change(np.array(array)))
    assert wrong.shape == array.shape
    node.replace_input_with(1, Builder(model.graph).constant(wrong, "wrong"))
    return model


def test_the_right_translation_agrees_layer_by_layer(source: Source, worker: Worker, tmp_path: Path) -> None:
    found = search(source, worker, tmp_path, source.graph)
    assert found.located is None
    # Not the one that is called twice; the one that does nothing is its input.
    assert found.notes[0].startswith("Each of 7 tensors of the translated graph is what its own inputs give")


@pytest.mark.parametrize(
    ("scope", "op_type", "change", "told"),
    [
        ("zulu", "Conv", lambda w: w[:, :, ::-1], "layer 'zulu' (Conv1D, layer 2)"),
        ("inner", "Conv", lambda w: w[:, [1, 0, 2, 3, 4, 5]], "layer 'uniform' (Sequential, layer 7)"),
        ("tango", "LSTM", lambda w: np.roll(w, 4, 1), "layer 'tango' (Bidirectional, layer 8)"),
        ("sierra", "GRU", lambda w: np.roll(w, 5, 1), "layer 'sierra' (GRU, layer 9)"),
        ("romeo", "MatMul", lambda w: w[::-1], "layer 'romeo' (Dense, layer 10)"),
    ],
)
def test_the_layer_is_named(
    source: Source,
    worker: Worker,
    tmp_path: Path,
    scope: str,
    op_type: str,
    change: Callable[[np.ndarray], np.ndarray],
    told: str,
) -> None:
    located = search(source, worker, tmp_path, changed(source, scope, op_type, change)).located
    assert located is not None
    assert located.side == "translation"
    assert located.origin == told
    assert any(name.startswith(f"{scope}/") for name in located.region)


def test_a_layer_that_is_called_twice_is_told_with_what_joins_it(
    source: Source, worker: Worker, tmp_path: Path
) -> None:
    """Keras gives no name to one of several calls, so that the sum behind them is the next that both sides have."""
    located = search(source, worker, tmp_path, changed(source, "xray", "MatMul", lambda w: w[::-1])).located
    assert located is not None
    assert located.origin == "layer 'whiskey' (Add, layer 6)"
    assert any(name.startswith("xray/") for name in located.region)


def test_the_worker_is_left_with_the_original(source: Source, worker: Worker, tmp_path: Path) -> None:
    search(source, worker, tmp_path, source.graph)
    assert worker.ready().taps == ()
    assert len(worker.run([np.zeros((1, *SHAPE), np.float32)])) == 1
