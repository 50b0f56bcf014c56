"""Which rounds are dropped, and what is told of the machine's speed."""

import os

import pytest

from ovprep.bench import clock, environment
from ovprep.bench.clock import Watch, spin_us, unsteady

STEADY = [100.0] * 9


@pytest.mark.parametrize(
    ("spins", "stolen", "dropped"),
    [
        ([*STEADY, 109.0], [0.0] * 10, []),
        ([*STEADY, 111.0], [0.0] * 10, [9]),
        ([111.0, *STEADY], [0.0] * 10, [0]),
        ([*STEADY, 100.0], [0.0, 0.06, *[0.0] * 8], [1]),
        ([*STEADY, 100.0], [0.05] * 10, []),
        ([100.0] * 8 + [200.0] * 4, [0.0] * 12, [8, 9, 10, 11]),
        ([100.0] * 8 + [200.0] * 5, [0.0] * 13, []),
        ([*STEADY, 100.0], [0.2] * 10, []),
        ([*STEADY[:8], 111.0], [0.0] * 9, []),
        ([], [], []),
    ],
    ids=[
        "within",
        "slow",
        "slow first",
        "stolen",
        "some stolen",
        "a third",
        "too many",
        "always stolen",
        "few",
        "none",
    ],
)
def test_the_rule(spins: list[float], stolen: list[float], dropped: list[int]) -> None:
    assert [index for index, mark in enumerate(unsteady(spins, stolen)) if mark] == dropped


def test_a_round_has_its_slowest_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100.0, 100.0, 100.0] * 9 + [100.0, 150.0, 100.0])
    monkeypatch.setattr(clock, "spin_us", lambda core: next(readings))
    monkeypatch.setattr(environment, "cpu_ticks", lambda: None)
    watch = Watch(0)
    watch.restart()
    for _ in range(10):
        with watch.round():
            watch.tick()
    assert watch.dropped() == [[*[False] * 9, True]]
    found = watch.clock()
    assert (found.rounds, found.dropped, found.spin_us) == (10, 1, 100.0)
    assert "10% longer" in found.rule


def test_each_restart_has_a_median_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another clock from one restart to the next is no reason to drop either."""
    speeds = iter([100.0] * 20 + [200.0] * 20)
    monkeypatch.setattr(clock, "spin_us", lambda core: next(speeds))
    watch = Watch(0)
    for _ in range(2):
        watch.restart()
        for _ in range(10):
            with watch.round():
                pass
    assert watch.dropped() == [[False] * 10, [False] * 10]
    assert watch.clock().drift == pytest.approx(1.0)


def test_an_interrupted_round_is_none() -> None:
    watch = Watch(None)
    watch.restart()
    with pytest.raises(KeyboardInterrupt), watch.round():
        raise KeyboardInterrupt
    assert watch.dropped() == [[]]
    assert watch.clock().rounds == 0


def test_nothing_seen_is_told_as_nothing() -> None:
    assert Watch(0).clock().spin_us is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no threads")
def test_the_kernel_leaves_the_caller_where_it_was() -> None:
    before = os.sched_getaffinity(0)
    assert spin_us(min(before)) > 0
    assert os.sched_getaffinity(0) == before
