"""What a reader is told of the circumstances."""

from dataclasses import replace

import pytest

from ovprep.bench import conditions
from ovprep.bench.clock import RULE
from ovprep.bench.results import Benchmark, Clock
from tests.bench.made_up import HERE, benchmark, measured

GOOD = benchmark(measured("a"), measured("b"))


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions.cores, "available", lambda: (0, 1))


def told(found: Benchmark) -> str:
    return " ".join(conditions.remarks(found))


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    assert told(GOOD) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"partial": True}, "Interrupted after 10.0 s"),
        ({"environment": replace(HERE, quota=0.5)}, "grants 0.5 cores' worth of CPU time to 2 threads"),
        ({"environment": replace(HERE, steal=0.03)}, "took 3.0% of the CPU time"),
        ({"threads": 4}, "4 threads share the 2 cores"),
        ({"clock": Clock(100.0, 0.2, 50, 0, RULE)}, "speed varied by 20%"),
        ({"clock": Clock(100.0, 0.0, 50, 3, RULE)}, "3 of 50 rounds were dropped"),
        ({"contestants": (measured("a"), measured("b", idle_share=0.4))}, "b: its process used 40% of a core"),
        (
            {"hint": "throughput", "contestants": (measured("a", requests=4), measured("b"))},
            "One inference at a time: b;",
        ),
        ({"hint": "throughput"}, "No contestant had more than one inference under way."),
    ],
)
def test_what_is_not_well_is_a_sentence(fields: dict[str, object], words: str) -> None:
    assert words in told(replace(GOOD, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"environment": replace(HERE, quota=2.0)},
        {"environment": replace(HERE, steal=0.001)},
        {"clock": Clock(100.0, 0.05, 50, 0, RULE)},
        {"contestants": (measured("a", idle_share=0.01), measured("b", idle_share=None))},
    ],
)
def test_what_is_nearly_well_is_none(fields: dict[str, object]) -> None:
    assert told(replace(GOOD, **fields)) == ""  # type: ignore[arg-type]


def test_one_core_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions.cores, "available", lambda: (0,))
    assert "There is one core" in told(GOOD)
    assert "2 threads share the 1 cores" in told(GOOD)
