"""PyTorch, in whatever environment has it; tests that need it skip where there is none."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run_with_torch(code: str, folder: Path) -> None:
    """Runs Python code in `folder`, in this environment if it has PyTorch, else in that of `scripts/install_torch`."""
    python = ROOT / ".venv-torch" / "bin" / "python"
    if importlib.util.find_spec("torch"):
        python = Path(sys.executable)
    elif not python.exists():
        pytest.skip("PyTorch is not installed: scripts/install_torch does that")
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [str(python), "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
