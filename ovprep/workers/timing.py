"""Timing of calls inside a worker process: warm-up and blocks."""

import time
from collections.abc import Callable, Sequence
from statistics import median

MIN_BLOCK_MS = 4.0
"""Shorter blocks do not repeat: a model of 20 µs against itself gave ratios from 0.6 to 1.6 call by call, 0.99 to 1.01
in blocks of 4 ms and more."""

LEAD_MS = 1.0
"""Each block begins with calls that are not timed: the caches still hold the previous contestant's data, and its
threads may be spinning out."""

WINDOW_MS = 15.0
"""Warm-up compares the median of one window of this length with the next one's."""

STEADY = 0.02
"""Two medians within this of each other count as the same."""

Call = Callable[[], object]

Throughput = tuple[float, int]
"""Time divided by the inferences in it (ms), and how many these were."""


def block(call: Call, length_ms: float) -> list[float]:
    """Times single calls (ms each) until `length_ms`, at least `MIN_BLOCK_MS`, has passed; at least one call."""
    clock = time.perf_counter_ns
    _spend(call, LEAD_MS)
    end = clock() + int(1e6 * max(length_ms, MIN_BLOCK_MS))
    times = []
    now = clock()
    while now < end:
        call()
        after = clock()
        times.append((after - now) * 1e-6)
        now = after
    return times


def throughput(start: Call, wait: Call, length_ms: float) -> Throughput:
    """Starts inferences for `length_ms`, at least `MIN_BLOCK_MS`, and waits for the last of them.

    `start` returns as soon as another one can be started, `wait` when all are done.
    """
    clock = time.perf_counter_ns
    _spend(start, LEAD_MS)
    wait()
    begin = clock()
    end = begin + int(1e6 * max(length_ms, MIN_BLOCK_MS))
    calls = 0
    while calls == 0 or clock() < end:
        start()
        calls += 1
    wait()
    return (clock() - begin) * 1e-6 / calls, calls


def warm_up(timed: Callable[[float], Sequence[float]], limit_ms: float) -> tuple[int, bool]:
    """Calls until the rolling median is steady, or `limit_ms` has passed.

    `timed` gives the times of the calls that it makes for so many ms. Returns the number of these and whether their
    median became steady. At least three windows are run, unless the limit
    comes first.
    """
    clock = time.perf_counter_ns
    end = clock() + int(1e6 * limit_ms)
    calls = 0
    medians: list[float] = []
    while clock() < end:
        times = timed(WINDOW_MS)
        calls += len(times)
        medians.append(median(times))
        if len(medians) >= 3 and max(medians[-3:]) <= (1 + STEADY) * min(medians[-3:]):
            return calls, True
    return calls, False


def _spend(call: Call, length_ms: float) -> None:
    end = time.perf_counter_ns() + int(1e6 * length_ms)
    call()
    while time.perf_counter_ns() < end:
        call()
