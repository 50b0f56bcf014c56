"""PyTorch, which lives in an environment of its own: that `scripts/install_torch` makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

Array = NDArray[Any]
Torch = Callable[[str, dict[str, Array], Array, Path], Array]
"""Runs the class Module in the code, with a state and an input, beside files in a folder."""

PYTHON = Path(__file__).parent.parent / ".venv-torch" / "bin" / "python"

MISSING = "PyTorch is not there: scripts/install_torch installs it"

needs_torch = pytest.mark.skipif(not PYTHON.exists(), reason=MISSING)
