"""PyTorch, for tests of the weights that it is given."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.torch_environment import MISSING, PYTHON, Array, Torch


@pytest.fixture(scope="module")
def run_torch() -> Iterator[Torch]:
    """Runs a module in the environment that has PyTorch, which is started once."""
    if not PYTHON.exists():
        pytest.skip(MISSING)
    worker = Path(__file__).with_name("torch_worker.py")
    with subprocess.Popen([PYTHON, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(code: str, state: dict[str, Array], inputs: Array, folder: Path) -> Array:
            files = {name: str(folder / name) for name in ("state.npz", "inputs.npy", "outputs.npy")}
            np.savez(files["state.npz"], **state)
            np.save(files["inputs.npy"], inputs)
            request = {"code": code, **{Path(name).stem: path for name, path in files.items()}}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            error = json.loads(process.stdout.readline())
            assert error is None, error
            return np.load(files["outputs.npy"])

        yield run
        process.stdin.close()
