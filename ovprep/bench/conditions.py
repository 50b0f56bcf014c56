"""What a reader must know of the circumstances of a benchmark, in sentences."""

from collections.abc import Iterator

from ovprep.bench.results import Benchmark
from ovprep.workers import cores

IDLE = 0.05
"""Of a core: more than this used by a process that waits is worth a sentence."""
DRIFT = 0.10
"""So much between the slow and the fast moments of the clock is worth a sentence."""
STEAL = 0.01
"""So much time taken by the hypervisor is worth a sentence."""


def remarks(found: Benchmark) -> list[str]:
    """Sentences for the report; none where all is well."""
    return [*_partial(found), *_cores(found), *_clock(found), *_contestants(found)]


def _partial(found: Benchmark) -> Iterator[str]:
    if found.partial:
        yield f"Interrupted after {found.seconds:.1f} s of measuring: this is what was measured until then."


def _cores(found: Benchmark) -> Iterator[str]:
    quota, usable = found.environment.quota, len(cores.available())
    if quota is not None and quota < found.threads:
        yield (
            f"A cgroup grants {quota:g} cores' worth of CPU time to {found.threads} threads: the processes are stopped "
            "for a part of each period, so that tails, and perhaps medians, are those of the quota."
        )
    if usable < found.threads:
        yield f"{found.threads} threads share the {usable} cores that this process may use."
    if usable == 1:
        yield "There is one core, which contestants share with all else that runs: expect wide intervals."


def _clock(found: Benchmark) -> Iterator[str]:
    clock, steal = found.clock, found.environment.steal
    if clock.drift is not None and clock.drift > DRIFT:
        yield f"The machine's speed varied by {clock.drift:.0%} between the blocks (a kernel of fixed work tells)."
    if clock.dropped:
        yield f"{clock.dropped} of {clock.rounds} rounds were dropped: the clock was slower, or time was stolen."
    if steal is not None and steal > STEAL:
        yield f"The hypervisor took {steal:.1%} of the CPU time meanwhile."


def _contestants(found: Benchmark) -> Iterator[str]:
    for entry in found.contestants:
        if entry.idle_share is not None and entry.idle_share > IDLE:
            yield (
                f"{entry.label}: its process used {entry.idle_share:.0%} of a core while it was not its turn, which "
                "may have slowed the others."
            )
    if found.hint == "throughput":
        timed = [entry for entry in found.contestants if entry.role != "control" and entry.median_ms is not None]
        single = [entry.label for entry in timed if entry.requests == 1]
        if len(single) == len(timed) > 0:
            yield "No contestant had more than one inference under way."
        elif single:
            yield f"One inference at a time: {', '.join(single)}; the others had several under way."
