"""Kinds of reports are told apart, and none is written over another."""

import json
from pathlib import Path
from typing import Any

import pytest

from ovprep.errors import OutputError
from ovprep.report.kinds import Kind, kind_of, require_report_place

REPORTS: dict[Kind, dict[str, Any]] = {
    "conversion": {"schema": 1, "source": {}, "normalization": {}, "benchmark": {}, "verification": {}},
    "benchmark": {"schema": 1, "source": {}, "models": [], "benchmark": {}},
    "verification": {"schema": 1, "source": {}, "candidate": {}, "verification": {}},
}


@pytest.mark.parametrize("kind", REPORTS)
def test_each_is_told_by_what_it_holds(kind: Kind) -> None:
    assert kind_of(REPORTS[kind]) == kind
    assert kind_of({key: value for key, value in REPORTS[kind].items() if key != "schema"}) is None


@pytest.mark.parametrize("content", [None, [], "schema", {"schema": 1, "source": {}}])
def test_other_json_is_none(content: Any) -> None:
    assert kind_of(content) is None


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_replaces_only_one_of_its_kind(kind: Kind, tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    require_report_place(place, kind)
    for other, content in REPORTS.items():
        place.write_text(json.dumps(content))
        if other == kind:
            require_report_place(place, kind)
        else:
            with pytest.raises(OutputError, match="is no report of ovprep"):
                require_report_place(place, kind)
    place.write_bytes(b"\xff\xfe")
    with pytest.raises(OutputError, match="is no report of ovprep"):
        require_report_place(place, kind)
    with pytest.raises(OutputError, match="is a folder"):
        require_report_place(tmp_path, kind)
