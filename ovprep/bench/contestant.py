"""One contestant through all restarts: its worker, its samples, and what went wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ovprep.bench.quantiles import Quantile, quantile
from ovprep.bench.results import Measurement
from ovprep.errors import RuntimeFailure
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Block, Worker
from ovprep.workers.runners import Loaded
from ovprep.workers.timing import LEAD_MS

Samples = NDArray[np.float64]

MIN_IDLE_MS = 50.0
"""What a process uses while it waits is told from so much waiting on."""


class Contestant:
    """Collects one contender's measurements.

    A failure of its process ends its part in the restart under way and all later ones, never the benchmark: the methods
    below do nothing once `reason` is set, and set it instead of raising RuntimeFailure.
    """

    def __init__(self, contender: Contender, inputs: Sequence[Array], threads: int) -> None:
        """`inputs` are in the contender's own layouts."""
        self.contender = contender
        self.reason: str | None = None
        self.loaded: Loaded | None = None
        self.steady = True
        self.inputs = inputs
        self._threads = threads
        self._worker: Worker | None = None
        self._own = False
        self._blocks: list[list[Block | None]] = []
        self._loads: list[tuple[float, float | None]] = []
        self._firsts: list[float] = []
        self._peaks: list[float] = []

    def start(self, worker: Worker | None = None) -> None:
        """Begins a restart: a process of its own, or a `worker` that runs already and is not closed at its end."""
        self._blocks.append([])
        self._own = worker is None
        if self.reason is None:
            self._worker = worker or Worker(self.contender.runtime, threads=self._threads)

    def started(self) -> None:
        """Waits until the runtime is imported."""
        try:
            if self._worker is not None:
                self._worker.started()
        except RuntimeFailure as error:
            self.fail(error)

    def load(self) -> None:
        """Loads the model with the shapes of its inputs fixed, as one would on a device, and runs it once."""
        if self._worker is None:
            return
        try:
            shapes = tuple(array.shape for array in self.inputs)
            self.loaded = self._worker.load(self.contender, shapes=shapes)
            self._loads.append((self.loaded.load_ms, self.loaded.compile_ms))
            self._firsts.append(self._worker.bind(self.inputs))
        except RuntimeFailure as error:
            self.fail(error)

    def warm_up(self, limit_ms: float) -> None:
        """Runs until steady, for at most `limit_ms`."""
        if self._worker is None:
            return
        try:
            self.steady &= self._worker.warm_up(limit_ms)[1]
        except RuntimeFailure as error:
            self.fail(error)

    def block(self, length_ms: float) -> None:
        """One block of the interleaving round under way; none where the contestant is out."""
        block = None
        try:
            if self._worker is not None:
                block = self._worker.block(length_ms)
        except RuntimeFailure as error:
            self.fail(error)
        self._blocks[-1].append(block)

    def stop(self) -> None:
        """Ends the restart; notes the memory first."""
        try:
            if self._worker is not None and (peak := self._worker.peak_rss_mib()) is not None:
                self._peaks.append(peak)
        except RuntimeFailure as error:
            self.fail(error)
        self.abandon()

    def abandon(self) -> None:
        """Ends the process at once, if it is the contestant's own."""
        if self._worker is not None and self._own:
            self._worker.close()
        self._worker = None

    def fail(self, error: RuntimeFailure | str) -> None:
        """Takes the contestant out for good."""
        self.reason = str(error)
        self.abandon()

    def drop(self, dropped: Sequence[Sequence[bool]]) -> None:
        """Leaves out rounds, by restart: their blocks count for nothing."""
        for blocks, marks in zip(self._blocks, dropped, strict=False):
            for index, mark in enumerate(marks[: len(blocks)]):
                if mark:
                    blocks[index] = None

    def medians(self) -> list[Samples]:
        """Per restart, the median of each round's block in ms; NaN for a round without one."""
        return [
            np.array([np.nan if block is None else float(np.median(block.times)) for block in restart], np.float64)
            for restart in self._blocks
        ]

    def idle_share(self) -> float | None:
        """The share of a core that its process used while the others were measured; None after too little waiting.

        What it uses right after its own block is left out: the next one begins with calls that are not timed.
        """
        blocks = self._measured()
        idle = sum(block.idle_ms for block in blocks)
        used = sum(max(0.0, block.idle_cpu_ms - LEAD_MS) for block in blocks)
        return used / idle if idle >= MIN_IDLE_MS else None

    def measurement(self) -> Measurement:
        """Everything that was measured."""
        blocks = self._measured()
        every: Samples = np.concatenate([block.times for block in blocks]) if blocks else np.empty(0)
        idle = self.idle_share()
        median = quantile(every, len(blocks), 0.5) or _NONE
        # Throughput has one number for each block, which is no latency.
        tails = self.contender.hint == "latency"
        p90 = (quantile(every, len(blocks), 0.9) if tails else None) or _NONE
        p99 = (quantile(every, len(blocks), 0.99) if tails else None) or _NONE
        return Measurement(
            label=self.contender.label,
            role=self.contender.role,
            runtime=self.contender.runtime,
            version=self.loaded.version if self.loaded else None,
            precision=self.loaded.precision if self.loaded else None,
            reason=self.reason,
            median_ms=_known(median.value),
            median_low_ms=median.low,
            median_high_ms=median.high,
            p90_ms=_known(p90.value),
            p90_low_ms=p90.low,
            p90_high_ms=p90.high,
            p99_ms=_known(p99.value),
            calls=sum(block.calls for block in blocks),
            requests=self.loaded.requests if self.loaded else 1,
            steady=self.steady and bool(blocks),
            idle_share=None if idle is None else round(idle, 4),
            load_ms=min((load for load, _ in self._loads), default=None),
            compile_ms=min((part for _, part in self._loads if part is not None), default=None),
            first_ms=min(self._firsts, default=None),
            peak_rss_mib=min(self._peaks, default=None),
            size_bytes=self.contender.size_on_disk if self.contender.path.exists() else None,
            blocks_ms=tuple(
                tuple(None if np.isnan(value) else float(f"{value:.6g}") for value in restart)
                for restart in self.medians()
            ),
            block_calls=tuple(tuple(block.calls if block else 0 for block in restart) for restart in self._blocks),
        )

    def _measured(self) -> list[Block]:
        return [block for restart in self._blocks for block in restart if block is not None]


_NONE = Quantile(float("nan"), None, None)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
