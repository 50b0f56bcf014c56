"""The README keeps its word: its commands exist, its example runs, its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torch_environment import PYTHON, needs_torch

ROOT = Path(__file__).parent.parent
NETWORK = """
import torch
from torch import nn

torch.manual_seed(0)
conv = nn.Conv1d(6, 16, 5, stride=2, padding=2)
network = nn.Sequential(conv, nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(512, 5)).eval()
signal = torch.randn(1, 6, 128)
"""
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_first_two_commands_are_the_set_up_and_the_tests() -> None:
    commands = [block.strip() for block in blocks("bash")]
    assert commands[:2] == ["scripts/demo", "scripts/test"]
    assert all((ROOT / command).stat().st_mode & 0o111 for command in commands[:2])


def test_the_python_example_runs(tmp_path: Path) -> None:
    example, _ = blocks("python")
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "original" in done.stdout
    assert (tmp_path / "imu_openvino" / "model.xml").exists()


@needs_torch
def test_the_road_from_pytorch_to_keras_and_to_openvino(tmp_path: Path) -> None:
    """Its first line runs where PyTorch is, the others where ovprep is."""
    export, *others = blocks("python")[1].splitlines()
    steps = [(str(PYTHON), f"{NETWORK}\n{export}"), (sys.executable, "import ovprep\n" + "\n".join(others))]
    for python, code in steps:
        done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "model_openvino" / "model.xml").exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target
