"""The page as a file: whole, the same every time, and safe with names that nobody vouches for."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ovprep.errors import OptionError
from ovprep.report.html.page import MOST_DRAWN, page_of, read_report, write_page
from tests.report.html.reports import HOSTILE, IMAGE, compared_report, full_report, timed_report

CHARTS = {"equality", "latency", "ratio", "ops", "roofline", "start", "memory", "size"}


class Tags(HTMLParser):
    """The tags of a page with their attributes, its text, and whether all that opens is closed."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def charts(self) -> set[str]:
        return {str(attrs["id"])[6:] for tag, attrs in self.tags if tag == "figure"}


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(full_report())


def test_all_of_it_is_there(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    assert tags.charts() == CHARTS
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        *("Model", "Equality", "Latency", "Where the time goes", "Start, memory and size", "Environment", "Reproduce")
    ]
    assert re.findall(r"<h1.*?</h1>", page)[0].count("6.5 times as fast") == 1
    for words in (
        "ovprep convert /models/conv1.h5 --target cpu --seconds 3",
        "ab" * 32,
        "cd" * 32,
        "AMD EPYC",
        "conv1 is odd.",
    ):
        assert words in page


def test_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    tags = Tags(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in tags:
        if str(attrs.get("href", "")).startswith("#"):
            assert str(attrs["href"])[1:] in ids
    assert all(reference in ids for reference in re.findall(r"url\(#([^)]*)\)", page))


def test_every_column_has_a_name(page: str) -> None:
    heads = re.findall(r"<th [^>]*>(.*?)</th>", page)
    assert len(heads) > 40
    assert "" not in heads


def test_it_asks_the_network_for_nothing(page: str) -> None:
    for tag, attrs in Tags(page).tags:
        assert tag not in ("img", "iframe", "object", "base")
        assert attrs.get("href", "#")[:1] == "#" or attrs["href"] == "data:,"
        assert "src" not in attrs
    assert not re.search(r"@import|url\((?!#)", page)
    policy = next(attrs["content"] for tag, attrs in Tags(page).tags if attrs.get("http-equiv"))
    script = re.search(r"<script>(.*)</script>", page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", [HOSTILE, IMAGE, "{{ 7 * 7 }}", "a&b;c\n'\""])
def test_names_come_out_as_text(name: str) -> None:
    page = page_of(full_report(name))
    tags = Tags(page)
    assert tags.open == []
    assert [tag for tag, _ in tags.tags].count("script") == 1
    assert "img" not in [tag for tag, _ in tags.tags]
    assert not [attrs for _, attrs in tags.tags if any(key.startswith("on") for key in attrs)]
    assert name in "".join(tags.text)
    assert "49" not in re.findall(r'class="name">([^<]*)<', page)


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in full_report().items() if key not in keys}


@pytest.mark.parametrize(
    ("report", "missing", "words"),
    [
        ({**full_report(), "verification": None}, {"equality"}, "--no-verify"),
        ({**full_report(), "benchmark": None}, CHARTS - {"equality"}, "--no-benchmark"),
        (without("verification", "benchmark"), CHARTS, "Not checked against the original; not timed."),
        (without("graph", "options", "openvino_version"), set(), "older ovprep"),
    ],
    ids=["not verified", "not timed", "neither", "an older report"],
)
def test_what_is_absent_is_said(report: dict[str, Any], missing: set[str], words: str) -> None:
    page = page_of(report)
    assert Tags(page).charts() == CHARTS - missing
    assert words in page


def test_what_was_not_timed_has_no_empty_sections() -> None:
    page = page_of({**full_report(), "benchmark": None})
    assert headings(page) == ["Model", "Equality", "Latency", "Environment", "Reproduce"]
    assert 'href="#time"' not in page


def test_a_failed_contestant_is_a_sentence() -> None:
    report = full_report()
    report["benchmark"]["contestants"][1].update(median_ms=None, blocks_ms=[], reason="It ran out of memory.")
    page = page_of(report)
    assert "<b>original</b>: It ran out of memory." in page


def test_checks_limits_and_precisions(page: str) -> None:
    marks = re.findall(
        r'<li class="(\w+)"><span class="mark" role="img" aria-label="([^"]*)">.</span> (.*?)</li>', page
    )
    assert marks == [
        ("good", "holds", "Run again, it gives the same."),
        ("bad", "does not hold", "Shifted, conv1 differs."),
        ("fair", "not checked", "The original mixes the items of a batch."),
        ("good", "holds", "--max-latency-ms 5: 0.2 ms is within it."),
    ]
    assert "Precisions side by side" in page
    assert ">1.0e-02</td>" in page, "1 less the cosine of 0.99"


def test_an_interrupted_benchmark_says_so(page: str) -> None:
    assert "Interrupted" not in page
    report = full_report()
    report["benchmark"]["partial"] = True
    assert "<b>Interrupted:</b>" in page_of(report)


def test_a_benchmark_in_which_all_failed() -> None:
    report = full_report()
    report["benchmark"].update(contestants=[], pairs=[], control=None, ops=[], machine=None)
    page = page_of(report)
    assert "No contestant could be timed." in page
    assert Tags(page).charts() == {"equality"}


def test_it_depends_on_the_report_alone(tmp_path: Path, page: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(full_report()))
    write_page(read_report(path), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page
    assert len(page.encode()) < 1_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is not JSON"),
        ("[]", "is no report"),
        ('{"schema": 1}', "is no report"),
        ('{"schema": 2, "source": {}, "normalization": {}}', "has format 2"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_no_report(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OptionError, match=words):
        read_report(path)


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def plain_text(page: str) -> str:
    return " ".join("".join(Tags(page).text).split())


def test_models_that_were_timed_have_a_page() -> None:
    page = page_of(timed_report())
    tags = Tags(page)
    assert tags.open == []
    assert tags.charts() == CHARTS - {"equality"} | {"latency-2", "ratio-2"}
    assert headings(page) == [
        *("Models", "Latency", "Where the time goes", "Start, memory and size", "Environment", "Reproduce")
    ]
    text = plain_text(page)
    for words in (
        "conv1_openvino is 6.2 times as fast as conv1.h5.",
        "95% interval of the ratio: 5.88 to 6.67; batch 1, 2 threads; 1 more condition below",
        "latency, batch 8, 2 threads",
        "broken.onnx: It was killed by SIGSEGV.",
        "conv1.h5 against itself: 0.99 to 1.01",
        "Since then: openvino 2025.1 then, 2026.4.1 now.",
        "Of conv1_openvino; latency, batch 1, 2 threads.",
        "ovprep benchmark /models/conv1.h5 /models/conv1_openvino /models/broken.onnx --threads 2 --batch 1,8",
    ):
        assert words in text
    assert "--no-verify" not in page, "what was not asked for is not missing"
    rows = re.findall(r"<td>(latency, batch \d, 2 threads)</td>\n<td>([^<]*)</td>", page)
    assert rows == [
        (f"latency, batch {batch}, 2 threads", name)
        for batch in (1, 8)
        for name in ("conv1.h5", "conv1_openvino", "broken.onnx")
    ]


def test_many_conditions_stay_a_small_page() -> None:
    page = page_of(timed_report(further=20))
    assert len(re.findall(r'id="chart-latency', page)) == MOST_DRAWN
    assert f"Charts are drawn of the first {MOST_DRAWN} conditions" in page
    assert "latency, batch 160, 2 threads" in page
    assert len(page.encode()) < 2_000_000
    assert "Charts are drawn" not in page_of(timed_report(further=MOST_DRAWN - 1))


def test_models_that_were_held_against_each_other_have_a_page() -> None:
    page = page_of(compared_report())
    tags = Tags(page)
    assert tags.open == []
    assert tags.charts() == {"equality"}
    assert headings(page) == ["Models", "Equality", "Environment", "Reproduce"]
    text = plain_text(page)
    for words in (
        "other.onnx is not equal to conv1.h5; the certificate is not reproduced.",
        "The first op that differs is conv1 (Conv, layer 3 of the file)",
        "OpenVINO is 2026.4.1, and was 2025.1.",
        "Keras 3.1 on TensorFlow 2.2 ran the original, OpenVINO 2026.4.1 the candidate.",
        "ovprep verify /models/conv1.h5 /models/other.onnx --layout x=nwc --data 'a b.npy' --tolerance 0.01",
        "AMD EPYC",
    ):
        assert words in text
    assert "not timed" not in text


@pytest.mark.parametrize("report", [timed_report(HOSTILE), compared_report(HOSTILE)], ids=["timed", "compared"])
def test_names_come_out_as_text_on_other_pages_too(report: dict[str, Any]) -> None:
    tags = Tags(page_of(report))
    assert tags.open == []
    assert [tag for tag, _ in tags.tags].count("script") == 1
    assert HOSTILE in "".join(tags.text)
    links = [str(attrs["href"])[1:] for tag, attrs in tags.tags if tag == "a"]
    ids = [attrs["id"] for _, attrs in tags.tags if "id" in attrs]
    assert set(links) <= set(ids)
    assert len(ids) == len(set(ids))
