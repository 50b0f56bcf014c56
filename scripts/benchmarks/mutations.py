"""How many wrong conversions the proof catches, and how often it names the right layer.

Each mutation is made in three ways: of the canonical graph on its way into the IR, which leaves the IR wrong; of the
canonical graph itself, as a wrong pass would; and of the graph as it was read, as a wrong translation would, with all
that follows faithful to it.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from benchmarks.mutated import MUTATIONS, Seed
from benchmarks.zoo import save_zoo
from ovprep.defects import active_defects
from ovprep.emit.openvino import save_ir, to_openvino
from ovprep.errors import OvprepError
from ovprep.examine import Candidate
from ovprep.frontends.open import read_model
from ovprep.graph.origin import origin_of
from ovprep.passes.pipeline import normalize
from ovprep.verify.arrays import Array
from ovprep.verify.cases import make_cases
from ovprep.verify.compare import EPS32, differences, scale_of
from ovprep.verify.process import Worker
from ovprep.verify.reference import DoubleReference
from ovprep.verify.searching import Explain
from ovprep.verify.verify import Verification, verify

SIDES = ("IR", "passes", "translation")
TRIES = 2
"""Seeds of noise that a mutation is evaluated with in float64 before it is called no change."""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutation of one op: caught or not, and whether the layer that was named is right."""

    model: str
    side: str
    mutation: str
    op: str
    change: float
    caught: bool
    named: bool
    told: str


@dataclass(frozen=True)
class Scope:
    """Which mutations are tried: the sides, the ops of a model that each is made at, and how many on each side."""

    sides: Sequence[str] = SIDES
    places: int = 1
    limit: int | None = None
    seed: int = 0


@dataclass
class Tally:
    """Counts over mutations: those that change nothing, or less than the last bit of float32, are only counted."""

    outcomes: list[Outcome]
    unchanged: int = 0
    refused: int = 0


class Trial:
    """One model, loaded once, against which mutated conversions are held."""

    def __init__(self, name: str, path: Path, threads: int) -> None:
        self.name, self.threads = name, threads
        self.source = read_model(path)
        self.defects = active_defects()
        self.graph = self.source.graph.clone()
        self.normalization = normalize(self.graph, None, self.defects)
        done = self.normalization
        self.candidate = Candidate(self.source, done.original, self.graph, done.interface, Path())
        self.worker = Worker.launch(self.candidate.contenders()[0], threads=threads)
        self._known: dict[str, list[tuple[list[Array], list[Array]]]] = {}

    def change(self, mutated: ir.Model, side: str) -> float:
        """The largest difference that a mutation makes in float64, in units of the output's scale."""
        after, worst = DoubleReference(mutated), 0.0
        for inputs, outputs in self._right(side):
            for first, second in zip(outputs, after.run(inputs), strict=True):
                if first.shape != second.shape:
                    return float("inf")
                worst = max(worst, float(differences(first, second).max()) / (scale_of([first]) or 1.0))
        return worst

    def _right(self, side: str) -> list[tuple[list[Array], list[Array]]]:
        """Inputs, and what the graph that is to be mutated makes of them in float64."""
        if side not in self._known:
            done, exact = self.normalization, DoubleReference(self._base(side))
            ports = done.original if side == "translation" else done.interface
            cases = [case for seed in range(TRIES) for case in make_cases(ports, self.candidate.sizes(), seed)]
            self._known[side] = [(case.inputs, exact.run(case.inputs)) for case in cases if case.measures]
        return self._known[side]

    def _base(self, side: str) -> ir.Model:
        return self.source.graph if side == "translation" else self.graph

    def verified(self, canonical: ir.Model, written: ir.Model, as_read: ir.Model, seed: int = 0) -> Verification:
        """Writes an IR, and holds it against the original."""
        done = self.normalization
        with tempfile.TemporaryDirectory() as folder:
            save_ir(to_openvino(written, done.interface), Path(folder), {})
            return verify(
                self.candidate.contenders()[0],
                Path(folder) / "model.xml",
                canonical,
                done.original,
                done.interface,
                sizes=self.candidate.sizes(),
                seed=seed,
                threads=self.threads,
                worker=self.worker,
                explaining=Explain(as_read),
            )

    def outcomes(self, scope: Scope, tally: Tally) -> Iterator[Outcome]:
        """The mutations of a scope, at some of the ops that each applies to."""
        for side in scope.sides:
            base = self._base(side)
            made = []
            for number, (name, mutation) in enumerate(MUTATIONS.items()):
                seed = (scope.seed, number)
                places = np.random.default_rng(seed).permutation(mutation.places(base, seed))
                made += [(name, int(place), seed) for place in places[: scope.places]]
            order = np.random.default_rng([scope.seed, *self.name.encode(), *side.encode()]).permutation(len(made))
            for index in sorted(order[: scope.limit]):
                outcome = self._outcome(side, *made[index], base, tally)
                if outcome is not None:
                    yield outcome

    def _outcome(
        self, side: str, mutation: str, place: int, seed: Seed, base: ir.Model, tally: Tally
    ) -> Outcome | None:
        mutated = base.clone()
        op = str(base.graph[place].name)
        try:
            assert MUTATIONS[mutation].at(mutated, place, seed)
            change = self.change(mutated, side)
            if change <= EPS32:
                tally.unchanged += 1
                return None
            if side == "IR":
                found = self.verified(self.graph, mutated, self.source.graph)
            elif side == "passes":
                found = self.verified(mutated, mutated, self.source.graph)
            else:
                canonical = mutated.clone()
                normalize(canonical, None, self.defects)
                found = self.verified(canonical, canonical, mutated)
        except (OvprepError, AssertionError) as error:
            tally.refused += 1
            print(f"    {side}, {mutation} of {op}: {error}", flush=True)
            return None
        located = found.located
        wanted = origin_of(op, self.source.graph.graph) or op
        named = located is not None and (located.origin == wanted or op in (located.op, *located.region))
        told = "nothing" if located is None else f"{located.side} {located.op} from {located.origin}"
        return Outcome(self.name, side, mutation, op, change, not found.passed, named, told)


