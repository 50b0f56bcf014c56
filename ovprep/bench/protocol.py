"""The benchmark: contestants in processes of their own, in interleaved blocks, over several restarts.

    restart   start all processes in parallel; load and warm up one after the other
      round   one block per contestant, in an order drawn anew
        block   calls one after the other for 4 ms or more, all in one process; the others sleep in a read

All processes are pinned to the same cores, have the same number of threads, and get the same bytes.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ovprep.bench import environment
from ovprep.bench.contestant import Contestant
from ovprep.bench.results import Benchmark, Pair
from ovprep.bench.statistics import Estimate, estimate, verdict
from ovprep.errors import OptionError, RuntimeFailure
from ovprep.interface import Interface
from ovprep.verify.arrays import relayout_all
from ovprep.verify.contender import Contender
from ovprep.verify.conversion import DirectConversion
from ovprep.verify.process import Worker
from ovprep.verify.signals import BATCH, generate

Progress = Callable[[str], None]

BLOCK_MS = 8.0
"""Length of a block; twice the shortest that repeats."""
WARM_UP_SHARE = 0.25
"""Share of a restart's budget that warming up may take, all contestants together."""
RESTARTS = 2
SECONDS_PER_RESTART = 15.0
"""A larger budget buys more restarts before it buys more blocks of the same processes."""
MIN_ROUNDS = 3
"""Rounds in each restart even where the budget is over: models of a second have a right to an answer, too."""


