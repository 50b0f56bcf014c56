"""`ovprep report`, and the page that `ovprep convert` leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from ovprep.report.html.page import page_of
from tests.cli.conftest import Run
from tests.report.html.reports import compared_report, timed_report

SAMPLE = Path(__file__).parents[2] / "samples" / "imu_tcn" / "model.keras"


@pytest.fixture
def converted(run: Run, tmp_path: Path) -> Path:
    assert run("convert", SAMPLE, "-o", "out", "--no-verify", "--no-benchmark", "--batch", "2")[0] == 0
    return tmp_path / "out"


def test_the_page_is_made_again_from_the_report_alone(run: Run, converted: Path, tmp_path: Path) -> None:
    page = (converted / "report.html").read_text("utf-8")
    lone = tmp_path / "elsewhere.json"
    lone.write_bytes((converted / "report.json").read_bytes())
    code, out, err = run("report", lone, "-o", "again.html")
    assert (code, out, err) == (0, "again.html\n", "")
    assert (tmp_path / "again.html").read_text("utf-8") == page
    assert "ovprep convert" in page
    assert "--batch 2" in page


def test_beside_the_report_by_default(run: Run, converted: Path) -> None:
    page = (converted / "report.html").read_bytes()
    (converted / "report.html").unlink()
    code, out, _ = run("report", converted / "report.json", "--json")
    assert code == 0
    assert json.loads(out) == {"schema": 1, "page": str(converted / "report.html")}
    assert (converted / "report.html").read_bytes() == page


def test_the_page_belongs_to_the_result(run: Run, converted: Path) -> None:
    listed = {file["name"] for file in json.loads((converted / "manifest.json").read_text())["files"]}
    assert "report.html" in listed
    assert run("convert", SAMPLE, "-o", "out", "--no-verify", "--no-benchmark")[0] == 0, "it is replaced with the rest"


def test_what_cannot_be_drawn_or_written_is_a_sentence(run: Run, converted: Path) -> None:
    code, _, err = run("report", converted / "model.xml")
    assert code == 1
    assert "is not JSON" in err
    code, _, err = run("report", converted / "manifest.json")
    assert code == 1
    assert "is no report of ovprep" in err
    (converted / "cut.json").write_text(json.dumps({"schema": 1, "source": {"path": "a"}, "normalization": {}}))
    code, _, err = run("report", converted / "cut.json", "-o", "page.html")
    assert code == 1
    assert "lacks or garbles a part of a report" in err
    assert not Path("page.html").exists()
    code, _, err = run("report", converted / "report.json", "-o", converted)
    assert code == 1
    assert "is a folder" in err


def test_the_report_tells_what_was_asked_for(converted: Path) -> None:
    report = json.loads((converted / "report.json").read_text())
    assert report["options"] == {
        "interface": {"layout": "nwc", "layouts": {}, "shapes": {}, "batch": 2, "rank": 3},
        "verify": False,
        "benchmark": False,
    }
    kept = [op for op in report["graph"]["before"] if op["change"] is None]
    assert {op["type"] for op in kept} >= {"input", "output", "Conv"}
    assert {op["type"] for op in report["graph"]["before"] if op["change"] == "removed"} >= {"Transpose"}


@pytest.mark.parametrize("report", [timed_report(), compared_report()], ids=["benchmark", "verify"])
def test_other_reports_have_a_page_too(run: Run, tmp_path: Path, report: dict[str, Any]) -> None:
    (tmp_path / "found.json").write_text(json.dumps(report))
    code, out, err = run("report", "found.json")
    assert (code, out, err) == (0, "found.html\n", "")
    assert (tmp_path / "found.html").read_text("utf-8") == page_of(report)


@pytest.mark.parametrize("words", [("found.json", "-o", "found.json"), ("found.html",)])
def test_a_report_is_not_written_over(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / words[0]).write_text(json.dumps(timed_report()))
    code, _, err = run("report", *words)
    assert code == 1
    assert "is the report itself" in err
    assert json.loads((tmp_path / words[0]).read_text()) == timed_report()
