"""Which Keras loads a file, what it is not given, and what happens where none can load it."""

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

import ovprep
from ovprep.loading.keras import CannotLoad, load_original
from ovprep.options import ReadOptions
from ovprep.workers.runners.keras import KerasRunner
from tests.frontends.keras.files import config_of, with_config

MODELS = Path(__file__).parents[3] / "shared" / "models"
X = np.linspace(-4, 4, 36, dtype=np.float32).reshape(2, 6, 3)


def old_file(folder: Path, *layers: tf_keras.layers.Layer) -> tuple[Path, tf_keras.Model]:
    model = tf_keras.Sequential([tf_keras.Input((6, 3)), *layers])
    model.save(folder / "model.h5")
    return folder / "model.h5", model


def hide_tf_keras(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From this process, and from those that it starts."""
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    (folder / "tf_keras").mkdir()
    (folder / "tf_keras" / "__init__.py").write_text("raise ImportError('hidden')")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_file_of_keras_2_is_loaded_by_keras_2(tmp_path: Path) -> None:
    path, model = old_file(tmp_path, tf_keras.layers.Dense(4, activation="hard_sigmoid"))
    found = load_original(path, ReadOptions())
    assert found.version.startswith("tf_keras 2.")
    np.testing.assert_array_equal(found.model(X), model(X))


def test_a_file_of_keras_3_is_loaded_by_keras_3(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.Dense(4, activation="hard_sigmoid")])
    for suffix in (".h5", ".keras"):
        model.save(tmp_path / f"model{suffix}")
        found = load_original(tmp_path / f"model{suffix}", ReadOptions())
        assert found.version.startswith("Keras 3.")
        np.testing.assert_array_equal(found.model(X), model(X))


def test_keras_3_is_the_second_choice_but_not_where_it_computes_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _ = old_file(tmp_path, tf_keras.layers.Dense(4, activation="relu"))
    (tmp_path / "other").mkdir()
    hard, _ = old_file(tmp_path / "other", tf_keras.layers.LSTM(4, recurrent_activation="hard_sigmoid"))
    hide_tf_keras(monkeypatch, tmp_path)
    assert load_original(plain, ReadOptions()).version.startswith("Keras 3.")
    with pytest.raises(CannotLoad, match=r"tf_keras is not installed; Keras 3.* computes the hard_sigmoid"):
        load_original(hard, ReadOptions())


def test_a_gru_of_before_reset_after_is_given_to_nobody(tmp_path: Path) -> None:
    """Without a bias it would load, and compute something else."""
    path, _ = old_file(tmp_path, tf_keras.layers.GRU(4, use_bias=False, reset_after=False))
    config = config_of(path)
    del config["config"]["layers"][1]["config"]["reset_after"]
    with pytest.raises(CannotLoad, match=r"tf_keras 2.* takes a GRU .*; Keras 3.* takes a GRU"):
        load_original(with_config(path, config), ReadOptions())


def test_a_file_of_keras_3_is_not_given_to_keras_2(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.Dense(4, activation="hard_sigmoid")])
    model.save(tmp_path / "model.h5")
    config = config_of(tmp_path / "model.h5")
    config["config"]["layers"][1]["config"]["strange"] = 1
    with pytest.raises(CannotLoad, match=r"^Keras 3[^;]*$"):
        load_original(with_config(tmp_path / "model.h5", config), ReadOptions())


@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_code_in_an_architecture_does_not_run_unless_allowed(framework: Any, tmp_path: Path) -> None:
    model = framework.Sequential([framework.Input((6, 3)), framework.layers.Lambda(eval("lambda x: x + 1"))])
    (tmp_path / "model.json").write_text(model.to_json())
    with pytest.raises(CannotLoad):
        load_original(tmp_path / "model.json", ReadOptions())
    loaded = load_original(tmp_path / "model.json", ReadOptions(allow_code=True)).model
    np.testing.assert_array_equal(loaded(X), X + 1)


@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_an_architecture_with_weights_beside_it(framework: Any, tmp_path: Path) -> None:
    model = framework.Sequential([framework.Input((6, 3)), framework.layers.Conv1D(4, 3), framework.layers.ReLU()])
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    found = load_original(tmp_path / "model.json", ReadOptions(tmp_path / "model.weights.h5"))
    np.testing.assert_allclose(found.model(X), model(X), atol=1e-6)


def test_code_in_a_file_does_not_run_unless_allowed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    leave_a_trace = eval("lambda x, path=path: [open(path, 'w').close(), x][1]", {"path": str(trace)})
    path, _ = old_file(tmp_path, tf_keras.layers.Lambda(leave_a_trace))
    trace.unlink()
    with pytest.raises(CannotLoad, match=r"would run code \(a Lambda\)"):
        load_original(path, ReadOptions())
    assert not trace.exists()
    load_original(path, ReadOptions(allow_code=True))
    assert trace.exists()


def test_a_file_cannot_import_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger.py").write_text("class Dense:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    path, _ = old_file(tmp_path, tf_keras.layers.Dense(4))
    config = config_of(path)
    config["config"]["layers"][1] |= {"module": "stranger", "class_name": "Stranger", "registered_name": "Stranger"}
    changed = with_config(path, config)
    with h5py.File(changed) as file:
        assert "stranger" in file.attrs["model_config"]
    with pytest.raises(CannotLoad, match="from the module stranger"):
        load_original(changed, ReadOptions())
    assert "stranger" not in sys.modules


@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_every_run_begins_in_the_initial_state(framework: Any, tmp_path: Path) -> None:
    x = framework.Input(batch_shape=(2, 6, 3))
    recurrent = framework.layers.LSTM(4, stateful=True, return_sequences=True)
    backwards = framework.layers.Bidirectional(framework.layers.GRU(4, stateful=True))
    model = framework.Model(x, backwards(recurrent(x)))
    model.save(tmp_path / "model.h5")
    runner = KerasRunner(load_original(tmp_path / "model.h5", ReadOptions()))
    first, second = runner.run([X])[0], runner.run([X])[0]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(model(X), model(X)), "without a reset the state would show"


def test_what_no_keras_loads_is_compared_with_the_graph_as_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = old_file(tmp_path, tf_keras.layers.Dense(4, activation="hard_sigmoid"))
    hide_tf_keras(monkeypatch, tmp_path)
    done = ovprep.convert(path, tmp_path / "out", benchmark=False)
    assert done.verification is not None
    assert done.verification.passed
    assert done.verification.reference.startswith("the graph as read, in ONNX Runtime 1.")
    assert "Keras 3" in done.verification.reference
    assert "not the reading. Install tf_keras" in done.verification.notes[0]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verification"]["reference"] == done.verification.reference


@pytest.mark.parametrize("hidden", [False, True])
def test_a_real_file_that_keras_3_refuses(hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = MODELS / "mlperf_tiny_streaming_ww.h5"
    if not path.is_file():
        pytest.skip("../shared is not there")
    if hidden:
        hide_tf_keras(monkeypatch, tmp_path)
    done = ovprep.convert(path, tmp_path / "out", benchmark=False)
    assert done.verification is not None
    assert done.verification.reference.startswith("the graph as read" if hidden else "tf_keras 2.")
    import openvino

    reference = np.load(MODELS / "mlperf_tiny_streaming_ww.reference.npz")
    compiled = openvino.Core().compile_model(done.model_path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert np.abs(compiled([reference["in0"]])[0] - reference["out0"]).max() <= 1e-6