def benchmark(
    baseline: Contender,
    others: Sequence[Contender | DirectConversion],
    source: Interface,
    *,
    sizes: Mapping[str, int],
    seconds: float,
    threads: int,
    seed: int,
    batch: int = 1,
    worker: Worker | None = None,
    on_progress: Progress | None = None,
) -> Benchmark:
    """Times `baseline` (ovprep's IR at f32) against each of `others`, and against itself as a control.

    `source` is the original's interface: the inputs are seeded noise for it, moved to each contender's `input_layouts`.
    `sizes` gives every open dimension but the batch. `seconds` is the budget for measuring, warm-up included; starting
    processes and loading models comes on top. A `worker` that was launched with one of the contenders serves for its
    first restart and is left running; a DirectConversion under way is waited for. A contender at the default precision
    of a device that computes in f32 by default is left out, with a note.

    A contender that crashes, hangs or refuses is a row with its reason. Raises OptionError for a budget, a batch or a
    number of threads that is not positive.
    """
    if seconds <= 0 or batch < 1 or threads < 1:
        raise OptionError("A benchmark needs a positive number of seconds, threads and items per batch.")
    begin = time.perf_counter()
    inputs = generate("noise", source.inputs, {**sizes, BATCH: batch}, seed)
    layouts = [port.layout for port in source.inputs]
    rng = np.random.default_rng([seed, 1])
    say = on_progress or (lambda text: None)

    def enter(contender: Contender) -> Contestant:
        wanted = contender.input_layouts or layouts
        return Contestant(contender, relayout_all(inputs, layouts, wanted), threads)

    again = dataclasses.replace(baseline, label=f"{baseline.label} (control)", role="control")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
        prepared = _converted(others, scratch, threads, stack, say)
        race = _Race([enter(entry) for entry in (baseline, again, *prepared)], prepared, rng, say)
        stack.callback(race.abandon)
        restarts = max(RESTARTS, int(seconds // SECONDS_PER_RESTART))
        before = environment.cpu_ticks()
        for number in range(restarts):
            say(f"restart {number + 1} of {restarts}")
            race.restart(seconds / restarts, worker if number == 0 else None)
        steal = environment.steal_share(before, environment.cpu_ticks())
        main = race.contestants[0]
        properties = main.loaded.properties if main.loaded else {}
        control, pairs = _judge(main, race.contestants[1], race.contestants[2:], seed)
        return Benchmark(
            contestants=tuple(entry.measurement() for entry in race.contestants),
            pairs=tuple(pairs),
            control=control,
            batch=batch if BATCH in source.open_dims() else None,
            threads=threads,
            seed=seed,
            restarts=restarts,
            seconds=race.seconds,
            wall_seconds=time.perf_counter() - begin,
            environment=environment.describe(environment.used_cores(threads), steal, properties),
            notes=tuple(race.notes),
        )


def _converted(
    others: Sequence[Contender | DirectConversion], scratch: Path, threads: int, stack: ExitStack, say: Progress
) -> dict[Contender, str | None]:
    """Contenders as files that their runtimes can load, each with the reason where that failed."""
    under_way: list[Contender | DirectConversion] = []
    for number, entry in enumerate(others):
        if isinstance(entry, Contender) and entry.needs_conversion:
            folder = scratch / str(number)
            folder.mkdir()
            under_way.append(stack.enter_context(DirectConversion(entry, folder, threads=threads)))
        else:
            under_way.append(entry)
    ready: dict[Contender, str | None] = {}
    for item in under_way:
        if isinstance(item, Contender):
            ready[item] = None
            continue
        say("OpenVINO's own direct conversion")
        try:
            ready[item.result()] = None
        except RuntimeFailure as error:
            ready[item.contender] = str(error)
    return ready


class _Race:
    """All contestants through all restarts."""

    def __init__(
        self,
        contestants: list[Contestant],
        reasons: Mapping[Contender, str | None],
        rng: np.random.Generator,
        say: Progress,
    ) -> None:
        self.contestants = contestants
        self.seconds = 0.0
        self.notes: list[str] = []
        self._rng, self._say = rng, say
        for entry in contestants:
            if reason := reasons.get(entry.contender):
                entry.fail(reason)

    def restart(self, budget: float, worker: Worker | None) -> None:
        """One restart of all processes, measuring for `budget` seconds; `worker` serves for its own contender."""
        for entry in self.contestants:
            mine = worker is not None and worker.contender == entry.contender
            entry.start(worker if mine else None)
        for entry in self.contestants:
            entry.started()
        for index in self._rng.permutation(len(self.contestants)):
            self.contestants[index].load()  # one at a time, so that load times are their own
        self._drop_duplicates()
        self._measure(budget)
        for entry in self.contestants:
            entry.stop()

    def abandon(self) -> None:
        """Ends all processes at once."""
        for entry in self.contestants:
            entry.abandon()

    def _measure(self, budget: float) -> None:
        begin = time.perf_counter()
        for entry in self.contestants:
            entry.warm_up(1e3 * budget * WARM_UP_SHARE / len(self.contestants))
        rounds = 0
        while rounds < MIN_ROUNDS or time.perf_counter() - begin < budget:
            for index in self._rng.permutation(len(self.contestants)):
                self.contestants[index].block(BLOCK_MS)
            rounds += 1
            if all(entry.reason for entry in self.contestants):
                break
        self.seconds += time.perf_counter() - begin

    def _drop_duplicates(self) -> None:
        """Takes out contenders at the default precision where that is f32, so that they are the baseline once more."""
        for entry in list(self.contestants):
            default = entry.contender.precision == "default" and entry.contender.runtime == "openvino"
            if default and entry.loaded is not None and entry.loaded.precision == "f32":
                entry.abandon()
                self.contestants.remove(entry)
                self.notes.append(f"{entry.contender.label}: not timed, since this device computes in f32 by default.")


def _judge(
    baseline: Contestant, control: Contestant, others: Sequence[Contestant], seed: int
) -> tuple[Pair, list[Pair]]:
    """The control, and each contestant against the baseline."""
    rng = np.random.default_rng([seed, 2])
    floor = estimate(control.medians(), baseline.medians(), rng)
    pairs = [_pair(entry, baseline, estimate(entry.medians(), baseline.medians(), rng), floor) for entry in others]
    return _pair(control, baseline, floor, floor), pairs


def _pair(contestant: Contestant, baseline: Contestant, found: Estimate, control: Estimate) -> Pair:
    def known(value: float) -> float | None:
        return None if np.isnan(value) else value

    return Pair(
        contestant=contestant.contender.label,
        baseline=baseline.contender.label,
        ratio=known(found.ratio),
        low=known(found.low),
        high=known(found.high),
        rounds=found.rounds,
        restarts=found.restarts,
        verdict=verdict(found, control),
    )
