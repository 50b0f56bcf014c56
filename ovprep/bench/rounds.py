"""All contestants through all restarts, round by round."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from ovprep.bench.clock import Watch
from ovprep.bench.contestant import Contestant
from ovprep.workers.contender import Contender, Hint
from ovprep.workers.process import Worker

BLOCK_MS: dict[Hint, float] = {"latency": 8.0, "throughput": 40.0}
"""Length of a block: twice the shortest that repeats; longer where inferences overlap, which begin and end it."""
WARM_UP_SHARE = 0.25
"""Share of a restart's budget that warming up may take, all contestants together."""
MIN_ROUNDS = 3
"""Rounds in each restart even where the budget is over: models of a second have a right to an answer, too."""


class Race:
    """The contestants, and what was seen beside them: `seconds` of measuring, restarts, notes, an interrupt."""

    def __init__(
        self,
        contestants: list[Contestant],
        reasons: Mapping[Contender, str | None],
        watch: Watch,
        rng: np.random.Generator,
    ) -> None:
        """`reasons` tells of contenders that cannot take part why not."""
        self.contestants = contestants
        self.restarts = 0
        self.seconds = 0.0
        self.interrupted = False
        self.notes: list[str] = []
        self.watch = watch
        self._rng = rng
        for entry in contestants:
            if reason := reasons.get(entry.contender):
                entry.fail(reason)

    def run(self, restarts: int, seconds: float, worker: Worker | None, say: Callable[[str], None]) -> None:
        """All restarts, measuring for so many seconds in all; a running `worker` serves its contender in the first."""
        for number in range(restarts):
            say(f"restart {number + 1} of {restarts}")
            self._restart(seconds / restarts, worker if number == 0 else None)

    def abandon(self) -> None:
        """Ends all processes at once."""
        for entry in self.contestants:
            entry.abandon()

    @property
    def has_rounds(self) -> bool:
        """Whether anything was measured."""
        return any(np.isfinite(blocks).any() for entry in self.contestants for blocks in entry.medians())

    def _restart(self, budget: float, worker: Worker | None) -> None:
        self.restarts += 1
        self.watch.restart()
        for entry in self.contestants:
            mine = worker is not None and worker.contender == entry.contender
            entry.start(worker if mine else None)
        for entry in self.contestants:
            entry.started()
        for index in self._rng.permutation(len(self.contestants)):
            self.contestants[index].load()  # one at a time, so that load times are their own
        self._drop_duplicates()
        begin = time.perf_counter()
        try:
            self._measure(begin, budget)
        finally:
            self.seconds += time.perf_counter() - begin
        for entry in self.contestants:
            entry.stop()

    def _measure(self, begin: float, budget: float) -> None:
        length = BLOCK_MS[self.contestants[0].contender.hint]
        for entry in self.contestants:
            entry.warm_up(1e3 * budget * WARM_UP_SHARE / len(self.contestants))
        rounds = 0
        while rounds < MIN_ROUNDS or time.perf_counter() - begin < budget:
            with self.watch.round():
                for number, index in enumerate(self._rng.permutation(len(self.contestants))):
                    if number:
                        self.watch.tick()
                    self.contestants[index].block(length)
            rounds += 1
            if all(entry.reason for entry in self.contestants):
                break

    def _drop_duplicates(self) -> None:
        """Takes out contenders at the default precision where that is f32, if their f32 runs besides."""
        for entry in list(self.contestants):
            default = entry.contender.precision == "default" and entry.contender.runtime == "openvino"
            if default and entry.loaded is not None and entry.loaded.precision == "f32" and self._at_f32(entry):
                entry.abandon()
                self.contestants.remove(entry)
                self.notes.append(f"{entry.contender.label}: not timed, since this device computes in f32 by default.")

    def _at_f32(self, entry: Contestant) -> bool:
        others = (other.contender for other in self.contestants if other is not entry)
        return any(one.path == entry.contender.path and one.precision == "f32" for one in others)
