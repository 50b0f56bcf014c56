"""Whether the machine kept its speed: a kernel of fixed work between blocks, and the time that a hypervisor took.

What is dropped is decided here, before anything was measured, and hits all contestants of a round alike.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ovprep.bench import environment
from ovprep.bench.results import Clock

SLOWER = 1.10
"""A round is dropped where the kernel took this much longer than it did at the median of the restart."""
STOLEN = 0.05
"""A round is dropped where the hypervisor took more than this share of it."""
MOST = 1 / 3
"""Where more than this share of a restart would go, this is how the machine is, and nothing is dropped."""
FEWEST = 10
"""A restart with fewer rounds needs them all."""
RULE = (
    f"a round is dropped, for all contestants, where the kernel of fixed work beside its blocks took more than "
    f"{SLOWER - 1:.0%} longer than its median in that restart, or the hypervisor took more than {STOLEN:.0%} of the "
    f"time; none where this would be more than a third of a restart, or it has fewer than {FEWEST} rounds"
)
_WORK = 4000  # additions: about 0.1 ms
_TRIES = 3
"""The fastest of so many counts: an interrupt is no slow clock."""


def spin_us(core: int | None) -> float:
    """Time of a fixed number of additions on one core, in µs."""
    with _on(core):
        return min(_timed_work() for _ in range(_TRIES))


def _timed_work() -> float:
    begin = time.perf_counter_ns()
    total = 0
    for number in range(_WORK):
        total += number
    return 1e-3 * (time.perf_counter_ns() - begin)


@contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Moves this thread to a core meanwhile, where the system can."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Watch:
    """Readings beside the blocks of a benchmark, by restart and round: the slowest kernel, and the share stolen."""

    core: int | None
    _spins: list[list[float]] = field(default_factory=list)
    _stolen: list[list[float]] = field(default_factory=list)
    _every: list[float] = field(default_factory=list)

    def restart(self) -> None:
        """A restart begins."""
        self._spins.append([])
        self._stolen.append([])

    @contextmanager
    def round(self) -> Iterator["Watch"]:
        """Around all blocks of a round; call `tick` between them."""
        before = environment.cpu_ticks()
        start = len(self._every)
        self.tick()
        yield self
        self.tick()
        self._spins[-1].append(max(self._every[start:]))
        self._stolen[-1].append(environment.steal_share(before, environment.cpu_ticks()) or 0.0)

    def tick(self) -> None:
        """Between two blocks."""
        self._every.append(spin_us(self.core))

    def dropped(self) -> list[list[bool]]:
        """Per restart, which of its rounds are to be left out."""
        return [unsteady(spins, stolen) for spins, stolen in zip(self._spins, self._stolen, strict=True)]

    def clock(self) -> Clock:
        """What was seen."""
        rounds = [dropped for restart in self.dropped() for dropped in restart]
        if not self._every:
            return Clock(None, None, 0, 0, RULE)
        fast, median, slow = np.quantile(self._every, [0.1, 0.5, 0.9])
        return Clock(round(float(median), 2), round(float(slow / fast - 1), 4), len(rounds), sum(rounds), RULE)


def unsteady(spins: list[float], stolen: list[float]) -> list[bool]:
    """Which rounds of a restart are dropped; see `RULE`."""
    if len(spins) < FEWEST:
        return [False] * len(spins)
    limit = SLOWER * float(np.median(spins))
    found = [spin > limit or share > STOLEN for spin, share in zip(spins, stolen, strict=True)]
    return found if sum(found) <= MOST * len(found) else [False] * len(found)
