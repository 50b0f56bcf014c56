"""What all tests share: frameworks that stay quiet, and property tests that do not fail for being slow."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports TensorFlow, which reads them then.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

HERE = Path(__file__).parent
WHOLE_PROGRAMS = ("cli", "tasks", "proof", "workers", "bench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few, long tests come first, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: not _runs_whole_programs(item.path.relative_to(HERE)))


def _runs_whole_programs(path: Path) -> bool:
    return len(path.parts) == 1 or path.parts[0] in WHOLE_PROGRAMS


settings.register_profile("ovprep", deadline=None)
settings.load_profile("ovprep")
