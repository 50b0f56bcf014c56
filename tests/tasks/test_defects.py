"""Which rows of the table hold here."""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ovprep.errors import RuntimeFailure
from ovprep.passes.defects.row import TESTED, Defect
from ovprep.passes.defects.table import DEFECTS
from ovprep.tasks import defects
from ovprep.tasks.defects import active_defects

FIRST, *OTHERS = DEFECTS


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """An OpenVINO that the table does not know, in which the first row is fixed; the names of what is tried."""
    made: list[list[str]] = []

    def tried(rows: Sequence[Defect]) -> dict[str, bool]:
        made.append([row.name for row in rows])
        return {row.name: row is FIRST for row in rows}

    monkeypatch.setattr(defects, "tried", tried)
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "2031.1.0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return made


def test_a_version_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: TESTED[0])
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    table = (replace(FIRST, seen=TESTED[1:]), replace(FIRST, seen=TESTED[:1]))
    assert active_defects(table=table) == table[1:]


def test_another_version_is_tried_once(trials: list[list[str]], tmp_path: Path) -> None:
    stages: list[str] = []
    assert active_defects(stages.append) == tuple(OTHERS)
    assert active_defects(stages.append) == tuple(OTHERS)
    assert trials == [[row.name for row in DEFECTS]]
    assert stages == ["trying what OpenVINO 2031.1.0 computes wrongly"]
    (remembered,) = (tmp_path / "ovprep").iterdir()
    assert json.loads(remembered.read_text()) == {row.name: row is FIRST for row in DEFECTS}


def test_another_machine_is_tried(trials: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: TESTED[0])
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert active_defects() == tuple(OTHERS)
    assert len(trials) == 1


def test_another_cpu_is_tried_anew(trials: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    active_defects()
    monkeypatch.setattr(defects, "isa", lambda: ("avx2",))
    active_defects()
    assert len(trials) == 2


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_memory_is_tried_anew(trials: list[list[str]], content: str, tmp_path: Path) -> None:
    active_defects()
    (remembered,) = (tmp_path / "ovprep").iterdir()
    remembered.write_text(content)
    assert active_defects() == tuple(OTHERS)
    assert len(trials) == 2


def test_a_new_row_is_tried_alone(trials: list[list[str]]) -> None:
    active_defects(table=OTHERS)
    assert active_defects() == tuple(OTHERS)
    assert trials[1:] == [[FIRST.name]]


def test_without_a_place_to_remember(trials: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert active_defects() == active_defects() == tuple(OTHERS)
    assert len(trials) == 2


def test_where_nothing_can_be_tried_all_are_avoided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def tried(rows: Sequence[Defect]) -> dict[str, bool]:
        raise RuntimeFailure("OpenVINO or ONNX Runtime does not start.")

    monkeypatch.setattr(defects, "tried", tried)
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "2031.1.0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert active_defects() == DEFECTS
    assert not list(tmp_path.iterdir())
