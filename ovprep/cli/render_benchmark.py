"""`ovprep benchmark`, for people and for pull requests."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from ovprep.bench.against import Against
from ovprep.bench.results import Benchmark, Measurement, Pair
from ovprep.cli.tables import columns
from ovprep.report.benched import Benchmarked

if TYPE_CHECKING:
    from rich.console import Console

MOST_LINES = 15
_HEAD = ("", "runtime", "precision", "median ms", "95% interval", "p90 ms", "ratio", "95% interval", "")


def render_benchmark(console: "Console", found: Benchmarked, output: Path | None) -> None:
    """At most 15 lines: the verdict, then the figures, then what a reader must know."""
    for line in lines_of(found, output):
        console.print(escape(line), soft_wrap=True)


def lines_of(found: Benchmarked, output: Path | None) -> list[str]:
    """The text; of what does not fit, a line says where it is."""
    top = [_title(found)]
    for one in found.benchmarks:
        top += _table(one) if len(found.benchmarks) == 1 else _short(one)
    if found.against is not None:
        top += _changes(found.against)
    top += [gate.explanation for gate in found.gates if not gate.passed]
    notes = [*_reasons(found), *_notes(found), *found.warnings]
    last = [f"Report in {output}"] if output is not None else []
    room = MOST_LINES - len(top) - len(last)
    if len(notes) > room:
        kept = max(room - 1, 0)
        notes = [*notes[:kept], f"… and {len(notes) - kept} more remarks: see --json or --output."]
    if len(top) + len(notes) + len(last) > MOST_LINES:
        cut = MOST_LINES - len(notes) - len(last)
        top = [*top[: cut - 1], f"… and {len(top) - cut + 1} more lines: see --json, --output or --markdown."]
    return [*top, *notes, *last]


def markdown_of(found: Benchmarked) -> str:
    """Tables that a pull request can carry, one for each of the conditions, and what a reader must know."""
    parts = [f"**{_title(found)}**"]
    for one in found.benchmarks:
        parts += [_markdown_table(one), f"<sub>{_conditions(one)}. {one.environment.cpu}, {_versions(one)}.</sub>"]
    points = _notes(found)
    points += [] if found.against is None else _changes(found.against)
    points += [f"{'kept' if gate.passed else '**missed**'}: {gate.explanation}" for gate in found.gates]
    points += _reasons(found)
    return "\n\n".join([*parts, "\n".join(f"- {point}" for point in points)]).rstrip() + "\n"


def _markdown_table(found: Benchmark) -> str:
    pairs = {pair.contestant: pair for pair in found.pairs}
    head = ("model", "runtime", "precision", "median ms", "p90 ms", "time ÷ first", "memory", "size")
    rows: list[tuple[str, ...]] = [head, ("---",) * 3 + ("---:",) * 5]
    rows += [_markdown_row(entry, pairs.get(entry.label)) for entry in _shown(found)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _title(found: Benchmarked) -> str:
    """The verdict in one line, under the first of the conditions."""
    first = found.benchmark
    partial = " (interrupted: partial)" if found.partial else ""
    told = [_verdict(pair) for pair in first.pairs if pair.ratio is not None]
    where = f" ({_setting(first)})" if len(found.benchmarks) > 1 else ""
    if told:
        return "; ".join(told) + where + partial
    baseline = first.contestants[0]
    if baseline.median_ms is None:
        return f"{baseline.label} could not be timed{where}{partial}"
    return f"{baseline.label} takes {baseline.median_ms:.3f} ms{where}{partial}"


def _verdict(pair: Pair) -> str:
    """What the contestant is, seen from the baseline; a pair's own verdict is the other way round."""
    assert pair.ratio is not None
    if pair.verdict == "faster":
        return f"{pair.contestant} is {pair.ratio:.2f}x slower than {pair.baseline}"
    if pair.verdict == "slower":
        return f"{pair.contestant} is {1 / pair.ratio:.2f}x faster than {pair.baseline}"
    if pair.verdict == "cannot tell":
        return f"cannot tell {pair.contestant} from {pair.baseline}"
    return f"{pair.contestant} and {pair.baseline} are {pair.verdict}"


def _table(found: Benchmark) -> Iterator[str]:
    pairs = {pair.contestant: pair for pair in found.pairs}
    yield from columns([_HEAD, *(_row(entry, pairs.get(entry.label)) for entry in _shown(found))], right=(3, 5, 6))
    yield _conditions(found)
    if found.model_roofline_share is not None and found.machine is not None:
        yield (
            f"{found.ops_of}: {found.model_roofline_share:.0%} of what this machine can do "
            f"({found.machine.f32_gflops:.0f} GFLOP/s at f32, measured)"
        )


