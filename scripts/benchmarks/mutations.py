"""How many wrong conversions the proof catches and names rightly, and how many right ones it refuses."""

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import Measure
from benchmarks.mutated import MUTATIONS
from benchmarks.mutated.trial import SIDES, Outcome, Scope, Tally, Trial
from benchmarks.zoo import save_zoo
from ovprep.errors import OvprepError

__all__ = ["SIDES", "Scope", "false_alarms", "measures", "score", "summarise"]

CAUGHT, NAMED, KINDS = 0.99, 0.9, 30
"""Shares of the mutations, and ways of making them, that are asked for at least."""


def score(names: list[str], files: list[Path], scope: Scope, threads: int) -> Tally:
    """Mutates the named models of the Keras zoo, and ONNX files."""
    tally = Tally([])
    for trial in _trials(names, files, threads):
        begin = time.monotonic()
        own = []
        for outcome in trial.outcomes(scope, tally):
            own.append(outcome)
            print(_line(outcome), flush=True)
        tally.outcomes += own
        spent = time.monotonic() - begin
        print(f"{trial.name}: {len(own)} mutations, {_caught(own)} caught, in {spent:.0f} s", flush=True)
    return tally


def false_alarms(names: list[str], files: list[Path], seeds: int, threads: int) -> Measure:
    """Faithful conversions that the proof refuses, over so many seeds each: there must be none."""
    alarms = models = 0
    for trial in _trials(names, files, threads):
        found = [trial.faithful(seed) for seed in range(seeds)]
        wrong = {seed: one.failure() for seed, one in enumerate(found) if not one.passed}
        alarms, models = alarms + len(wrong), models + 1
        print(f"{trial.name}: {len(wrong)} false alarms in {seeds} seeds {wrong or ''}", flush=True)
    seen = f"{alarms} in {models} models with {seeds} seeds each"
    return Measure("false alarms, of which there must be none", seen, models > 0 and alarms == 0)


def _trials(names: list[str], files: list[Path], threads: int) -> Iterator[Trial]:
    """One after the other, each with its worker until the next."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in [*save_zoo(Path(folder), names), *((file.stem, file) for file in files)]:
            try:
                trial = Trial(name, path, threads)
            except OvprepError as error:
                print(f"{name}: {error}", flush=True)
                continue
            with trial.worker:
                yield trial


def _line(one: Outcome) -> str:
    found = "right" if one.named else f"named {one.told}"
    if not one.caught:
        found = f"NOT CAUGHT, where float32 makes {one.noise:.1g}"
    return f"    {one.model}, {one.side}: {one.mutation} of {one.op} (changes {one.change:.1g}): {found}"


def summarise(tally: Tally) -> None:
    """A table by mutation, and lines by side."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in tally.outcomes:
        groups[one.mutation].append(one)
    print(f"{'mutation':44} {'made':>5} {'caught':>7} {'named':>6}")
    for mutation in MUTATIONS:
        made = groups[mutation]
        if made:
            print(f"{mutation:44} {len(made):5} {_caught(made):7} {_named(made):6}")
    for side, count in Counter(one.side for one in tally.outcomes).items():
        own = [one for one in tally.outcomes if one.side == side]
        print(f"{side}: {count} mutations, {_share(_caught(own), count)} caught, {_share(_named(own), count)} named")
    missed = [one for one in tally.outcomes if not one.caught]
    hidden = sum(one.change <= one.noise for one in missed)
    print(
        f"{len(missed)} not caught, {hidden} of them smaller than what float32 itself does to the model; "
        f"{tally.unchanged} more change nothing that float32 can show, {tally.refused} could not be tried"
    )


def measures(tally: Tally) -> list[Measure]:
    """The score against what is asked for."""
    made = tally.outcomes
    kinds, caught, named = len({one.mutation for one in made}), _caught(made), _named(made)
    return [
        Measure(f"{KINDS} ways to be wrong", f"{kinds}", kinds >= KINDS),
        Measure(f"{CAUGHT:.0%} caught", _of(caught, made), caught >= CAUGHT * len(made) > 0),
        Measure(f"{NAMED:.0%} named rightly", _of(named, made), named >= NAMED * len(made) > 0),
    ]


def _of(part: int, made: Sequence[Outcome]) -> str:
    return f"{part} of {len(made)} mutations, {_share(part, len(made))}"


def _caught(made: Sequence[Outcome]) -> int:
    return sum(one.caught for one in made)


def _named(made: Sequence[Outcome]) -> int:
    return sum(one.caught and one.named for one in made)


def _share(part: int, whole: int) -> str:
    return f"{part / max(whole, 1):.1%}"
