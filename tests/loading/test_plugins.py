"""Modules that a user names."""

import sys
from pathlib import Path

import pytest

from ovprep.errors import OptionError
from ovprep.loading.plugins import load_plugins


def test_a_file_is_run_once(tmp_path: Path) -> None:
    path, log = tmp_path / "mine.py", tmp_path / "log"
    path.write_text(f"with open({str(log)!r}, 'a') as file: file.write('run ')\n")
    load_plugins([str(path)])
    load_plugins([str(path), str(path)])
    assert log.read_text() == "run "


def test_a_module_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_by_name.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins(["mine_by_name"])
    assert sys.modules["mine_by_name"].answer == 42


def test_what_cannot_be_imported_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    for plugin, words in ((str(broken), "ZeroDivisionError"), ("no_such_module", "No module"), ("no.py", "no file")):
        with pytest.raises(OptionError, match=words):
            load_plugins([plugin])
