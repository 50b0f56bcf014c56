"""Builds the page: everything in it comes from `report.json`, and every name in it from a file that nobody vouches for.

The page is one file that asks the network for nothing. What the template fills in is escaped, and the policy in its
head lets the browser run the page's own script alone.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ovprep import __version__
from ovprep.errors import OptionError
from ovprep.report.html import sections
from ovprep.report.html.charts.equality import equality_chart, precisions_table
from ovprep.report.html.charts.latency import latency_chart, ratio_chart
from ovprep.report.html.charts.ops import roofline_chart, time_chart
from ovprep.report.html.charts.resources import memory_chart, size_chart, start_chart
from ovprep.report.html.charts.theme import Figure
from ovprep.report.html.command import command_of
from ovprep.report.html.drawing import drawings
from ovprep.report.html.parts import name_of
from ovprep.report.html.verdict import facts_of, verdict_of
from ovprep.report.kinds import Kind, kind_of

PAGE = "report.html"
_HERE = Path(__file__).parent
_SCHEMA = 1


_SECTIONS = {
    "model": "Model",
    "equality": "Equality",
    "latency": "Latency",
    "time": "Where the time goes",
    "resources": "Resources",
    "environment": "Environment",
    "reproduce": "Reproduce",
}
"""Ids of all sections, with their names in the line of links."""
_ABSENT: dict[Kind, tuple[str, ...]] = {
    "conversion": (),
    "benchmark": ("equality",),
    "verification": ("latency", "time", "resources"),
}
MOST_DRAWN = 6
"""Conditions of a benchmark whose charts are drawn, so that the page stays small; a table has all of them."""


def read_report(path: Path) -> dict[str, Any]:
    """A `report.json`. Raises OptionError for a file that is none."""
    what = "Give the report.json of `ovprep convert`, or what `ovprep benchmark` or `verify` wrote with --output."
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}. {what}") from error
    except ValueError as error:
        raise OptionError(f"{path} is not JSON. {what}") from error
    if kind_of(report) is None:
        raise OptionError(f"{path} is no report of ovprep. {what}")
    if report["schema"] != _SCHEMA:
        raise OptionError(
            f"{path} has format {report['schema']}, and this is ovprep {__version__}, which reads format {_SCHEMA}. "
            "Make the report again, or use the ovprep that wrote it."
        )
    return report  # type: ignore[no-any-return]  # from JSON


def page_of(report: Mapping[str, Any]) -> str:
    """The whole page, from the content of a `report.json`."""
    kind: Kind = kind_of(report) or "conversion"
    report = _complete(report)
    script = (_HERE / "script.js").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        report=report,
        kind=kind,
        sections=_sections(report, kind),
        name=_name(report, kind),
        remark=_remark(report, kind),
        style=Markup((_HERE / "style.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        verdict=verdict_of(report),
        facts=facts_of(report),
        drawings=drawings(report["graph"]) if report["graph"] else (),
        equality=equality_chart(report["verification"] or {}),
        runs=_runs(report),
        dissected=_dissected(report),
        precisions=precisions_table(report["verification"] or {}),
        checks=sections.checks(report),
        reproduced=(report["reproduction"] or {}).get("changes") or [],
        command=command_of(report),
        interface=sections.interface(report),
        passes=sections.passes(report),
        transposes=sections.transposes(report),
        environment=sections.environment(report),
        properties=sections.properties(report),
        files=sections.files(report) if kind == "conversion" else sections.models(report),
        settings=sections.settings(report),
        changes=sections.changes(report),
    )


def _complete(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with what older versions, or reports of other kinds, do not have as None or empty."""
    nothing = ("verification", "benchmark", "target", "graph", "against", "reproduction")
    absent: dict[str, Any] = {**dict.fromkeys(nothing), "warnings": [], "further": []}
    return {**absent, **report, "normalization": {"rank": None, "defects": [], **(report.get("normalization") or {})}}


def _sections(report: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    """Those that the report can fill, and for a conversion those that say what it left out."""
    absent = _ABSENT[kind] if report["benchmark"] else (*_ABSENT[kind], "time", "resources")
    return {name: title for name, title in _SECTIONS.items() if name not in absent}


def _name(report: Mapping[str, Any], kind: Kind) -> str:
    if kind == "benchmark":
        return ", ".join(str(model["label"]) for model in report["models"])
    sides = ("source", "candidate") if kind == "verification" else ("source",)
    return ", ".join(name_of(report[side]["path"]) for side in sides)


def _remark(report: Mapping[str, Any], kind: Kind) -> str:
    if kind == "conversion":
        return f"{report['source']['framework']}, for {(report['target'] or 'cpu').upper()}"
    return "timed against each other" if kind == "benchmark" else "held against each other"


@dataclass(frozen=True)
class Run:
    """The part of the page for one benchmark; `title` is empty where it is the only one."""

    title: str
    benchmark: Mapping[str, Any]
    gates: Sequence[sections.Mark]
    latency: Figure | None
    ratio: Figure | None
    conditions: str


def _runs(report: Mapping[str, Any]) -> list[Run]:
    """All benchmarks of the report that are drawn; charts have names of their own."""
    found = [report["benchmark"], *report["further"]] if report["benchmark"] else []
    return [
        Run(
            sections.setting(one) if len(found) > 1 else "",
            {"notes": [], "partial": False, **one},
            sections.gates(one),
            _named(latency_chart(one), number),
            _named(ratio_chart(one), number),
            sections.conditions(one),
        )
        for number, one in enumerate(found[:MOST_DRAWN])
    ]


def _named(chart: Figure | None, number: int) -> Figure | None:
    return replace(chart, name=f"{chart.name}-{number + 1}") if chart is not None and number else chart


def _dissected(report: Mapping[str, Any]) -> dict[str, Any]:
    """Charts of what else was measured, of the first benchmark with times of single ops; None for no numbers."""
    found = [report["benchmark"] or {}, *report["further"]]
    benchmark = next((one for one in found if one.get("ops")), found[0])
    return {
        "of": benchmark.get("ops_of") or "",
        "under": sections.setting(benchmark) if benchmark else "",
        "ops": time_chart(benchmark),
        "roofline": roofline_chart(benchmark),
        "start": start_chart(benchmark),
        "memory": memory_chart(benchmark),
        "size": size_chart(benchmark),
    }


def write_page(report: Mapping[str, Any], path: Path) -> None:
    """Writes the page of a report to a file."""
    path.write_text(page_of(report), "utf-8")