def score(names: list[str], files: list[Path], scope: Scope, threads: int) -> Tally:
    """Mutates the named models of the Keras zoo, and ONNX files."""
    tally = Tally([])
    with tempfile.TemporaryDirectory() as folder:
        models = [*save_zoo(Path(folder), names), *((file.stem, file) for file in files)]
        for name, path in models:
            try:
                trial = Trial(name, path, threads)
            except OvprepError as error:
                print(f"{name}: {error}", flush=True)
                continue
            with trial.worker:
                for outcome in trial.outcomes(scope, tally):
                    tally.outcomes.append(outcome)
                    print(_line(outcome), flush=True)
            own = [one for one in tally.outcomes if one.model == name]
            print(f"{name}: {len(own)} mutations, {sum(one.caught for one in own)} caught", flush=True)
    return tally


def false_alarms(names: list[str], files: list[Path], seeds: int, threads: int) -> int:
    """Faithful conversions that the proof refuses, over so many seeds each."""
    alarms = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, path in [*save_zoo(Path(folder), names), *((file.stem, file) for file in files)]:
            trial = Trial(name, path, threads)
            with trial.worker:
                found = [trial.verified(trial.graph, trial.graph, trial.source.graph, seed) for seed in range(seeds)]
            wrong = [seed for seed, one in enumerate(found) if not one.passed]
            alarms += len(wrong)
            print(f"{name}: {len(wrong)} false alarms in {seeds} seeds{f', at {wrong}' if wrong else ''}", flush=True)
    return alarms


def _line(one: Outcome) -> str:
    missed = "right" if one.caught and one.named else f"named {one.told}" if one.caught else "NOT CAUGHT"
    return f"    {one.model}, {one.side}: {one.mutation} of {one.op} (changes {one.change:.1g}): {missed}"


def summarise(tally: Tally) -> None:
    """A table by mutation and side, and the score."""
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
    total = len(tally.outcomes)
    print(
        f"{len(groups)} kinds, {total} mutations: {_share(_caught(tally.outcomes), total)} caught, "
        f"{_share(_named(tally.outcomes), total)} named; {tally.unchanged} more change nothing that float32 can show, "
        f"{tally.refused} could not be tried"
    )


def _caught(made: Sequence[Outcome]) -> int:
    return sum(one.caught for one in made)


def _named(made: Sequence[Outcome]) -> int:
    return sum(one.caught and one.named for one in made)


def _share(part: int, whole: int) -> str:
    return f"{part / max(whole, 1):.1%}"
