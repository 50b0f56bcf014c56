"""The output folder: whole or not at all, and never over somebody else's."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ovprep.errors import OutputError
from ovprep.report.folder import MANIFEST, new_folder, require_ours


def write_result(target: Path, text: str = "one") -> None:
    with new_folder(target) as scratch:
        (scratch / "model.xml").write_text(text)
        manifest = {"generator": "ovprep", "files": [{"name": "model.xml"}]}
        (scratch / MANIFEST).write_text(json.dumps(manifest))


def fail_to_write(target: Path) -> None:
    with new_folder(target) as scratch:
        (scratch / "model.xml").write_text("x")
        raise ZeroDivisionError


def test_a_new_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"
    with new_folder(target) as scratch:
        (scratch / "model.xml").write_text("x")
        assert not target.exists()
    assert (target / "model.xml").read_text() == "x"
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_to_write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_result_is_replaced(tmp_path: Path) -> None:
    write_result(tmp_path / "out", "one")
    write_result(tmp_path / "out", "two")
    assert (tmp_path / "out" / "model.xml").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_keeps_the_earlier_result(tmp_path: Path) -> None:
    write_result(tmp_path / "out")
    with pytest.raises(ZeroDivisionError):
        fail_to_write(tmp_path / "out")
    assert (tmp_path / "out" / "model.xml").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_result(tmp_path / "out")
    assert (tmp_path / "out" / "model.xml").exists()


def test_the_result_is_readable_as_other_folders_are(tmp_path: Path) -> None:
    write_result(tmp_path / "out")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"},
        {"notes.txt": "mine", MANIFEST: json.dumps({"generator": "ovprep", "files": [{"name": "model.xml"}]})},
        {"model.xml": "x", MANIFEST: json.dumps({"generator": "other", "files": [{"name": "model.xml"}]})},
        {"model.xml": "x", MANIFEST: "no json"},
        {"model.xml": "x", MANIFEST: "[]"},
    ],
    ids=["no manifest", "a file besides ours", "another generator", "broken manifest", "manifest of another kind"],
)
def test_somebody_elses_folder_stays(tmp_path: Path, files: dict[str, str]) -> None:
    target = tmp_path / "out"
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)
    with pytest.raises(OutputError, match="did not write"), new_folder(target):
        pytest.fail("the block must not run")
    assert {path.name: path.read_text() for path in target.iterdir()} == files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_place_stays(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="not a folder"):
        require_ours(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="Cannot write"), new_folder(tmp_path / "file" / "out"):
        pytest.fail("the block must not run")


def test_a_read_only_place() -> None:
    """In a process of an ordinary user, since root may write anywhere, and in a folder that such a user can reach."""
    place = Path(tempfile.mkdtemp(prefix="ovprep-test-"))
    place.chmod(0o555)
    program = (
        "import os, pathlib, sys\n"
        "from ovprep.errors import OutputError\n"
        "from ovprep.report.folder import new_folder\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try:\n"
        "    with new_folder(pathlib.Path(sys.argv[1])): pass\n"
        "except OutputError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(place / "out")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    left = list(place.iterdir())
    place.chmod(0o755)
    shutil.rmtree(place)
    assert "Cannot write to" in result.stdout, result.stderr
    assert left == []
