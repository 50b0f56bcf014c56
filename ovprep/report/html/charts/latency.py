"""How long an inference takes: the samples of each contestant, and the ratios that they come to."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovprep.report.html.charts.theme import ROW, Figure, Spec, described, figure, log_axis, named_rows, series
from ovprep.report.html.table import Cell, Table, finite, ms, number, table

_SAMPLES = 120
"""Points drawn for a contestant: with more, evenly spaced ones of the sorted samples stand for all."""
_GOLDEN = 0.618034
"""Multiples of it, less their whole part, fill a range evenly: a jitter without randomness."""
_LOG_FROM = 4.0
"""Latencies that differ by more than this factor need a log scale."""
ROLES = {
    "original": "theirs",
    "model": "fourth",
    "direct": "third",
    "carried": "fourth",
    "ovprep": "ours",
    "control": "muted",
}
"""The colour of each role, in the order that contestants are shown."""


def contestants_of(benchmark: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of the report, the original first, ovprep's after those that it is compared with."""
    order = list(ROLES)
    entries: list[Mapping[str, Any]] = list(benchmark.get("contestants") or [])
    return sorted(entries, key=lambda entry: order.index(entry["role"]) if entry["role"] in order else len(order))


def latency_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """A cloud of samples for each contestant with its median and interval."""
    entries = [entry for entry in contestants_of(benchmark) if finite(entry.get("median_ms"))]
    samples = [sample for entry in entries for sample in _samples(entry)]
    if not entries:
        return None
    throughput = benchmark.get("hint") == "throughput"
    what = "time per inference, many at a time" if throughput else "latency of one inference"
    return figure(
        "latency",
        "Time per inference" if throughput else "Distribution",
        f"Distribution of the {what} of each contestant: a point for the median of each block of calls, "
        "a bar for the median of all, the pale one for its 95% interval.",
        _spec(entries, samples, f"{what} (ms"),
        _table(contestants_of(benchmark)),
    )


def _samples(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = sorted(
        value
        for restart in entry.get("blocks_ms") or []
        for block in restart
        if (value := finite(block)) is not None and value > 0
    )
    step = max(1.0, len(blocks) / _SAMPLES)
    chosen = [blocks[int(index * step)] for index in range(int(len(blocks) / step))]
    return [
        {"row": _label(entry), "role": entry["role"], "ms": float(f"{value:.5g}"), "jitter": (index * _GOLDEN) % 1}
        for index, value in enumerate(chosen)
    ]


def _label(entry: Mapping[str, Any]) -> str:
    return str(entry["label"])


def _median(entry: Mapping[str, Any]) -> dict[str, Any]:
    median, low, high = (finite(entry.get(key)) for key in ("median_ms", "median_low_ms", "median_high_ms"))
    interval = f" (95% {ms(low).text} to {ms(high).text})" if low is not None and high is not None else ""
    return {
        "row": _label(entry),
        "role": entry["role"],
        "median": median,
        "low": low if low is not None else median,
        "high": high if high is not None else median,
        "text": f"{ms(median).text} ms",
        "tip": f"{_label(entry)}: median {ms(median).text} ms{interval}, p90 {ms(entry.get('p90_ms')).text} ms",
    }


def _spec(entries: Sequence[Mapping[str, Any]], samples: list[dict[str, Any]], title: str) -> Spec:
    medians = [_median(entry) for entry in entries]
    values = [point["ms"] for point in samples] + [float(entry["median"]) for entry in medians]
    logarithmic = max(values) > _LOG_FROM * min(values)
    scale: Spec = {"zero": False, "nice": True, "padding": 12}
    axis: Spec = {"format": "~g"}
    if logarithmic:
        low, high = min(values) / 1.2, max(values) * 1.3
        scale, axis = {"type": "log", "domain": [low, high], "nice": False}, log_axis(low, high)
    x = {
        "type": "quantitative",
        "title": f"{title}, log scale)" if logarithmic else f"{title})",
        "scale": scale,
        "axis": axis,
    }
    y = named_rows("row", [_label(entry) for entry in entries])
    colour = {**series("role", ROLES), "legend": None}
    offset = {"field": "jitter", "type": "quantitative", "scale": {"domain": [-0.6, 1.2]}}
    above = {"align": "left", "baseline": "bottom", "dx": 5, "dy": -7, "fontWeight": "bold"}
    return {
        "height": {"step": ROW + 18},
        "data": {"values": medians},
        "layer": [
            {
                "data": {"values": samples},
                "mark": {"type": "circle", "size": 18, "opacity": 0.6, "aria": False},
                "encoding": {"y": y, "x": {"field": "ms", **x}, "yOffset": offset, "color": colour},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.35},
                "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {"type": "tick", "thickness": 3, "height": 26},
                "encoding": {"y": y, "x": {"field": "median", **x}, "color": colour, "description": described()},
            },
            {
                "mark": {"type": "text", **above},
                "encoding": {"y": y, "x": {"field": "median", **x}, "text": {"field": "text"}},
            },
        ],
    }


