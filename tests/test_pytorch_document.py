"""docs/pytorch.md keeps its word: its steps run one after the other, each in the environment that it needs."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.torch_environment import PYTHON, needs_torch

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "pytorch.md"


@needs_torch
def test_the_steps_run(tmp_path: Path) -> None:
    steps = re.findall(r"^```(bash|python)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert [language for language, _ in steps] == ["python", "bash", "python", "python"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    for language, code in steps:
        if language == "bash":
            assert code.startswith("ovprep ")
            command = [sys.executable, "-m", *code.split()]
        else:
            command = [str(PYTHON) if "import torch" in code else sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "state.npz").exists()
