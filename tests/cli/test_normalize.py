"""`ovprep normalize` in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

ROOT = Path(__file__).parents[2]
ECG = ROOT / "samples" / "ecg_resnet" / "model.onnx"


def ovprep(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ovprep", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("batch", [None, 2])
def test_the_file_is_channel_last_and_equal(batch: int | None, tmp_path: Path) -> None:
    target = tmp_path / "clean.onnx"
    fixed = () if batch is None else ("--batch", str(batch))
    done = ovprep("normalize", ECG, "-o", target, "--json", *fixed)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verification"]["passed"]
    assert report["interface"]["inputs"][0]["shape"] == [batch or "batch", 1000, 3]
    onnx.checker.check_model(str(target), full_check=True)
    x = np.random.default_rng(0).standard_normal((2, 3, 1000)).astype(np.float32)
    wanted = onnxruntime.InferenceSession(ECG).run(None, {"ecg": x})[0]
    found = onnxruntime.InferenceSession(target).run(None, {"ecg": x.transpose(0, 2, 1)})[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["clean.onnx"]


def test_an_earlier_result_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "clean.onnx"
    for _ in range(2):
        assert ovprep("normalize", ECG, "-o", target, "--no-verify").returncode == 0
    foreign = tmp_path / "model.onnx"
    foreign.write_bytes(ECG.read_bytes())
    done = ovprep("normalize", ECG, "-o", foreign, "--no-verify")
    assert (done.returncode, foreign.read_bytes()) == (1, ECG.read_bytes())
    assert "exists, and ovprep did not write it" in done.stderr


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    done = ovprep("normalize", ECG, "-o", tmp_path / "model.xml")
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "let it end in .onnx" in done.stderr