def ratio_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """The ratio of each contestant's latency to that of ovprep's IR, with its 95% interval."""
    control = benchmark.get("control")
    pairs = [*(benchmark.get("pairs") or []), *([control] if control else [])]
    drawn = [pair for pair in pairs if all(finite(pair.get(key)) for key in ("ratio", "low", "high"))]
    if not drawn:
        return None
    roles = {_label(entry): entry["role"] for entry in contestants_of(benchmark)}
    points = [_ratio(pair, roles) for pair in drawn]
    baseline = str(drawn[0]["baseline"])
    return figure(
        "ratio",
        "Ratio",
        f"Latency of each contestant divided by that of {baseline}, with 95% intervals: right of 1, {baseline} is "
        "faster. Within the shaded range, 2% either way, two are called equal.",
        _ratio_spec(points, baseline),
        _ratio_table(pairs),
    )


def _ratio(pair: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    text = f"{pair['ratio']:.2f}×"
    return {
        "row": str(pair["contestant"]),
        "role": roles.get(str(pair["contestant"]), "control"),
        "ratio": pair["ratio"],
        "low": pair["low"],
        "high": pair["high"],
        "text": text,
        "tip": f"{pair['contestant']}: {text} (95% {pair['low']:.2f} to {pair['high']:.2f}), {pair['verdict']}",
    }


def _ratio_spec(points: list[dict[str, Any]], baseline: str) -> Spec:
    low = min(0.9, *(point["low"] / 1.05 for point in points))
    high = max(1.12, *(point["high"] * 1.25 for point in points))
    x = {
        "type": "quantitative",
        "title": f"latency ÷ latency of {baseline} (log scale)",
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": log_axis(low, high),
    }
    y = named_rows("row", [point["row"] for point in points])
    colour = {**series("role", ROLES), "legend": None}
    equal = {"values": [{"from": 0.98, "to": 1.02, "one": 1}]}
    return {
        "height": {"step": ROW + 6},
        "data": {"values": points},
        "layer": [
            {
                "data": equal,
                "mark": {"type": "rect", "color": "var(--allowed)", "aria": False},
                "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}},
            },
            {
                "data": equal,
                "mark": {"type": "rule", "color": "var(--good)"},
                "encoding": {"x": {"field": "one", **x}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 3},
                "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                "encoding": {"y": y, "x": {"field": "ratio", **x}, "color": colour, "description": described()},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": "bold"},
                "encoding": {"y": y, "x": {"field": "high", **x}, "text": {"field": "text"}},
            },
        ],
    }


def _ratio_table(pairs: Sequence[Mapping[str, Any]]) -> Table:
    heads = ["contestant", "against", "ratio", "low", "high", "rounds", "restarts", "the latter is"]
    cells: list[list[Cell | str | None]] = [
        [
            str(pair["contestant"]),
            str(pair["baseline"]),
            *(number(pair.get(key), ".3f") for key in ("ratio", "low", "high")),
            *(number(pair.get(key), ".0f") for key in ("rounds", "restarts")),
            str(pair["verdict"]),
        ]
        for pair in pairs
    ]
    return table("Ratios of latencies with 95% intervals", heads, cells)


def _table(entries: Sequence[Mapping[str, Any]]) -> Table:
    keys = [key for key in ("median_ms", "p90_ms", "p99_ms") if any(finite(entry.get(key)) for entry in entries)]
    heads = [
        "contestant",
        "runtime",
        "precision",
        *(f"{key.removesuffix('_ms')} (ms)" for key in keys),
        "calls",
        "remark",
    ]
    cells: list[list[Cell | str | None]] = [
        [
            _label(entry),
            entry.get("version") or entry.get("runtime"),
            entry.get("precision"),
            *(ms(entry.get(key)) for key in keys),
            number(entry.get("calls"), ",.0f"),
            entry.get("reason"),
        ]
        for entry in entries
    ]
    return table("Latency of each contestant", heads, cells)
