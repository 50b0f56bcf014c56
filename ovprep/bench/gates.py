"""Limits that a pipeline asks for: nothing passes that only may be within them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ovprep.bench.against import Change
from ovprep.bench.results import Benchmark, Gate, Measurement, Pair
from ovprep.errors import OptionError

_MIB = 1.048576  # MB


@dataclass(frozen=True)
class Limits:
    """What is asked for; None for no limit.

    fail_if_slower  a model must be so many times as fast as what it is compared with, at the lower end of the interval:
                    the result of `convert` against the original, each model of a benchmark against the first, a single
                    one against its earlier run
    max_latency_ms  the median must be within it, at the upper end of its interval; no limit for throughput
    max_memory_mb   peak resident memory of the process must be within it, in millions of bytes, the Python interpreter
                    included

    Raises OptionError for a limit that is not positive.
    """

    fail_if_slower: float | None = None
    max_latency_ms: float | None = None
    max_memory_mb: float | None = None

    def __post_init__(self) -> None:
        for name in ("fail_if_slower", "max_latency_ms", "max_memory_mb"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < float("inf"):
                raise OptionError(f"--{name.replace('_', '-')} {limit:g} is no limit; give a positive number.")

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return any(limit is not None for limit in (self.fail_if_slower, self.max_latency_ms, self.max_memory_mb))


def judged(found: Benchmark, limits: Limits, changes: Sequence[Change] = ()) -> Benchmark:
    """The benchmark with its gates; `changes` are those against an earlier run."""
    return replace(found, gates=tuple(_gates(found, limits, changes)))


def _gates(found: Benchmark, limits: Limits, changes: Sequence[Change]) -> Iterator[Gate]:
    if limits.fail_if_slower is not None:
        yield from _speed(found, limits.fail_if_slower, changes)
    for entry in _subjects(found):
        if limits.max_latency_ms is not None and found.hint == "latency":
            yield _latency(entry, limits.max_latency_ms)
        if limits.max_memory_mb is not None:
            yield _memory(entry, limits.max_memory_mb)


def _subjects(found: Benchmark) -> list[Measurement]:
    """Those that limits are for: the IR of a conversion, else all models but the first, else that one."""
    baseline, *others = found.contestants
    if any(entry.role == "original" for entry in others):
        return [baseline]
    return [entry for entry in others if _is_candidate(entry)] or [baseline]


def _is_candidate(entry: Measurement) -> bool:
    """What a user would deploy: no control, no rival made for comparison, no other precision besides f32."""
    return entry.role in ("model", "ovprep") and entry.precision in ("f32", None)


def _speed(found: Benchmark, limit: float, changes: Sequence[Change]) -> Iterator[Gate]:
    roles = {entry.label: entry for entry in found.contestants}
    original = [pair for pair in found.pairs if roles[pair.contestant].role == "original"]
    candidates = [pair for pair in found.pairs if _is_candidate(roles[pair.contestant])]
    for pair in original:
        yield _ratio(pair.baseline, pair.contestant, pair.low, limit)
    for pair in candidates if not original else ():
        yield _ratio(pair.contestant, pair.baseline, _inverse(pair), limit)
    if not original and not candidates:
        yield from _against_itself(found.contestants[0], limit, changes)


def _against_itself(baseline: Measurement, limit: float, changes: Sequence[Change]) -> Iterator[Gate]:
    """Each model against its earlier run; where there is none, the limit is missed."""
    for change in changes:
        yield _ratio(change.contestant, "its earlier run", change.low, limit)
    if not changes:
        yield _ratio(baseline.label, "another model", None, limit)


def _inverse(pair: Pair) -> float | None:
    return None if pair.high is None else 1 / pair.high


def _ratio(subject: str, rival: str, low: float | None, limit: float) -> Gate:
    passed = low is not None and low >= limit
    seen = "could not be compared with it" if low is None else f"is at least {low:.3f} times as fast (95%)"
    text = f"{subject} must be {limit:g} times as fast as {rival}: it {seen}."
    return Gate("fail-if-slower", subject, limit, low, passed, text)


def _latency(entry: Measurement, limit: float) -> Gate:
    found = entry.median_ms if entry.median_high_ms is None else entry.median_high_ms
    passed = found is not None and found <= limit
    seen = "was not measured" if found is None else f"is up to {found:.3f} ms (95%)"
    return Gate(
        "max-latency-ms",
        entry.label,
        limit,
        found,
        passed,
        f"The median latency of {entry.label} must be within {limit:g} ms: it {seen}.",
    )


def _memory(entry: Measurement, limit: float) -> Gate:
    found = None if entry.peak_rss_mib is None else entry.peak_rss_mib * _MIB
    passed = found is not None and found <= limit
    seen = "was not measured" if found is None else f"is {found:.0f} MB"
    return Gate(
        "max-memory-mb",
        entry.label,
        limit,
        found,
        passed,
        f"The peak memory of the process with {entry.label} must be within {limit:g} MB: it {seen}.",
    )