def _short(found: Benchmark) -> Iterator[str]:
    """One line for each of several conditions."""
    pairs = {pair.contestant: pair for pair in found.pairs}
    parts = []
    for entry in _shown(found):
        pair = pairs.get(entry.label)
        ratio = f" ({_interval(pair.low, pair.high, pair.ratio)})" if pair is not None and pair.ratio else ""
        parts.append(f"{entry.label} {_ms(entry.median_ms)} ms{ratio}")
    yield f"{_setting(found)}: " + "; ".join(parts)


def _shown(found: Benchmark) -> list[Measurement]:
    return [entry for entry in found.contestants if entry.role != "control"]


def _row(entry: Measurement, pair: Pair | None) -> tuple[str, ...]:
    return (
        entry.label,
        _runtime(entry),
        entry.precision or "",
        _ms(entry.median_ms),
        _interval(entry.median_low_ms, entry.median_high_ms),
        "" if entry.p90_ms is None else f"{entry.p90_ms:.3f}",
        "" if pair is None or pair.ratio is None else f"{pair.ratio:.2f}",
        "" if pair is None else _interval(pair.low, pair.high),
        "" if pair is None or pair.ratio is None else _seen(pair),
    )


def _seen(pair: Pair) -> str:
    return {"faster": "slower", "slower": "faster"}.get(pair.verdict, pair.verdict)


def _markdown_row(entry: Measurement, pair: Pair | None) -> tuple[str, ...]:
    ratio = "1" if pair is None else "failed"
    if pair is not None and pair.ratio is not None:
        ratio = f"{pair.ratio:.2f} ({_interval(pair.low, pair.high)}), {_seen(pair)}"
    return (
        entry.label,
        _runtime(entry),
        entry.precision or "",
        f"{_ms(entry.median_ms)} ({_interval(entry.median_low_ms, entry.median_high_ms)})",
        "" if entry.p90_ms is None else f"{entry.p90_ms:.3f}",
        ratio,
        "" if entry.peak_rss_mib is None else f"{entry.peak_rss_mib:.0f} MiB",
        "" if entry.size_bytes is None else f"{entry.size_bytes / 2**10:.0f} KiB",
    )


def _runtime(entry: Measurement) -> str:
    return entry.version or entry.runtime


def _interval(low: float | None, high: float | None, ratio: float | None = None) -> str:
    if low is None or high is None:
        return ""
    digits = 3 if high < 1 else 2
    middle = "" if ratio is None else f"{ratio:.2f}, "
    return f"{middle}{low:.{digits}f} to {high:.{digits}f}"


def _ms(value: float | None) -> str:
    return "failed" if value is None else f"{value:.3f}"


def _conditions(found: Benchmark) -> str:
    batch = "" if found.batch is None else f", batch {found.batch}"
    control = found.control
    held = ""
    if control is not None and control.low is not None and control.high is not None:
        held = f"; the first against itself {control.low:.2f} to {control.high:.2f}"
    unit = "one inference at a time" if found.hint == "latency" else "time divided by inferences"
    spent = f"{found.seconds:.0f} s in {found.restarts} restarts"
    return f"{found.hint} ({unit}), {found.threads} threads{batch}, {spent}{held}"


def _versions(found: Benchmark) -> str:
    versions = found.environment.versions
    return ", ".join(
        f"{name} {versions[name]}" for name in ("openvino", "onnxruntime", "tensorflow") if name in versions
    )


def _changes(against: Against) -> Iterator[str]:
    for change in against.changes:
        if change.ratio is None:
            yield f"{change.contestant}: not measured both times"
            continue
        interval = _interval(change.low, change.high)
        known = f" ({interval})" if interval else ""
        yield (
            f"{change.contestant}: {change.then_ms:.3f} ms then, {change.now_ms:.3f} ms now, then ÷ now "
            f"{change.ratio:.2f}{known}: {change.verdict}"
        )
    yield f"Since then: {'; '.join(against.circumstances) or 'nothing changed around it'}."


def _notes(found: Benchmarked) -> list[str]:
    """Each once, with the conditions that it holds under where there are several."""
    if len(found.benchmarks) == 1:
        return list(found.benchmark.notes)
    seen: dict[str, list[str]] = {}
    for one in found.benchmarks:
        for note in one.notes:
            seen.setdefault(note, []).append(_setting(one))
    return [f"{' and '.join(settings)}: {note}" for note, settings in seen.items()]


def _setting(found: Benchmark) -> str:
    batch = "" if found.batch is None else f", batch {found.batch}"
    return f"{found.hint}, {found.threads} threads{batch}"


def _reasons(found: Benchmarked) -> list[str]:
    rows: Sequence[Measurement] = [entry for one in found.benchmarks for entry in one.contestants]
    return list(dict.fromkeys(f"{entry.label}: {entry.reason}" for entry in rows if entry.reason))
