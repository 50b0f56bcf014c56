"""The architecture: who may import whom, and what starting up may not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ovprep"
HEAVY = {"keras", "onnxruntime", "openvino", "tensorflow", "tf2onnx", "tf_keras", "torch"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def packages_of(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize("name", ["problem", "mincut", "frames", "forcing"])
def test_the_solver_needs_the_standard_library_alone(name: str) -> None:
    path = PACKAGE / "layout" / f"{name}.py"
    assert packages_of(path) <= {*sys.stdlib_module_names, "ovprep"}
    own = {module for module in imports_of(path) if module.startswith("ovprep")}
    assert own <= {"ovprep.layout.problem", "ovprep.layout.mincut", "ovprep.layout.frames"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_behind_their_doors(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    allowed: set[str] = set()
    if place.startswith(("emit/", "workers/", "proof/location/", "bench/")):
        allowed.add("openvino")
    if place.startswith("workers/"):
        allowed.add("onnxruntime")
    if place.startswith("emit/keras/") or place == "tasks/normalizing/keras_writing.py":
        allowed.add("keras")
    if place.startswith(("workers/runners/", "loading/")):
        allowed |= {"keras", "tensorflow", "tf_keras"}
    if place.startswith("relayout/"):  # it is given live Keras models
        allowed |= {"keras", "tensorflow"}
    if place.startswith("frontends/tensorflow/"):
        allowed |= {"keras", "tensorflow", "tf2onnx"}
    assert packages_of(path) & HEAVY <= allowed


def test_reading_any_format_loads_no_framework() -> None:
    """TensorFlow's door in the frontends opens in a child process alone."""
    program = (
        "import sys, ovprep.frontends.open, ovprep.frontends.tensorflow.reader, ovprep.frontends.tensorflow.fallback;"
        "print(*sys.modules, sep='\\n')"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.split(".")[0] for name in loaded} & HEAVY


FORBIDDEN = {
    "graph": {"frontends", "layout", "passes", "emit", "workers", "proof", "bench", "report", "tasks", "cli"},
    "frontends": {"layout", "passes", "emit", "workers", "proof", "bench", "report", "tasks", "cli"},
    "layout": {"frontends", "passes", "emit", "workers", "proof", "bench", "report", "tasks", "cli"},
    "passes": {"frontends", "emit", "workers", "proof", "bench", "report", "tasks", "cli"},
    "emit": {"frontends", "layout", "passes", "workers", "proof", "bench", "report", "tasks", "cli"},
    "loading": {"layout", "passes", "emit", "workers", "proof", "bench", "report", "tasks", "cli"},
    "workers": {"frontends", "layout", "passes", "emit", "proof", "bench", "report", "tasks", "cli"},
    "proof": {"frontends", "layout", "passes", "emit", "bench", "report", "tasks", "cli"},
    "bench": {"frontends", "layout", "passes", "emit", "report", "tasks", "cli"},
    "relayout": {"frontends", "passes", "emit", "bench", "report", "tasks", "cli"},
    "report": {"cli"},
    "tasks": {"cli"},
}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    folder = path.relative_to(PACKAGE).parts[0]
    used = {name.split(".")[1] for name in imports_of(path) if name.startswith("ovprep.")}
    assert not used & FORBIDDEN.get(folder, set())


@pytest.mark.parametrize(
    "statement",
    ["import ovprep", "from ovprep.cli.app import app; from typer.main import get_command; get_command(app)"],
)
def test_starting_up_loads_nothing_heavy(statement: str) -> None:
    program = f"import sys; {statement}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.split(".")[0] for name in loaded} & (HEAVY | {"onnx", "onnx_ir", "numpy", "h5py"})
