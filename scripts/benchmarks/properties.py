"""Property tests with many more random examples than the test suite has time for."""

import os
import subprocess
import sys

_SOLVER = ("tests/layout/test_problem.py", "-k", "best_of_all or renumbering")
_MODELS = ("tests/passes/test_pipeline.py", "tests/passes/rank/test_rank_lift.py", "-k", "random_models")


def solver(examples: int) -> None:
    """The layout solver against brute force, and renumbered, on so many random graphs each."""
    _run(_SOLVER, examples)


def models(examples: int) -> None:
    """Random 1D models against ONNX Runtime after each pass, and against OpenVINO at rank 4."""
    _run(_MODELS, examples)


def _run(tests: tuple[str, ...], examples: int) -> None:
    environment = {**os.environ, "OVPREP_EXAMPLES": str(examples)}
    options = ("-n", "0", "-o", "addopts=", "-q")
    subprocess.run([sys.executable, "-m", "pytest", *tests, *options], check=True, env=environment)
