"""Where the time of the IR goes, op by op, and how much of the machine each op makes use of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ovprep.report.html.charts.theme import ROW, Figure, Spec, described, figure, log_axis, named_rows, series
from ovprep.report.html.table import Cell, Table, count, duration, finite, ms, number, size, table

_SHOWN = 16
"""Ops drawn one by one: those that take longest."""
_SHARES = {"share of the time": "ours", "share of the MACs": "theirs"}
Op = Mapping[str, Any]


def time_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """The share of each op in the time beside its share in the multiply-accumulates."""
    ops = _timed(benchmark)
    if not ops:
        return None
    shown, rest = ops[:_SHOWN], ops[_SHOWN:]
    whole = sum(op["ms"] for op in ops), sum(op.get("macs") or 0 for op in ops)
    bars = [bar for op in shown for bar in _shares(op["label"], [op], whole)]
    names = [op["label"] for op in shown]
    if rest:
        names.append(f"{len(rest)} others")
        bars += _shares(names[-1], rest, whole)
    x = {"field": "share", "type": "quantitative", "title": "share of the whole", "axis": {"format": ".0%"}}
    spec: Spec = {
        "height": {"step": ROW // 2 - 3},
        "data": {"values": bars},
        "encoding": {
            "y": {**named_rows("row", names), "scale": {"paddingInner": 0.3}},
            "yOffset": {"field": "what", "sort": list(_SHARES)},
            "x": {**x, "scale": {"domain": [0, 1.12 * max(bar["share"] for bar in bars)], "nice": False}},
        },
        "layer": [
            {"mark": {"type": "bar"}, "encoding": {"color": series("what", _SHARES), "description": described()}},
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": {"field": "text"}}},
        ],
    }
    text = (
        "Share of each op in the time of one inference, and in the multiply-accumulates (MACs), the ops that take "
        "longest first: an op with much time for few MACs waits for memory, or runs on a poor kernel."
    )
    return figure("ops", "Time per op", text, spec, _table(ops))


def _timed(benchmark: Mapping[str, Any]) -> list[Op]:
    """Ops that took time, the longest first, each under a name of its own."""
    ops = [op for op in benchmark.get("ops") or [] if finite(op.get("ms"))]
    names = _names(ops)
    return sorted(({**op, "label": name} for op, name in zip(ops, names, strict=True)), key=lambda op: -op["ms"])


def _names(ops: Sequence[Op]) -> list[str]:
    """The layer of the model where it has but one op, else the op as OpenVINO names it, numbered where taken."""
    layers = Counter(op.get("layer") for op in ops)
    wanted = [str(op["layer"] if op.get("layer") and layers[op["layer"]] == 1 else op["name"]) for op in ops]
    seen: Counter[str] = Counter()
    names = []
    for name in wanted:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _shares(row: str, ops: Sequence[Op], whole: tuple[float, float]) -> list[dict[str, Any]]:
    time, macs = sum(op["ms"] for op in ops), sum(op.get("macs") or 0 for op in ops)
    kinds = ", ".join(dict.fromkeys(str(op["type"]) for op in ops[:4]))
    tip = f"{row} ({kinds}): {duration(time)}, {count(macs).text} MACs"
    shares = (time / whole[0], macs / whole[1] if whole[1] else 0.0)
    texts = (duration(time), "")
    return [
        {"row": row, "what": what, "share": share, "tip": tip, "text": text}
        for what, share, text in zip(_SHARES, shares, texts, strict=True)
    ]


def roofline_chart(benchmark: Mapping[str, Any]) -> Figure | None:
    """Each op by its arithmetic intensity, under what the machine's arithmetic and its memory allow.

    Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009:
    at most min(peak, intensity * bandwidth).
    """
    machine = benchmark.get("machine")
    ops = [op for op in _timed(benchmark) if finite(op.get("macs")) and finite(op.get("bytes"))]
    if not machine or not ops or not finite(machine.get("f32_gflops")) or not finite(machine.get("bandwidth_gb_s")):
        return None
    points = [_point(op) for op in ops]
    share = finite(benchmark.get("model_roofline_share"))
    reached = f" The whole model reaches {share:.0%} of what the machine could do." if share is not None else ""
    left_out = len(benchmark.get("ops") or []) - len(ops)
    note = f"{left_out} without multiply-accumulates are not drawn." if left_out else ""
    return figure(
        "roofline",
        "Roofline",
        "Arithmetic of each op per second against its arithmetic per byte; an op on a line uses the machine fully, "
        f"the area of a point is the time that it takes.{reached}",
        _roofline_spec(points, machine),
        None,
        *([note] if note else []),
    )


def _point(op: Op) -> dict[str, Any]:
    flops = 2 * op["macs"]
    rate = finite(op.get("gflops")) or flops / op["ms"] / 1e6
    share = finite(op.get("roofline_share"))
    tip = f"{op['label']} ({op['type']}): {rate:.3g} GFLOP/s, {duration(op['ms'])}"
    return {
        "intensity": flops / op["bytes"],
        "rate": rate,
        "ms": op["ms"],
        "label": op["label"],
        "tip": tip if share is None else f"{tip}, {share:.0%} of what is possible",
    }


def _roofline_spec(points: list[dict[str, Any]], machine: Mapping[str, Any]) -> Spec:
    roofs = _roofs(machine)
    low = min(min(point["intensity"] for point in points), 1.0) / 2
    high = max(*(point["intensity"] for point in points), *(1.5 * peak / speed for peak, speed in roofs.values())) * 2
    lines = [
        {"roof": name, "intensity": at, "rate": min(peak, at * speed)}
        for name, (peak, speed) in roofs.items()
        for at in (low, peak / speed, high)
    ]
    bottom = min(min(point["rate"] for point in points), lines[0]["rate"]) / 2
    top = max(peak for peak, _ in roofs.values()) * 2
    x = {
        "field": "intensity",
        "type": "quantitative",
        "title": "arithmetic intensity (FLOP per byte, log scale)",
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": log_axis(low, high),
    }
    y = {
        "field": "rate",
        "type": "quantitative",
        "title": "GFLOP/s (log scale)",
        "scale": {"type": "log", "domain": [bottom, top], "nice": False},
        "axis": {**log_axis(bottom, top), "labelLimit": 60},
    }
    colours = dict(zip(roofs, ("theirs", "fourth", "third"), strict=False))
    return {
        "height": 300,
        "layer": [
            {
                "data": {"values": lines},
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "color": series("roof", colours)},
            },
            {
                "data": {"values": points},
                "mark": {"type": "point", "filled": True, "color": "var(--ours)", "opacity": 0.75},
                "encoding": {
                    "x": x,
                    "y": y,
                    "size": {
                        "field": "ms",
                        "type": "quantitative",
                        "scale": {"rangeMin": 40, "rangeMax": 500},
                        "legend": None,
                    },
                    "description": described(),
                },
            },
            {
                "data": {"values": points[:1]},
                "mark": {"type": "text", "baseline": "bottom", "dy": -14, "limit": 160},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}},
            },
        ],
    }


def _roofs(machine: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Peak (GFLOP/s) and bandwidth (GB/s) by name: at f32 from memory, from cache, and at the default precision."""
    peak, memory = float(machine["f32_gflops"]), float(machine["bandwidth_gb_s"])
    roofs = {f"f32: {peak:.0f} GFLOP/s, memory {memory:.0f} GB/s": (peak, memory)}
    cache, faster = finite(machine.get("cache_gb_s")), finite(machine.get("default_gflops"))
    precision = machine.get("default_precision")
    if cache is not None:
        roofs[f"f32 from the cache: {cache:.0f} GB/s"] = (peak, cache)
    if precision not in (None, "f32") and faster is not None:
        roofs[f"{precision}: {faster:.0f} GFLOP/s"] = (faster, memory)
    return roofs


def _table(ops: Sequence[Op]) -> Table:
    heads = ["op", "type", "layer", "kernel", "ms", "MACs", "bytes", "GFLOP/s", "of the roofline"]
    cells: list[list[Cell | str | None]] = [
        [
            str(op["name"]),
            str(op["type"]),
            op.get("layer"),
            op.get("kernel"),
            ms(op["ms"]),
            count(op.get("macs")),
            size(op.get("bytes")),
            number(op.get("gflops")),
            number(op.get("roofline_share"), ".0%"),
        ]
        for op in ops
    ]
    return table("Ops of the compiled IR", heads, cells)
