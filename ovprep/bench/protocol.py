"""The benchmark: contestants in processes of their own, in interleaved blocks, over several restarts.

    restart   start all processes in parallel; load and warm up one after the other
      round   one block per contestant, in an order drawn anew
        block   calls one after the other for 8 ms or more, all in one process; the others sleep in a read

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
from ovprep.bench.anatomy import dissected
from ovprep.bench.clock import Watch
from ovprep.bench.conditions import remarks
from ovprep.bench.contestant import Contestant
from ovprep.bench.results import Benchmark, Pair
from ovprep.bench.rounds import Race
from ovprep.bench.statistics import Estimate, estimate, verdict
from ovprep.errors import OptionError, RuntimeFailure
from ovprep.interface import BATCH, Interface
from ovprep.proof.inputs.signals import generate
from ovprep.workers.arrays import relayout_all
from ovprep.workers.contender import Contender
from ovprep.workers.conversion import DirectConversion
from ovprep.workers.process import Worker

Progress = Callable[[str], None]

RESTARTS = 2
SECONDS_PER_RESTART = 15.0
"""A larger budget buys more restarts before it buys more blocks of the same processes."""


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
    missing: Mapping[Contender, str] | None = None,
    anatomy: bool = False,
    interruptible: bool = False,
    on_progress: Progress | None = None,
) -> Benchmark:
    """Times `baseline` against each of `others`, and against itself as a control; all have one hint.

    `source` is the original's interface: the inputs are seeded noise for it, moved to each contender's `input_layouts`.
    `sizes` gives every open dimension but the batch. `seconds` is the budget for measuring, warm-up included; starting
    processes and loading models comes on top. A `worker` that was launched with one of the contenders serves for its
    first restart and is left running; a DirectConversion under way is waited for. Those of the others that are
    `missing` could not be made, for the reason there. A contender at the default precision of a device that computes in
    f32 by default is left out, with a note, where the same file runs at f32 besides.

    `anatomy` adds the time of each op of the first contender that OpenVINO runs at f32. An `interruptible` benchmark
    that a KeyboardInterrupt meets after its first block gives what it has, as `partial`.

    A contender that crashes, hangs or refuses is a row with its reason. Raises OptionError for a budget, a batch or a
    number of threads that is not positive.
    """
    if not 0 < seconds < float("inf") or batch < 1 or threads < 1:
        raise OptionError("A benchmark needs a positive number of seconds, threads and items per batch.")
    begin = time.perf_counter()
    inputs = generate("noise", source.inputs, {**sizes, BATCH: batch}, seed)
    layouts = [port.layout for port in source.inputs]
    say = on_progress or (lambda text: None)

    def enter(contender: Contender) -> Contestant:
        wanted = contender.input_layouts or layouts
        return Contestant(contender, relayout_all(inputs, layouts, wanted), threads)

    again = dataclasses.replace(baseline, label=f"{baseline.label} (control)", role="control")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovprep-")))
        prepared = _converted(others, missing or {}, scratch, threads, stack, say)
        watch = Watch(environment.used_cores(threads)[0])
        contestants = [enter(entry) for entry in (baseline, again, *prepared)]
        race = Race(contestants, prepared, watch, np.random.default_rng([seed, 1]))
        stack.callback(race.abandon)
        before = environment.cpu_ticks()
        try:
            race.run(max(RESTARTS, int(seconds // SECONDS_PER_RESTART)), seconds, worker, say)
        except KeyboardInterrupt:
            if not interruptible or not race.has_rounds:
                raise
            race.interrupted = True
            race.abandon()
        steal = environment.steal_share(before, environment.cpu_ticks())
        found = _result(race, steal, threads, seed, batch if BATCH in source.open_dims() else None)
        if anatomy and not race.interrupted and baseline.hint == "latency":
            say("timing each op")
            found = _with_anatomy(found, race.contestants, interruptible=interruptible)
        return dataclasses.replace(found, wall_seconds=time.perf_counter() - begin)


def _result(race: Race, steal: float | None, threads: int, seed: int, batch: int | None) -> Benchmark:
    """What the race found, without the rounds that are to be dropped."""
    for entry in race.contestants:
        entry.drop(race.watch.dropped())
    main, again, *others = race.contestants
    control, pairs = _judge(main, again, others, seed)
    properties = main.loaded.properties if main.loaded else {}
    found = Benchmark(
        contestants=tuple(entry.measurement() for entry in race.contestants),
        pairs=tuple(pairs),
        control=control,
        hint=main.contender.hint,
        batch=batch,
        threads=threads,
        seed=seed,
        restarts=race.restarts,
        seconds=race.seconds,
        wall_seconds=race.seconds,
        clock=race.watch.clock(),
        environment=environment.describe(environment.used_cores(threads), steal, properties),
        notes=tuple(race.notes),
        partial=race.interrupted,
    )
    return dataclasses.replace(found, notes=(*found.notes, *remarks(found)))


def _with_anatomy(found: Benchmark, contestants: Sequence[Contestant], *, interruptible: bool) -> Benchmark:
    """With the ops of ovprep's IR, or else of what OpenVINO made of another model."""
    able = [
        entry
        for entry in contestants
        if entry.loaded is not None and entry.contender.runtime == "openvino" and entry.contender.precision == "f32"
    ]
    able.sort(key=lambda entry: entry.contender.role != "ovprep")
    try:
        return dissected(found, able[0].contender, able[0].inputs) if able else found
    except KeyboardInterrupt:
        if not interruptible:
            raise
        note = "Interrupted before the time of single ops was measured."
        return dataclasses.replace(found, partial=True, notes=(*found.notes, note))


def _converted(
    others: Sequence[Contender | DirectConversion],
    missing: Mapping[Contender, str],
    scratch: Path,
    threads: int,
    stack: ExitStack,
    say: Progress,
) -> dict[Contender, str | None]:
    """Contenders as files that their runtimes can load, each with the reason where that failed."""
    under_way: list[Contender | DirectConversion] = []
    for number, entry in enumerate(others):
        if isinstance(entry, Contender) and entry.needs_conversion and entry not in missing:
            folder = scratch / str(number)
            folder.mkdir()
            under_way.append(stack.enter_context(DirectConversion(entry, folder, threads=threads)))
        else:
            under_way.append(entry)
    ready: dict[Contender, str | None] = {}
    for item in under_way:
        if isinstance(item, Contender):
            ready[item] = missing.get(item)
            continue
        say(f"converting for {item.contender.label}")
        try:
            ready[item.result()] = None
        except RuntimeFailure as error:
            ready[item.contender] = str(error)
    return ready


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
