"""The report in one line, and in a few numbers; of a conversion, unless `compared` knows better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ovprep.report.html.compared import equality_verdict, timed_facts, timed_verdict
from ovprep.report.html.parts import Fact, Tone, Verdict, shortcomings, times, under
from ovprep.report.html.table import error, finite, ms, size
from ovprep.report.kinds import kind_of

TINY = 1e-300
"""What a tolerance of zero counts as."""
Report = Mapping[str, Any]


@dataclass(frozen=True)
class _Speed:
    """The second half of the sentence."""

    tone: Tone
    words: str
    detail: str = ""


def verdict_of(report: Report) -> Verdict:
    """Whether the IR is equal to the original, and how much faster than what; "bad" too where a limit is not met."""
    match kind_of(report):
        case "benchmark":
            return timed_verdict(report)
        case "verification":
            return equality_verdict(report)
    equality, equal = _equality(report.get("verification"))
    benchmark = report.get("benchmark") or {}
    speed = _speed(benchmark)
    but, missed = shortcomings([benchmark])
    good = equality == speed.tone == "good" and not but
    tone: Tone = "bad" if missed or equality == "bad" else "good" if good else "fair"
    detail = f"{speed.detail}; {under(benchmark)}" if speed.detail else ""
    return Verdict(tone, f"{equal}{speed.words}{but}.", " ".join(filter(None, [missed, detail])))


def _equality(verification: Report | None) -> tuple[Tone, str]:
    if not verification:
        return "fair", "Not checked against the original"
    if verification.get("passed"):
        return "good", "Equal to the original"
    return "bad", "Not equal to the original"


def _speed(benchmark: Report) -> _Speed:
    if not benchmark:
        return _Speed("fair", "; not timed")
    entries = {entry["label"]: entry for entry in benchmark.get("contestants") or []}
    pairs = {
        entries[pair["contestant"]]["role"]: pair
        for pair in benchmark.get("pairs") or []
        if pair["contestant"] in entries and all(finite(pair.get(key)) for key in ("ratio", "low", "high"))
    }
    against = next((role for role in ("original", "direct") if role in pairs), None)
    if against is None:
        return _Speed("fair", f"; its speed is not known: {_why_not(benchmark)}")
    pair = pairs[against]
    entry = entries[pair["contestant"]]
    opponent = "OpenVINO's direct conversion" if against == "direct" else str(entry.get("version") or "the original")
    return _compared(pair, opponent)


def _compared(pair: Report, opponent: str) -> _Speed:
    ratio, low, high = (float(pair[key]) for key in ("ratio", "low", "high"))
    interval = f"95% interval of the ratio: {low:.2f} to {high:.2f}"
    match pair["verdict"]:
        case "faster":
            return _Speed("good", f", and {times(ratio)} as fast as {opponent}", interval)
        case "slower":
            turned = f"95% interval of the ratio: {1 / high:.2f} to {1 / low:.2f}"
            return _Speed("fair", f", but slower: it takes {times(1 / ratio)} as long as {opponent}", turned)
        case "cannot tell":
            return _Speed("fair", f"; whether it is faster than {opponent} cannot be told", interval)
        case _:
            return _Speed("good", f", and as fast as {opponent} within 2%", interval)


def _why_not(benchmark: Report) -> str:
    reasons = [entry.get("reason") for entry in benchmark.get("contestants") or [] if entry.get("reason")]
    return str(reasons[0]).rstrip(".") if reasons else "nothing to compare with was measured"


def facts_of(report: Report) -> list[Fact]:
    """Latency, error, Transposes, size and memory, as far as they are known; of models that were timed, each median."""
    if kind_of(report) == "benchmark":
        return timed_facts(report)
    found = [*_latency(report), *_error(report), *_transposes(report), *_files(report), *_memory(report)]
    return [fact for fact in found if fact.value]


def _ours(report: Report) -> Mapping[str, Any]:
    entries = (report.get("benchmark") or {}).get("contestants") or []
    return next((entry for entry in entries if entry["role"] == "ovprep"), {})


def _original(report: Report) -> Mapping[str, Any]:
    entries = (report.get("benchmark") or {}).get("contestants") or []
    return next((entry for entry in entries if entry["role"] == "original"), {})


def _latency(report: Report) -> list[Fact]:
    ours, theirs = finite(_ours(report).get("median_ms")), finite(_original(report).get("median_ms"))
    if ours is None:
        return []
    return [Fact("Latency", f"{ms(ours).text} ms", f"original {ms(theirs).text} ms" if theirs else "")]


def _error(report: Report) -> list[Fact]:
    rows = [row for row in (report.get("verification") or {}).get("rows") or [] if row.get("tolerance") is not None]
    if not rows:
        return []

    def used(row: Report) -> float:
        found = finite(row["max_abs_error"])
        return float("inf") if found is None else found / (row["tolerance"] or TINY)

    worst = max(rows, key=used)
    return [Fact("Largest difference", error(worst["max_abs_error"]).text, f"allowed {error(worst['tolerance']).text}")]


def _transposes(report: Report) -> list[Fact]:
    layout = (report.get("normalization") or {}).get("layout")
    if not layout:
        return []
    moved = size(layout.get("bytes_after")).text
    return [Fact("Transposes", f"{layout['transposes_before']} → {layout['transposes_after']}", f"{moved} moved")]


def _files(report: Report) -> list[Fact]:
    artifacts = report.get("artifacts") or []
    whole = sum(file["bytes"] for file in artifacts)
    theirs = size(_original(report).get("size_bytes")).text
    return [Fact("On disk", size(whole).text, f"original {theirs}" if theirs else "")] if artifacts else []


def _memory(report: Report) -> list[Fact]:
    ours, theirs = (finite(entry.get("peak_rss_mib")) for entry in (_ours(report), _original(report)))
    if ours is None:
        return []
    return [Fact("Peak memory", f"{ours:.0f} MiB", f"original {theirs:.0f} MiB" if theirs else "")]
