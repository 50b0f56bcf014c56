"""PyTorch, which lives in an environment of its own: that of `scripts/bench torch`."""

from pathlib import Path

import pytest

PYTHON = Path(__file__).parent.parent / ".venv-torch" / "bin" / "python"

needs_torch = pytest.mark.skipif(not PYTHON.exists(), reason="PyTorch is not there: scripts/bench torch installs it")
