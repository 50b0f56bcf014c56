"""The samples: each converts, is proven equal and timed, and decides as its original does."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import openvino
import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = {
    "spoken_digits": ROOT / "samples" / "spoken_digits" / "model.h5",
    "imu_tcn": ROOT / "samples" / "imu_tcn" / "model.keras",
    "ecg_resnet": ROOT / "samples" / "ecg_resnet" / "model.onnx",
}
DIGITS = ROOT.parent / "shared" / "data" / "spoken_digits.npz"


def script(name: str) -> ModuleType:
    """One of the project's scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Every sample converted by the command line, in a pipe: the folder and what was printed."""
    results = {}
    for name, path in SAMPLES.items():
        folder = tmp_path_factory.mktemp(name) / "out"
        command = [sys.executable, "-m", "ovprep", "convert", str(path), "-o", str(folder), "--seconds", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "nothing of TensorFlow reaches the user's terminal"
        results[name] = (folder, done.stdout)
    return results


def compiled(folder: Path) -> Any:
    model = openvino.Core().read_model(folder / "model.xml")
    return openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_is_proven_equal_and_timed(converted: dict[str, tuple[Path, str]], name: str) -> None:
    folder, text = converted[name]
    report = json.loads((folder / "report.json").read_text())
    assert report["verification"]["passed"] is True
    judged = [row for row in report["verification"]["rows"] if row["tolerance"] is not None]
    assert {row["signal"] for row in judged} >= {"noise", "silence"}
    assert all(row["max_abs_error"] <= row["tolerance"] < 1e-4 * max(row["scale"], 1) for row in judged)
    measured = {entry["role"]: entry for entry in report["benchmark"]["contestants"] if entry["precision"] == "f32"}
    assert set(measured) == {"original", "direct", "ovprep", "control"}
    assert all(entry["median_ms"] > 0 for entry in measured.values())
    for words in ("equal at float32", "original", "direct conversion", "ovprep", "control"):
        assert words in text


@pytest.mark.parametrize("name", SAMPLES)
def test_the_interface_is_channel_last(converted: dict[str, tuple[Path, str]], name: str) -> None:
    folder, _ = converted[name]
    report = json.loads((folder / "report.json").read_text())
    model = openvino.Core().read_model(folder / "model.xml")
    for port, parameter in zip(report["interface"]["inputs"], model.get_parameters(), strict=True):
        assert port["layout"] == "NWC"
        assert str(parameter.get_layout()) == "[N,W,C]"
        assert parameter.output(0).get_names() == {port["name"]}
        assert parameter.get_partial_shape()[0].is_dynamic
    for port, result in zip(report["interface"]["outputs"], model.get_results(), strict=True):
        assert str(result.get_layout()) == "[N,C]"
        assert port["name"] in result.output(0).get_names()


@pytest.mark.parametrize(("name", "transposes"), [("spoken_digits", 0), ("imu_tcn", 1), ("ecg_resnet", 1)])
def test_the_interior_is_lean(converted: dict[str, tuple[Path, str]], name: str, transposes: int) -> None:
    model = openvino.Core().read_model(converted[name][0] / "model.xml")
    types = [op.get_type_name() for op in model.get_ordered_ops()]
    assert types.count("Transpose") == transposes
    assert not {"SpaceToBatch", "BatchToSpace", "ShapeOf", "Multiply"} & set(types) - (
        {"Multiply"} if name == "ecg_resnet" else set()
    )


def test_ecg_windows_are_classified_alike(converted: dict[str, tuple[Path, str]]) -> None:
    windows, _ = script("simulate_ecg").windows(400, seed=12)
    session = onnxruntime.InferenceSession(SAMPLES["ecg_resnet"])
    original = session.run(None, {session.get_inputs()[0].name: windows})[0]
    ours = compiled(converted["ecg_resnet"][0])(windows.transpose(0, 2, 1))[0]
    assert np.array_equal(original.argmax(1), ours.argmax(1))
    assert len(set(original.argmax(1))) > 2  # the windows are of several classes


def test_imu_windows_are_classified_as_labelled(converted: dict[str, tuple[Path, str]]) -> None:
    windows, labels = script("simulate_imu").windows(400, seed=2)
    ours = compiled(converted["imu_tcn"][0])(windows)[0]
    assert np.mean(ours.argmax(1) == labels) > 0.95


@pytest.mark.skipif(not DIGITS.exists(), reason="needs ../shared/data/spoken_digits.npz")
def test_real_recordings_are_recognised(converted: dict[str, tuple[Path, str]]) -> None:
    with np.load(DIGITS) as data:
        starts = np.concatenate([[0], np.cumsum(data["length"])[:-1]])
        chosen = np.flatnonzero(data["take"] < 5)
        windows = np.zeros((len(chosen), 8000, 1), np.float32)
        for row, index in enumerate(chosen):
            length = int(data["length"][index])
            samples = data["samples"][starts[index] : starts[index] + length].astype(np.float32) / 32768
            cut = samples[max(0, (length - 8000) // 2) :][:8000]
            first = (8000 - len(cut)) // 2
            windows[row, first : first + len(cut), 0] = cut
        digits = data["digit"][chosen]
    ours = compiled(converted["spoken_digits"][0])(windows)[0]
    assert np.mean(ours.argmax(1) == digits) >= 0.95


def test_the_readme_of_each_sample_names_its_command() -> None:
    for name, path in SAMPLES.items():
        text = (ROOT / "samples" / name / "README.md").read_text()
        assert f"ovprep convert {path.relative_to(ROOT)} --target cpu" in text
        assert os.path.getsize(path) < 2e6
