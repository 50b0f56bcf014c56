"""The exporter in the process of the test, which has TensorFlow anyway; test_export.py has it in one of its own."""

from pathlib import Path
from typing import Any

import pytest

from ovprep.frontends.tensorflow import export, exporter


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(request: dict[str, Any], path: Path) -> None:
        exporter.export_to_folder(request)

    monkeypatch.setattr(export, "_run_child", run)
