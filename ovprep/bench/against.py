"""A benchmark beside an earlier one, from the report that that left: what changed, in figures and around them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ovprep.bench.results import Benchmark, Measurement
from ovprep.bench.statistics import EQUAL, Verdict
from ovprep.errors import OptionError

Earlier = Mapping[str, Any]
"""What a report holds under "benchmark"."""


@dataclass(frozen=True)
class Change:
    """One contestant then and now, medians in ms. `ratio` is then divided by now: above 1, it is faster now.

    The interval is that of the quotient of both medians' intervals, which is wider than need be: runs at two times
    share nothing that would cancel. None where one of them was not measured, or not under the same conditions.
    """

    contestant: str
    then_ms: float | None
    now_ms: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Against:
    """Changes against an earlier run, and in sentences what else is not as it was then."""

    changes: tuple[Change, ...]
    circumstances: tuple[str, ...]


def require_comparable(models: Sequence[tuple[str, str]], report: Earlier) -> None:
    """Raises OptionError, before anything is measured, where a report has no benchmark, or one of none of these models.

    `models` are labels with roles.
    """
    then = [entry for found in _benchmarks(report) for entry in found["contestants"] if entry["role"] != "control"]
    labels, roles = ({entry[key] for entry in then} for key in ("label", "role"))
    if not any(label in labels or role in roles - {"model"} for label, role in models):
        names = ", ".join(dict.fromkeys(str(entry["label"]) for entry in then))
        raise OptionError(f"The earlier report times none of these models, but {names or 'nothing at all'}.")


def compare(found: Benchmark, report: Earlier) -> Against:
    """Holds a benchmark against that of a report under the same conditions, else against its first.

    Raises OptionError where the report has no benchmark.
    """
    all_of_it = _benchmarks(report)
    earlier = next((one for one in all_of_it if _conditions_of(one) == _conditions(found)), all_of_it[0])
    comparable = _conditions(found) == _conditions_of(earlier) and found.environment.cpu == _environment(earlier, "cpu")
    then = [entry for entry in earlier["contestants"] if entry["role"] != "control"]
    changes = []
    for entry in found.contestants:
        before = _same(entry, then)
        if before is not None and entry.role != "control":
            changes.append(_change(entry, before, comparable=comparable))
    circumstances = [] if changes else ["none of these models was timed then"]
    return Against(tuple(changes), (*circumstances, *_circumstances(found, earlier)))


def _benchmarks(report: Earlier) -> list[Earlier]:
    """Those of a report, which may have been written by anything, with all that is read of them."""
    with suppress(KeyError, TypeError, AttributeError):
        found = [report["benchmark"], *report.get("further", [])]
        if found[0] is None:
            raise OptionError("The earlier report has no benchmark, since it was made with --no-benchmark.")
        read = {"label", "role", "precision", "median_ms"}
        if all(_conditions_of(one) and all(read <= set(entry) for entry in one["contestants"]) for one in found):
            return found
    raise OptionError("The earlier report is none of ovprep, or of another version: it has no benchmark.")


def _conditions(found: Benchmark) -> dict[str, Any]:
    return {"hint": found.hint, "threads": found.threads, "batch": found.batch}


def _conditions_of(earlier: Earlier) -> dict[str, Any]:
    return {"hint": earlier.get("hint", "latency"), "threads": earlier["threads"], "batch": earlier["batch"]}


def _environment(earlier: Earlier, key: str) -> Any:
    return earlier.get("environment", {}).get(key)


def _same(entry: Measurement, then: Sequence[Earlier]) -> Earlier | None:
    """By label; or by what it is, so that a folder is found in the report that `convert` wrote into it."""
    for before in then:
        if before["label"] == entry.label:
            return before
    alike = [one for one in then if (one["role"], one["precision"]) == (entry.role, entry.precision)]
    return alike[0] if len(alike) == 1 and entry.role != "model" else None


def _change(entry: Measurement, before: Earlier, *, comparable: bool) -> Change:
    then_ms, now_ms = before["median_ms"], entry.median_ms
    if then_ms is None or now_ms is None:
        return Change(entry.label, then_ms, now_ms, None, None, None, "cannot tell")
    ends = (before.get("median_low_ms"), before.get("median_high_ms"), entry.median_low_ms, entry.median_high_ms)
    if not comparable or any(end is None for end in ends):
        return Change(entry.label, then_ms, now_ms, then_ms / now_ms, None, None, "cannot tell")
    then_low, then_high, now_low, now_high = map(float, ends)  # type: ignore[arg-type]  # none of them is None
    low, high = then_low / now_high, then_high / now_low
    return Change(entry.label, then_ms, now_ms, then_ms / now_ms, low, high, _verdict(low, high))


def _verdict(low: float, high: float) -> Verdict:
    """What it is now."""
    if low >= 1 / (1 + EQUAL) and high <= 1 + EQUAL:
        return "equal within 2%"
    if low > 1 + EQUAL:
        return "faster"
    return "slower" if high < 1 / (1 + EQUAL) else "cannot tell"


def _circumstances(found: Benchmark, earlier: Earlier) -> Iterator[str]:
    for name, value in _conditions(found).items():
        before = _conditions_of(earlier)[name]
        if before != value:
            yield f"{name}: {before} then, {value} now, so that nothing follows from the figures"
    here = found.environment
    if (cpu := _environment(earlier, "cpu")) != here.cpu:
        yield f"another CPU: {cpu} then, {here.cpu} now, so that nothing follows from the figures"
    for name, value in (("cores", here.cores), ("quota", here.quota), ("system", here.system)):
        if (before := _environment(earlier, name)) != value:
            yield f"{name}: {before} then, {value} now"
    versions = _environment(earlier, "versions") or {}
    for package in sorted({*versions, *here.versions}):
        before, now = versions.get(package), here.versions.get(package)
        if before != now:
            yield f"{package} {before or 'absent'} then, {now or 'absent'} now"
    yield from _clock(found, earlier)


def _clock(found: Benchmark, earlier: Earlier) -> Iterator[str]:
    then, now = (earlier.get("clock") or {}).get("spin_us"), found.clock.spin_us
    if then and now and abs(then / now - 1) > EQUAL:
        slower = now > then
        change = max(then / now, now / then) - 1
        yield f"the clock is {change:.0%} {'slower' if slower else 'faster'} than then (a kernel of fixed work tells)"
