"""The line on top, and the numbers beside it, of models that were timed or held against each other."""

from collections.abc import Mapping
from typing import Any

from ovprep.report.html.parts import Fact, Tone, Verdict, name_of, shortcomings, times, under
from ovprep.report.html.table import finite, ms

Report = Mapping[str, Any]

_MOST_PAIRS = 3
"""Ratios that the line on top holds."""
_MOST_FACTS = 8


def timed_verdict(report: Report) -> Verdict:
    """What each model is to the first of them, under the first of the conditions; "bad" where a limit is not met."""
    runs = [report["benchmark"], *(report.get("further") or [])]
    first = runs[0]
    pairs = first.get("pairs") or []
    told = [pair for pair in pairs if _is_told(pair)]
    failed = [entry for run in runs for entry in run["contestants"] if entry.get("reason")]
    but, missed = shortcomings(runs)
    unsure = failed or any(pair["verdict"] == "cannot tell" for pair in pairs)
    tone: Tone = "bad" if missed else "fair" if unsure or any(run.get("partial") for run in runs) else "good"
    sentence = f"{_sentence(told) if told else _alone(first['contestants'][0])}{but}."
    detail = [f"95% interval of the ratio: {_interval(told[0])}"] if len(told) == 1 else []
    further = len(runs) - 1
    more = [f"{further} more condition{'s' * (further > 1)} below"] if further else []
    return Verdict(tone, sentence, " ".join(filter(None, [missed, "; ".join([*detail, under(first), *more])])))


def _is_told(pair: Report) -> bool:
    return all(finite(pair.get(key)) for key in ("ratio", "low", "high"))


def _sentence(told: list[Report]) -> str:
    shown = told if len(told) <= _MOST_PAIRS else [min(told, key=lambda pair: pair["ratio"])]
    more = f"; {len(told) - 1} more are compared below" if len(shown) < len(told) else ""
    text = "; ".join(map(_in_words, shown))
    return f"{text}{more}"


def _in_words(pair: Report) -> str:
    """The contestant as the baseline sees it; the report has the latency of the one divided by that of the other."""
    name, first, ratio = pair["contestant"], pair["baseline"], float(pair["ratio"])
    match pair["verdict"]:
        case "slower":
            return f"{name} is {times(1 / ratio)} as fast as {first}"
        case "faster":
            return f"{name} takes {times(ratio)} as long as {first}"
        case "cannot tell":
            return f"{name} and {first} cannot be told apart"
        case _:
            return f"{name} is as fast as {first} within 2%"


def _interval(pair: Report) -> str:
    """Of the ratio that the sentence has."""
    low, high = float(pair["low"]), float(pair["high"])
    return f"{1 / high:.2f} to {1 / low:.2f}" if pair["verdict"] != "faster" else f"{low:.2f} to {high:.2f}"


def _alone(entry: Report) -> str:
    if finite(entry.get("median_ms")) is None:
        return f"{entry['label']} could not be timed"
    return f"{entry['label']} takes {ms(entry['median_ms']).text} ms"


def timed_facts(report: Report) -> list[Fact]:
    """The median of each model under the first of the conditions."""
    first = report["benchmark"]
    ratios = {pair["contestant"]: float(pair["ratio"]) for pair in first.get("pairs") or [] if _is_told(pair)}
    entries = [entry for entry in first["contestants"] if entry["role"] != "control"]
    return [_fact(entry, ratios) for entry in entries[:_MOST_FACTS]]


def _fact(entry: Report, ratios: Mapping[str, float]) -> Fact:
    label = str(entry["label"])
    if finite(entry.get("median_ms")) is None:
        return Fact(label, "–", "not timed")
    remark = f"{1 / ratios[label]:.2f} × as fast" if label in ratios else str(entry.get("precision") or "")
    return Fact(label, f"{ms(entry['median_ms']).text} ms", remark)


def equality_verdict(report: Report) -> Verdict:
    """Whether two models are the same; where a certificate was run again, whether it holds."""
    original, candidate = (name_of(report[side]["path"]) for side in ("source", "candidate"))
    passed = bool(report["verification"].get("passed"))
    again = report.get("reproduction")
    sentence = f"{candidate} is {'' if passed else 'not '}equal to {original}"
    tone: Tone = "good" if passed else "bad"
    if again:
        sentence += (
            ", and the certificate is reproduced" if again["reproduced"] else "; the certificate is not reproduced"
        )
        tone = tone if again["reproduced"] or not passed else "fair"
    return Verdict(tone, f"{sentence}.", _first_difference(report["verification"]))


def _first_difference(verification: Report) -> str:
    """The op that differs first, in words; empty where none is known."""
    located = verification.get("located")
    if not located:
        return ""
    origin = f", {located['origin']} of the file" if located.get("origin") else ""
    return f"The first op that differs is {located['op']} ({located['op_type']}{origin})"
