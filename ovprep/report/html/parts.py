"""What the top of the page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def shortcomings(runs: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What ends the sentence on top where limits were missed or benchmarks interrupted, and the missed limits."""
    missed = [str(gate["explanation"]) for run in runs for gate in run.get("gates") or [] if not gate["passed"]]
    words = ["a limit is missed"] if missed else []
    words += ["the timing was interrupted"] if any(run.get("partial") for run in runs) else []
    return "".join(f"; {word}" for word in words), " ".join(missed)


def name_of(path: Any) -> str:
    """What a reader calls a model: the file, or the folder that `convert` wrote."""
    found = Path(str(path))
    return found.parent.name if found.name == "model.xml" and found.parent.name else found.name
