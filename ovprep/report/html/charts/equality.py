"""How far the IR is from the original, signal by signal, against what is allowed."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovprep.report.html.charts.theme import ROW, Figure, Spec, described, figure, log_axis, named_rows, series
from ovprep.report.html.table import Cell, Table, error, finite, number, table

_SHOWN = 24
"""Rows of the chart: those that come closest to what is allowed."""
_COLOURS = ("ours", "third", "fourth", "theirs", "last", "first", "none")


def equality_chart(verification: Mapping[str, Any]) -> Figure | None:
    """Points for each comparison on a log scale, the allowed range behind them."""
    rows = verification.get("rows") or []
    drawn = [row for row in rows if finite(row.get("max_abs_error")) is not None]
    positive = [value for row in drawn for key in ("max_abs_error", "tolerance") if (value := finite(row.get(key)))]
    if not drawn or not positive:
        return None
    floor = min(positive) / 3
    several = len({row["output"] for row in drawn}) > 1
    points = [_point(row, floor, several) for row in drawn]
    names = _closest_first(points)
    shown = set(names[:_SHOWN])
    order = [name for name in dict.fromkeys(point["row"] for point in points) if name in shown]
    notes = []
    if len(names) > _SHOWN:
        notes.append(f"Of {len(names)} rows the {_SHOWN} that come closest to their tolerance are drawn.")
    if len(drawn) < len(rows):
        notes.append(f"{len(rows) - len(drawn)} comparisons are infinite or NaN and are in the table alone.")
    if any(point["error"] == floor for point in points):
        notes.append("Points at the left edge differ by nothing at all.")
    return figure(
        "equality",
        "Difference from the original",
        "Largest absolute difference of each output from the original's, by signal and precision, on a log scale; "
        "the shaded range is allowed at f32.",
        _spec([point for point in points if point["row"] in shown], order, floor),
        _table(rows),
        *notes,
    )


def _point(row: Mapping[str, Any], floor: float, several: bool) -> dict[str, Any]:
    name = f"{row['output']} · {row['signal']}" if several else str(row["signal"])
    allowed = finite(row.get("tolerance"))
    tip = f"{name}, {row['precision']}, batch {row.get('batch')}: differs by {error(row['max_abs_error']).text}"
    return {
        "row": name,
        "precision": row["precision"],
        "error": max(float(row["max_abs_error"]), floor),
        "tolerance": None if allowed is None else max(allowed, floor),
        "allowed": error(allowed).text,
        "floor": floor,
        "tip": tip if allowed is None else f"{tip}, allowed {error(allowed).text}",
    }


def _closest_first(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of rows, those first that use up most of what is allowed; rows without a tolerance by their error."""
    worst: dict[str, tuple[float, float]] = {}
    for point in points:
        used = point["error"] / point["tolerance"] if point["tolerance"] else 0.0
        worst[point["row"]] = max(worst.get(point["row"], (0.0, 0.0)), (used, point["error"]))
    return sorted(worst, key=lambda name: worst[name], reverse=True)


def _spec(points: list[dict[str, Any]], order: Sequence[str], floor: float) -> Spec:
    top = max(max(point["error"], point["tolerance"] or 0) for point in points) * 3
    x = {
        "type": "quantitative",
        "title": "largest absolute difference (log scale)",
        "scale": {"type": "log", "domain": [floor, top], "nice": False},
        "axis": log_axis(floor, top, ".0e"),
    }
    y = named_rows("row", order)
    precisions = list(dict.fromkeys(point["precision"] for point in points))
    allowed = _allowed(points)
    return {
        "height": {"step": ROW},
        "data": {"values": points},
        "layer": [
            {
                "data": {"values": allowed},
                "mark": {"type": "bar", "color": "var(--allowed)", "height": {"band": 0.72}},
                "encoding": {
                    "y": y,
                    "x": {"field": "floor", **x},
                    "x2": {"field": "tolerance"},
                    "description": described(),
                },
            },
            {
                "data": {"values": allowed},
                "mark": {
                    "type": "tick",
                    "color": "var(--good)",
                    "thickness": 2,
                    "height": {"band": 0.72},
                    "aria": False,
                },
                "encoding": {"y": y, "x": {"field": "tolerance", **x}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 75, "opacity": 0.8},
                "encoding": {
                    "y": y,
                    "x": {"field": "error", **x},
                    "color": series("precision", dict(zip(precisions, _COLOURS, strict=False))),
                    "shape": {"field": "precision", "type": "nominal", "scale": {"domain": precisions}},
                    "description": described(),
                },
            },
        ],
    }


def _allowed(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The smallest tolerance of each row: those of batches and shapes are all but the same."""
    least: dict[str, dict[str, Any]] = {}
    for point in points:
        known = least.get(point["row"])
        if point["tolerance"] is not None and (known is None or point["tolerance"] < known["tolerance"]):
            tip = f"{point['row']}: {point['allowed']} is allowed at f32"
            least[point["row"]] = {**{key: point[key] for key in ("row", "floor", "tolerance")}, "tip": tip}
    return list(least.values())


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    heads = [
        "signal",
        "precision",
        "output",
        "batch",
        "shapes",
        "largest difference",
        "allowed",
        "mean",
        "scale",
        "1 − cosine",
        "verdict",
    ]
    cells: list[list[Cell | str | None]] = [
        [
            str(row["signal"]),
            str(row["precision"]),
            str(row["output"]),
            number(row.get("batch"), ".0f"),
            str(row.get("shapes") or ""),
            error(row["max_abs_error"]),
            error(row.get("tolerance")),
            error(row.get("mean_abs_error")),
            number(row.get("scale")),
            _angle(row.get("cosine")),
            _judged(row.get("passed")),
        ]
        for row in rows
    ]
    return table("Every comparison with the original", heads, cells)


def precisions_table(verification: Mapping[str, Any]) -> Table | None:
    """One line for each precision, with a verdict in words."""
    found = verification.get("precisions") or []
    heads = [
        "precision",
        "largest difference",
        "in units of the output's scale",
        "1 − cosine",
        "decisions flipped",
        "verdict",
    ]
    cells: list[list[Cell | str | None]] = [
        [
            str(one["precision"]),
            error(one["max_abs_error"]),
            error(one["max_rel_error"]),
            _angle(one.get("cosine")),
            number(one.get("argmax_flips"), ".0f"),
            str(one.get("verdict") or ""),
        ]
        for one in found
    ]
    return table("Precisions side by side", heads, cells) if cells else None


def _angle(cosine: Any) -> Cell:
    """How far a cosine is from 1: all that a reader can see of one that is close to it."""
    found = finite(cosine)
    return Cell("") if found is None else error(max(0.0, 1 - found))


def _judged(passed: Any) -> str:
    return "for information" if passed is None else "equal" if passed else "not equal"
