"""The Python interface."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx_ir as ir
import pytest

import ovprep
from ovprep.graph.shapes import rank_of
from ovprep.passes.pipeline import Normalization, normalize
from ovprep.tasks.converting import convert as converting

ROOT = Path(__file__).parent.parent
IMU = ROOT / "samples" / "imu_tcn" / "model.keras"
ECG = ROOT / "samples" / "ecg_resnet" / "model.onnx"


def test_the_public_surface() -> None:
    assert sorted(ovprep.__all__) == [
        "Benchmarked",
        "Conversion",
        "Inspection",
        "InterfaceOptions",
        "MissingDependencyError",
        "ModelError",
        "Normalized",
        "OptionError",
        "OutputError",
        "OvprepError",
        "RuntimeFailure",
        "UnsupportedError",
        "VerificationError",
        "Verified",
        "__version__",
        "benchmark",
        "convert",
        "convert_channels_first_to_last",
        "convert_channels_last_to_first",
        "inspect",
        "keras_layer",
        "normalize",
        "report_page",
        "to_keras",
        "torch_state",
        "verify",
        "verify_certificate",
    ]
    for name in ovprep.__all__:
        assert getattr(ovprep, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ovprep.nonsense


def test_every_error_is_an_ovprep_error_with_an_exit_code() -> None:
    errors = [getattr(ovprep, name) for name in ovprep.__all__ if name.endswith(("Error", "Failure"))]
    assert all(issubclass(error, ovprep.OvprepError) for error in errors)
    assert {error.__name__: error.exit_code for error in errors if error.exit_code != 1} == {"VerificationError": 3}


def test_stages_are_announced(tmp_path: Path) -> None:
    stages: list[str] = []
    ovprep.convert(IMU, tmp_path / "out", verify=False, benchmark=False, on_progress=stages.append)
    assert stages == ["reading model.keras", "normalising the graph", "writing the IR"]


def test_a_live_keras_model(tmp_path: Path) -> None:
    import keras
    from keras import layers

    model = keras.Sequential(
        [layers.Input((40, 3), name="x"), layers.Conv1D(4, 3), layers.GlobalMaxPooling1D()], name="live"
    )
    done = ovprep.convert(model, tmp_path / "out", benchmark=False)
    assert done.source.path.name == "live.keras"
    assert done.verification is not None
    assert done.verification.passed
    assert [str(port) for port in done.interface.inputs] == ["x [batch, 40, 3] float32 NWC"]
    assert ovprep.inspect(model).receptive_field == 3


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ovprep.OptionError, match="not a list"):
        ovprep.convert([1, 2, 3])


def test_inspecting_leaves_the_file_alone_and_counts() -> None:
    found = ovprep.inspect(ECG)
    assert found.original.inputs[0].layout == "NCW"
    assert found.interface.inputs[0].layout == "NWC"
    assert found.macs == sum(op.macs for op in found.ops) > 0
    assert found.warnings == ()
    assert (found.parameters, ovprep.inspect(IMU).parameters) == (160_685, 66_102)  # as their READMEs have them
    assert abs(sum(op.share for op in found.ops) - 1) < 1e-9


def corrupt(model: ir.Model, *arguments: Any) -> Normalization:
    """The pipeline with a fault: the largest weight of one convolution is off by 1%."""
    done = normalize(model, *arguments)
    weights = next(value for value in model.graph.initializers.values() if rank_of(value) == 3)
    assert weights.const_value is not None
    array = weights.const_value.numpy().copy()
    array[np.unravel_index(np.abs(array).argmax(), array.shape)] *= 1.01
    weights.const_value = ir.tensor(array, name=weights.name)
    return done


@pytest.mark.parametrize("model", [IMU, ECG], ids=["keras", "onnx"])
def test_a_model_that_is_not_equal_is_not_handed_over(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(converting, "normalize", corrupt)
    with pytest.raises(ovprep.VerificationError, match="not equal to the original: its output") as caught:
        ovprep.convert(model, tmp_path / "out", benchmark=False)
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_an_original_that_its_own_framework_refuses(tmp_path: Path) -> None:
    """What Keras 3 does not load of its own files may be newer than ovprep, too: nothing stands in for the original."""
    import keras
    from keras import layers

    path = tmp_path / "old.h5"
    keras.Sequential([layers.Input((20, 3)), layers.DepthwiseConv1D(3)]).save(path)
    with h5py.File(path, "r+") as file:
        config = str(file.attrs["model_config"])
        file.attrs["model_config"] = config.replace('"depth_multiplier": 1', '"depth_multiplier": 1, "groups": 1')
    with pytest.raises(ovprep.RuntimeFailure, match="convert it unproven with --no-verify"):
        ovprep.convert(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert ovprep.convert(path, tmp_path / "out", verify=False, benchmark=False).model_path.exists()


def test_the_report_is_what_the_file_holds(tmp_path: Path) -> None:
    done = ovprep.convert(ECG, tmp_path / "out", seconds=0.5)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == json.loads(json.dumps(done.report()))
    assert report["benchmark"]["control"]["ratio"] > 0
    assert report["benchmark"]["environment"]["cpu"]


def test_an_ir_that_keeps_f32(tmp_path: Path) -> None:
    """On this device's default precision it is what it is at f32."""
    done = ovprep.convert(IMU, tmp_path / "out", benchmark=False, execution_precision="f32")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["execution_precision"] == done.report()["execution_precision"] == "f32"
    assert done.verification is not None
    lines = {line.precision: line for line in done.verification.precisions}
    default = lines.get(str(done.verification.default_precision), lines["f32"])
    assert default.max_abs_error <= 4 * lines["f32"].max_abs_error


def test_an_execution_precision_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ovprep.OptionError, match=r"^The execution precision is default or f32, not bf16\.$"):
        ovprep.convert(IMU, tmp_path / "out", execution_precision="bf16")
