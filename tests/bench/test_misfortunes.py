"""Contestants that crash, hang or need too much memory, and a user who has waited long enough."""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ovprep.bench import benchmark, clock, contestant
from ovprep.bench.clock import Watch
from ovprep.bench.contestant import Contestant
from ovprep.bench.results import Benchmark
from ovprep.interface import Interface, Port
from ovprep.workers import Contender, Worker
from ovprep.workers.process import Block

ROOT = Path(__file__).parents[2]
SOURCE = Interface((Port("x", "float32", ("batch", 4), "NC"),), (Port("y", "float32", ("batch", 4), "NC"),))


@pytest.fixture(autouse=True)
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker is one whose file's name says how it behaves; the machine's own behaviour counts for nothing."""
    monkeypatch.setattr(clock, "unsteady", lambda spins, stolen: [False] * len(spins))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(contestant, "Worker", functools.partial(Worker, module="tests.workers.fake_worker"))


def model(behaviour: str, **fields) -> Contender:
    return Contender(behaviour, "keras", Path(f"{behaviour}.h5"), **fields)


def run(*names: str, **options) -> Benchmark:
    first, *others = (model(name) for name in names)
    settings = {"sizes": {}, "seconds": 0.3, "threads": 1, "seed": 0} | options
    return benchmark(first, others, SOURCE, **settings)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("crashes", "was killed by SIGSEGV while running for the first time"),
        ("refuses", "ValueError: the first line"),
        ("dies", "ended with code 7 while loading dies.h5"),
        ("devours", "MemoryError"),
        ("swallowed", "was killed by SIGKILL (often: out of memory) while running for the first time"),
    ],
)
def test_one_that_fails_is_a_row_and_the_others_are_timed(behaviour: str, words: str) -> None:
    found = run("good", behaviour, "steady")
    rows = {entry.label: entry for entry in found.contestants}
    assert words in str(rows[behaviour].reason)
    assert rows[behaviour].median_ms is None
    assert rows["steady"].reason is None
    pairs = {pair.contestant: pair for pair in found.pairs}
    assert pairs["steady"].rounds >= 6
    assert (pairs[behaviour].ratio, pairs[behaviour].verdict) == (None, "cannot tell")


def test_one_that_hangs_is_stopped_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Worker.bind.__kwdefaults__, "limit", 0.5)
    found = run("good", "hangs", "steady")
    rows = {entry.label: entry for entry in found.contestants}
    assert "gave no answer within 0.5 s while running for the first time, and was stopped" in str(rows["hangs"].reason)
    assert rows["steady"].calls > 0


def test_a_baseline_that_fails_leaves_the_others_their_rows() -> None:
    found = run("refuses", "good")
    assert found.contestants[0].reason is not None
    assert found.contestants[2].calls > 0
    assert found.pairs[0].ratio is None


def test_what_could_not_be_made_is_a_row_and_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(contestant, "Worker", counting(started))
    absent = model("absent")
    found = benchmark(
        model("good"),
        [absent],
        SOURCE,
        sizes={},
        seconds=0.2,
        threads=1,
        seed=0,
        missing={absent: "it was refused."},
    )
    assert found.contestants[2].reason == "it was refused."
    assert len(started) == 4  # the baseline and its control, in two restarts


def counting(started: list[int]) -> Callable[..., Worker]:
    def start(*arguments, **options) -> Worker:
        worker = Worker(*arguments, module="tests.workers.fake_worker", **options)
        started.append(worker.pid)
        return worker

    return start


def interrupting(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    block = Contestant.block
    calls = []

    def interrupted(self: Contestant, length_ms: float) -> None:
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        block(self, length_ms)

    monkeypatch.setattr(Contestant, "block", interrupted)


@pytest.mark.parametrize("at", [5, 30])
def test_an_interrupt_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    started: list[int] = []
    monkeypatch.setattr(contestant, "Worker", counting(started))
    interrupting(monkeypatch, at)
    found = run("good", "steady", interruptible=True, seconds=5.0)
    assert found.partial
    assert "Interrupted" in found.notes[0]
    assert sum(len(restart) for entry in found.contestants for restart in entry.blocks_ms) == at - 1
    assert found.seconds > 0
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(("at", "options"), [(1, {"interruptible": True}), (10, {})])
def test_an_interrupt_ends_what_has_nothing_to_keep_or_may_not(monkeypatch, at: int, options: dict[str, bool]) -> None:
    interrupting(monkeypatch, at)
    with pytest.raises(KeyboardInterrupt):
        run("good", **options)


def test_dropped_rounds_count_for_no_contestant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "dropped", lambda self: [[True, False], [False]])
    found = run("good", "steady")
    for entry in found.contestants:
        assert entry.blocks_ms[0][0] is None
        assert entry.block_calls[0][0] == 0
        assert all(value is not None for value in (*entry.blocks_ms[0][1:], *entry.blocks_ms[1]))
        assert entry.calls == sum(map(sum, entry.block_calls))
    rounds = sum(len(restart) for restart in found.contestants[0].blocks_ms)
    assert found.pairs[0].rounds == rounds - 1


def test_throughput_has_one_number_for_each_block_and_no_tail() -> None:
    first, other = model("good", hint="throughput"), model("steady", hint="throughput")
    found = benchmark(first, [other], SOURCE, sizes={}, seconds=0.5, threads=1, seed=0)
    assert found.hint == "throughput"
    for entry in found.contestants:
        assert entry.p90_ms is None
        assert entry.median_ms is not None
        assert entry.calls > sum(len(restart) for restart in entry.blocks_ms)


def test_cpu_time_of_one_that_waits_is_told() -> None:
    """The share of a core while waiting, over all blocks, and none after too little waiting."""
    entry = Contestant(model("good"), [], 1)
    entry._blocks = [[Block(np.ones(1), 1, 2.0, 40.0), None, Block(np.ones(1), 1, 8.0, 60.0)]]
    assert entry.idle_share() == pytest.approx(0.08)  # the first ms is covered by the next block's lead
    entry._blocks = [[Block(np.ones(1), 1, 2.0, 40.0)]]
    assert entry.idle_share() is None


def test_the_cpu_time_between_blocks_is_that_of_the_process() -> None:
    """A thread of its own keeps this one busy between its blocks; the other sleeps."""
    used = {}
    for behaviour in ("spins", "good"):
        with Worker("keras", threads=1, module="tests.workers.fake_worker") as worker:
            worker.load(model(behaviour))
            worker.bind([np.zeros((1, 4), np.float32)])
            worker.block(4)
            time.sleep(0.3)
            block = worker.block(4)
            assert block.idle_ms >= 300
            used[behaviour] = block.idle_cpu_ms
    assert used["spins"] > 2 * used["good"]


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="this system does not rank processes")
def test_a_worker_is_the_first_to_go_when_memory_runs_out() -> None:
    with Worker("keras", threads=1, module="tests.workers.fake_worker") as worker:
        worker.started()
        assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text().strip() == "1000"
    assert Path(f"/proc/{os.getpid()}/oom_score_adj").read_text().strip() != "1000"
