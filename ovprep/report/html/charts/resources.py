"""What a contestant costs besides its time per inference: starting up, memory, size."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovprep.report.html.charts.latency import ROLES, contestants_of
from ovprep.report.html.charts.theme import HALF, ROW, Figure, Spec, described, figure, named_rows, series
from ovprep.report.html.table import Cell, Table, finite, ms, number, size, table

_STEPS = {"load": "theirs", "compile": "third", "first inference": "ours"}


def start_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """From the file to the first result, in its steps."""
    entries = [entry for entry in _shown(benchmark) if finite(entry.get("load_ms")) is not None]
    if not entries:
        return None
    spec = {
        "height": {"step": ROW},
        "data": {"values": [step for entry in entries for step in _steps(entry)]},
        "mark": {"type": "bar", "height": {"band": 0.6}},
        "encoding": {
            "y": named_rows("row", [str(entry["label"]) for entry in entries]),
            "x": {"field": "ms", "type": "quantitative", "title": "from the file to the first result (ms)"},
            "color": series("step", _STEPS),
            "order": {"field": "place", "type": "quantitative"},
            "description": described(),
        },
    }
    text = "Time that each contestant takes to load the model, to compile it where that is told apart, and to run once."
    return figure("start", "Start", text, spec, _table(_shown(benchmark)))


def memory_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """Peak resident memory of each worker process."""
    return _bars(
        benchmark,
        "memory",
        "Memory",
        "peak_rss_mib",
        lambda value: f"{value:.0f} MiB",
        "peak resident memory (MiB)",
        "Peak resident memory of each contestant's process, Python and NumPy included.",
    )


def size_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """Model files on disk."""
    return _bars(
        benchmark,
        "size",
        "Size",
        "size_bytes",
        lambda value: size(value).text,
        "model on disk, weights included (KiB)",
        "Size of each contestant's model on disk, weights included.",
        scale=1 / 1024,
    )


def _bars(
    benchmark: Mapping[str, Any],
    name: str,
    title: str,
    key: str,
    written: Any,
    axis: str,
    text: str,
    scale: float = 1.0,
) -> Figure | None:
    entries = [entry for entry in _shown(benchmark) if finite(entry.get(key)) is not None]
    if not entries:
        return None
    values = [
        {
            "row": str(entry["label"]),
            "role": entry["role"],
            "value": entry[key] * scale,
            "text": written(entry[key]),
            "tip": f"{entry['label']}: {written(entry[key])}",
        }
        for entry in entries
    ]
    top = max(value["value"] for value in values) or 1
    y = named_rows("row", [value["row"] for value in values])
    x = {"field": "value", "type": "quantitative", "title": axis, "scale": {"domain": [0, top * 1.18], "nice": False}}
    colour = {**series("role", ROLES), "legend": None}
    spec: Spec = {
        "height": {"step": ROW},
        "data": {"values": values},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.6}},
                "encoding": {"color": colour, "description": described()},
            },
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": {"field": "text"}}},
        ],
    }
    return figure(name, title, text, spec, width=HALF)


def _shown(benchmark: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in contestants_of(benchmark) if entry["role"] != "control"]


def _steps(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Loading without compiling, compiling, and the first inference."""
    compiling = finite(entry.get("compile_ms")) or 0.0
    times = {
        "load": max(float(entry["load_ms"]) - compiling, 0.0),
        "compile": compiling,
        "first inference": finite(entry.get("first_ms")) or 0.0,
    }
    return [
        {
            "row": str(entry["label"]),
            "step": step,
            "place": place,
            "ms": value,
            "tip": f"{entry['label']}, {step}: {value:.1f} ms",
        }
        for place, (step, value) in enumerate(times.items())
        if value
    ]


def _table(entries: Sequence[Mapping[str, Any]]) -> Table:
    heads = ["contestant", "load (ms)", "of it compiling (ms)", "first inference (ms)", "peak memory (MiB)", "on disk"]
    cells: list[list[Cell | str | None]] = [
        [
            str(entry["label"]),
            *(ms(entry.get(key)) for key in ("load_ms", "compile_ms", "first_ms")),
            number(entry.get("peak_rss_mib"), ".0f"),
            size(entry.get("size_bytes")),
        ]
        for entry in entries
    ]
    return table("Start, memory and size of each contestant", heads, cells)
