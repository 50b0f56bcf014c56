"""One contestant through all restarts: its worker, its samples, and what went wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ovprep.bench.results import Measurement
from ovprep.errors import RuntimeFailure
from ovprep.verify.arrays import Array
from ovprep.verify.contender import Contender
from ovprep.verify.process import Worker
from ovprep.verify.runners import Loaded

Samples = NDArray[np.float64]


class Contestant:
    """Collects one contender's measurements.

    A failure of its process ends its part in the restart under way and all later ones, never the benchmark: the methods
    below do nothing once `reason` is set, and set it instead of raising RuntimeFailure.
    """

    def __init__(self, contender: Contender, inputs: Sequence[Array], threads: int) -> None:
        """`inputs` are in the contender's own order and layouts."""
        self.contender = contender
        self.reason: str | None = None
        self.loaded: Loaded | None = None
        self.steady = True
        self._inputs, self._threads = inputs, threads
        self._worker: Worker | None = None
        self._own = False
        self._blocks: list[list[Samples]] = []
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
            shapes = tuple(array.shape for array in self._inputs)
            self.loaded = self._worker.load(self.contender, shapes=shapes)
            self._loads.append((self.loaded.load_ms, self.loaded.compile_ms))
            self._firsts.append(self._worker.bind(self._inputs))
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
        """One block of the interleaving round under way; an empty one where the contestant is out."""
        times: Samples = np.empty(0)
        try:
            if self._worker is not None:
                times = self._worker.block(length_ms)
        except RuntimeFailure as error:
            self.fail(error)
        self._blocks[-1].append(times)

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

    def medians(self) -> list[Samples]:
        """Per restart, the median of each round's block in ms; NaN for a round without one."""
        return [
            np.array([float(np.median(times)) if times.size else np.nan for times in restart], np.float64)
            for restart in self._blocks
        ]

    def measurement(self) -> Measurement:
        """Everything that was measured."""
        calls = [times for restart in self._blocks for times in restart if times.size]
        every: Samples = np.concatenate(calls) if calls else np.empty(0)
        return Measurement(
            label=self.contender.label,
            role=self.contender.role,
            runtime=self.contender.runtime,
            version=self.loaded.version if self.loaded else None,
            precision=self.loaded.precision if self.loaded else None,
            reason=self.reason,
            median_ms=float(np.median(every)) if calls else None,
            p90_ms=float(np.quantile(every, 0.9)) if calls else None,
            calls=int(every.size),
            steady=self.steady and bool(calls),
            load_ms=min((load for load, _ in self._loads), default=None),
            compile_ms=min((part for _, part in self._loads if part is not None), default=None),
            first_ms=min(self._firsts, default=None),
            peak_rss_mib=min(self._peaks, default=None),
            size_bytes=self.contender.size_on_disk if self.contender.path.exists() else None,
            blocks_ms=tuple(
                tuple(None if np.isnan(value) else float(f"{value:.6g}") for value in restart)
                for restart in self.medians()
            ),
            block_calls=tuple(tuple(int(times.size) for times in restart) for restart in self._blocks),
        )
