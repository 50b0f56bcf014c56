"""Builds the page: everything in it comes from `report.json`, and every name in it from a file that nobody vouches for.

The page is one file that asks the network for nothing. What the template fills in is escaped, and the policy in its
head lets the browser run the page's own script alone.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
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
from ovprep.report.html.command import command_of
from ovprep.report.html.drawing import drawings
from ovprep.report.html.verdict import facts_of, verdict_of

PAGE = "report.html"
_HERE = Path(__file__).parent
_SCHEMA = 1


def read_report(path: Path) -> dict[str, Any]:
    """A `report.json`. Raises OptionError for a file that is none."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}. Give the report.json of a conversion.") from error
    except ValueError as error:
        raise OptionError(f"{path} is not JSON. Give the report.json of a conversion.") from error
    if not isinstance(report, dict) or not {"schema", "source", "normalization"} <= report.keys():
        raise OptionError(f"{path} is no report of a conversion. Give the report.json that `ovprep convert` wrote.")
    if report["schema"] != _SCHEMA:
        raise OptionError(
            f"{path} has format {report['schema']}, and this is ovprep {__version__}, which reads format {_SCHEMA}. "
            "Convert the model again, or use the ovprep that wrote it."
        )
    return report


def page_of(report: Mapping[str, Any]) -> str:
    """The whole page, from the content of a `report.json`."""
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
        name=Path(str(report["source"]["path"])).name,
        style=Markup((_HERE / "style.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        verdict=verdict_of(report),
        facts=facts_of(report),
        drawings=drawings(report["graph"]) if report["graph"] else (),
        charts=_charts(report),
        precisions=precisions_table(report["verification"] or {}),
        checks=sections.checks(report),
        gates=sections.gates(report),
        partial=bool((report["benchmark"] or {}).get("partial")),
        command=command_of(report),
        interface=sections.interface(report),
        passes=sections.passes(report),
        transposes=sections.transposes(report),
        environment=sections.environment(report),
        properties=sections.properties(report),
        files=sections.files(report),
        conditions=sections.conditions(report),
    )


def _complete(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with what older versions did not write as None or empty."""
    absent: dict[str, Any] = {"verification": None, "benchmark": None, "target": None, "warnings": [], "graph": None}
    return {**absent, **report, "normalization": {"rank": None, "defects": [], **report["normalization"]}}


def _charts(report: Mapping[str, Any]) -> dict[str, Any]:
    """By name; None for what the report has no numbers for."""
    verification, benchmark = report.get("verification") or {}, report.get("benchmark") or {}
    return {
        "equality": equality_chart(verification),
        "latency": latency_chart(benchmark),
        "ratio": ratio_chart(benchmark),
        "ops": time_chart(benchmark),
        "roofline": roofline_chart(benchmark),
        "start": start_chart(benchmark),
        "memory": memory_chart(benchmark),
        "size": size_chart(benchmark),
    }


def write_page(report: Mapping[str, Any], path: Path) -> None:
    """Writes the page of a report to a file."""
    path.write_text(page_of(report), "utf-8")
