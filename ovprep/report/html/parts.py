"""What the top of the page is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["good", "fair", "bad"]


@dataclass(frozen=True)
class Verdict:
    """A sentence with what it rests on, and whether it is good news.

    "fair" where something was not found out, or did not get better.
    """

    tone: Tone
    sentence: str
    detail: str


@dataclass(frozen=True)
class Fact:
    """One number that sums up a part of the report."""

    name: str
    value: str
    remark: str


def times(ratio: float) -> str:
    """How many, with as many digits as a reader needs."""
    return f"{ratio:.0f} times" if ratio >= 20 else f"{ratio:.1f} times" if ratio >= 2 else f"{ratio:.2f} times"


def under(benchmark: Mapping[str, Any]) -> str:
    """The conditions of a benchmark that change its figures."""
    words = [] if benchmark.get("hint", "latency") == "latency" else [str(benchmark["hint"])]
    words += [f"batch {benchmark['batch']}"] if benchmark.get("batch") is not None else []
    threads = benchmark.get("threads")
    return ", ".join([*words, f"{threads} thread{'s' * (threads != 1)}"])
