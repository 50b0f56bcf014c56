"""One model of the zoo with wrong conversions of it held against the original.

Each mutation is made in three ways: of the canonical graph on its way into the IR, which leaves the IR wrong; of the
canonical graph itself, as a wrong pass would; and of the graph as it was read, as a wrong translation would, with all
that follows faithful to it.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from benchmarks.mutated import MUTATIONS, Seed
from ovprep.emit.openvino import save_ir, to_openvino
from ovprep.errors import OvprepError
from ovprep.frontends.open import read_model
from ovprep.graph.origin import origin_of
from ovprep.passes.pipeline import normalize
from ovprep.proof.compare import EPS32, differences, scale_of
from ovprep.proof.inputs.cases import NOISE, make_cases
from ovprep.proof.location.searching import Explain
from ovprep.proof.reference.double import DoubleReference
from ovprep.proof.verify import Verification, verify
from ovprep.tasks.defects import active_defects
from ovprep.tasks.examine import Candidate
from ovprep.workers.arrays import Array
from ovprep.workers.process import Worker

SIDES = ("IR", "passes", "translation")
TRIES = 2
"""Seeds of noise that a mutation is evaluated with in float64 before it is called no change."""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutation of one op: caught or not, and whether the layer that was named is right.

    `change` is the largest difference that it makes in float64, `noise` the largest that float32 makes of the very same
    graph; both in units of the output's scale.
    """

    model: str
    side: str
    mutation: str
    op: str
    change: float
    noise: float
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

    def faithful(self, seed: int) -> Verification:
        """The conversion as it is."""
        return self.verified(self.graph, self.graph, self.source.graph, seed)

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
            found = self._proof(mutated, side)
        except (OvprepError, AssertionError) as error:
            tally.refused += 1
            print(f"    {side}, {mutation} of {op}: {error}", flush=True)
            return None
        located = found.located
        wanted = origin_of(op, self.source.graph.graph) or op
        named = located is not None and (located.origin == wanted or op in (located.op, *located.region))
        told = "nothing" if located is None else f"{located.side} {located.op} from {located.origin}"
        return Outcome(self.name, side, mutation, op, change, _noise(found), not found.passed, named, told)

    def _proof(self, mutated: ir.Model, side: str) -> Verification:
        """What a verification makes of a mutated graph on one side."""
        if side == "IR":
            return self.verified(self.graph, mutated, self.source.graph)
        if side == "passes":
            return self.verified(mutated, mutated, self.source.graph)
        canonical = mutated.clone()
        normalize(canonical, None, self.defects)
        return self.verified(canonical, canonical, mutated)


def _noise(found: Verification) -> float:
    """What float32 does to the outputs for noise, in units of their scales."""
    noise, scales = found.tolerance.noise or {}, {row.output: row.scale for row in found.rows if row.signal == NOISE}
    return max((noise[name] / scale for name, scale in scales.items() if name in noise), default=0.0)
