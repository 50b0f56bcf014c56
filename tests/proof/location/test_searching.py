"""Which cases a search is made with, and what is made of what it finds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ovprep.errors import RuntimeFailure
from ovprep.proof import Comparison
from ovprep.proof.inputs.cases import STACKED, make_cases
from ovprep.proof.location import searching
from ovprep.proof.location.locate import Found, Pair
from ovprep.proof.location.located import Located
from ovprep.proof.location.searching import Explain, search
from ovprep.workers import Contender
from tests.proof.networks import NCW, NWC

TOGETHER = len(STACKED)
ROW = Comparison("f32", "open", "square", TOGETHER, "classes", 1.0, 1.0, 1.0, 1.0, None, 1e-6, False)
LOCATED = Located("IR", "op", "Conv", None, 1, 1, ("op",), 1.0, 1.0, 1.0, 1.0, 1e-6, ())


class FakeWorker:
    alive = False


def searched(
    monkeypatch: pytest.MonkeyPatch, rows: list[Comparison], answer: Found | Exception, explain: Explain | None
) -> tuple[Located | None, list[str], list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    def locate(pair: Pair, here: Any, there: Any, **options: Any) -> Found:
        asked.append({"here": here[0].shape, "there": there[0].shape, **options})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(searching, "locate", locate)
    anything: Any = None
    pair = Pair(None, anything, Contender("o", "keras", Path()), Contender("c", "openvino", Path()))
    notes: list[str] = []
    worker: Any = FakeWorker()
    cases = make_cases(NCW, {}, 0)
    located = search(explain, pair, rows, cases, NCW, NWC, threads=1, worker=worker, notes=notes)
    return located, notes, asked


def test_single_items_come_first_and_each_case_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        ROW,
        replace(ROW, output="sequence"),
        replace(ROW, signal="chirp"),
        replace(ROW, output="classes before Softmax", batch=1, signal="noise", shapes="open", max_abs_error=9.0),
        replace(ROW, batch=1, signal="noise", shapes="fixed", max_abs_error=0.1),
        replace(ROW, batch=0, signal="100 calls in a row"),
        replace(ROW, batch=1, signal="noise", tolerance=None, passed=None),
    ]
    located, notes, asked = searched(monkeypatch, rows, Found(None, ("nothing",)), Explain())
    assert located is None
    assert notes == ["nothing"]
    assert [(one["here"], one["there"], one["shapes"]) for one in asked] == [
        ((1, 3, 64), (1, 64, 3), ((1, 64, 3),)),
        ((TOGETHER, 3, 64), (TOGETHER, 64, 3), None),
        ((1, 3, 64), (1, 64, 3), None),
    ]


def test_what_is_not_judged_does_not_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(ROW, tolerance=None, passed=None)]
    assert searched(monkeypatch, rows, Found(LOCATED, ()), Explain()) == (None, [], [])


def test_many_calls_have_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(ROW, batch=0, signal="100 calls in a row")]
    assert searched(monkeypatch, rows, Found(LOCATED, ()), Explain()) == (None, [], [])


def test_without_a_graph_nothing_is_searched() -> None:
    ends = Contender("o", "onnxruntime", Path()), Contender("c", "openvino", Path())
    assert Explain(always=True).pair(None, *ends) is None


def test_the_first_that_is_found_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, batch=1, signal="noise")]
    located, notes, asked = searched(monkeypatch, rows, Found(LOCATED, ("there",)), Explain(None, tmp_path))
    assert (located, notes, len(asked)) == (LOCATED, ["there"], 1)
    assert asked[0]["folder"] == tmp_path


def test_nothing_is_searched_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    right = replace(ROW, passed=True)
    for rows, explain in (([ROW], None), ([right], Explain())):
        assert searched(monkeypatch, rows, Found(LOCATED, ()), explain) == (None, [], [])


def test_what_agrees_is_never_said_to_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    explain = Explain(None, tmp_path, always=True)
    located, notes, asked = searched(monkeypatch, [replace(ROW, passed=True)], Found(LOCATED, ("near",)), explain)
    assert (located, notes) == (None, ["All outputs agree. near"])
    assert (asked[0]["folder"], asked[0]["thorough"]) == (None, True)


def test_a_search_that_fails_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    located, notes, _ = searched(monkeypatch, [ROW], RuntimeFailure("It died."), Explain())
    assert (located, notes) == (None, ["Where it differs was not found out: It died."])
