"""The IR under test, run at each precision and with its shapes open and fixed."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.proof.budgets import Budgets
from ovprep.proof.compare import Comparison, Setting, compare_output
from ovprep.proof.inputs.cases import Case, by_signal, shapes_of
from ovprep.proof.inputs.chain import NAME, Chain
from ovprep.workers.arrays import Array, relayout, relayout_all
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners import Loaded
from ovprep.workers.runners.saturation import Inner, widened


class Subject:
    """The IR in its worker, and what it is compared with: the original's outputs by case, in the original's layouts."""

    def __init__(
        self,
        worker: Worker,
        contender: Contender,
        source: Interface,
        target: Interface,
        cases: Sequence[Case],
        wanted: Mapping[str, Sequence[Array]],
        budgets: Budgets,
    ) -> None:
        self._worker, self._contender = worker, contender
        self.source, self._target = source, target
        self.cases, self._wanted, self.budgets = cases, wanted, budgets
        self.notes: list[str] = []
        self.version = ""
        self.given: dict[str, list[Array]] = {}
        """What the IR as delivered gave at f32, by case."""

    @property
    def called(self) -> str:
        """What sentences call it."""
        return "IR" if self._contender.runtime == "openvino" else "candidate"

    @property
    def shapes(self) -> str:
        """What rows say of the shapes of the IR as delivered."""
        return "open" if self.source.open_dims() else "fixed"

    def at_f32(self) -> list[Comparison]:
        """Rows that decide: the IR as delivered, on all cases.

        Raises RuntimeFailure where the IR cannot be loaded, or its worker dies.
        """
        self.version = self._worker.ready().version
        rows = []
        for case in self.cases:
            self.given[case.described()] = given = self.run(case, f"f32, {self.shapes} shapes, {case.described()}")
            rows += self._compared(case, given, "f32", self.shapes, judged=True)
        return rows

    def in_a_row(self, wanted: Sequence[Array], chain: Chain) -> list[Comparison]:
        """Rows that decide: many calls, each fed the state that the last one gave."""
        try:
            given = chain.outputs(self.outputs)
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            self.notes.append(f"The {self.called} could not be run ({NAME}): {error}")
            given = []
        self._wanted = {**self._wanted, NAME: wanted}
        return self._compared(Case(NAME, 0, [], False), given, "f32", self.shapes, judged=True)

    def at_fixed_shapes(self) -> list[Comparison]:
        """Rows that decide: with the shapes of the first case fixed; none where they are anyway, or cannot be."""
        if not self.source.open_dims() or self._contender.runtime != "openvino":
            return []
        shapes = shapes_of(self.cases[0].inputs)
        first = [case for case in self.cases if shapes_of(case.inputs) == shapes]
        self.load_for(first[0])
        return self._rows(first, "f32", "fixed", judged=True)

    def at_default(self) -> tuple[list[Comparison], str | None]:
        """Rows at the device's default precision, none where that is f32, and its name, None where it does not run."""
        try:
            loaded = self._worker.load(dataclasses.replace(self._contender, precision="default"))
            precision = loaded.precision
            rows = [] if precision == "f32" else self._rows(self.cases, precision, self.shapes, judged=False)
        except RuntimeFailure as error:
            self.notes.append(f"The {self.called} does not run at the device's default precision: {error}")
            return [], None
        return rows, precision

    def with_f16_weights(self) -> list[Comparison]:
        """Rows at f32 with weights that went through float16, as files of half the size hold them."""
        try:
            self._worker.load(dataclasses.replace(self._contender, precision="f16 weights"))
            return self._rows(self.cases, "f16 weights", self.shapes, judged=False)
        except RuntimeFailure as error:
            self.notes.append(f"The {self.called} does not run with weights in float16: {error}")
            return []

    def of_another(self, name: str, path: Path) -> list[Comparison]:
        """Rows of another IR of the same model, such as a quantised one, at f32; they do not decide."""
        try:
            self._worker.load(dataclasses.replace(self._contender, path=path))
            return self._rows(self.cases, name, self.shapes, judged=False)
        except RuntimeFailure as error:
            self.notes.append(f"{name} does not run: {error}")
            return []

    def before_activations(
        self, inner: tuple[Inner, ...], translated: Mapping[str, Sequence[Array]]
    ) -> list[Comparison]:
        """Rows that decide: what final activations take, against the canonical graph's in float32."""
        if not inner:
            return []
        numbers = tuple(one.index for one in inner)
        outer, count = (self.source, self._target, self._wanted), len(self.source.outputs)
        try:
            self._worker.load(dataclasses.replace(self._contender, inner=numbers))
            self.source, self._target = (widened(side, inner) for side in outer[:2])
            self._wanted = translated
            rows = self._rows([case for case in self.cases if case.described() in translated], "f32", self.shapes)
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            self.notes.append(f"Not compared before the final activations: {error}")
            return []
        finally:
            self.source, self._target, self._wanted = outer
        names = {port.name for port in widened(self.source, inner).outputs[count:]}
        return [row for row in rows if row.output in names]

    def load_for(self, case: Case) -> Loaded:
        """The IR anew at f32 with its shapes fixed to those of a case."""
        return self._worker.load(self._contender, shapes=shapes_of(self._inputs(case)))

    def run(self, case: Case, what: str) -> list[Array]:
        """The IR's outputs in the original's layouts; none, with a note, where it refuses this case."""
        try:
            return self.outputs(case)
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            self.notes.append(f"The {self.called} could not be run ({what}): {error}")
            return []

    def outputs(self, case: Case) -> list[Array]:
        """The same, with RuntimeFailure where it refuses."""
        given = []
        outputs = self._worker.run(self._inputs(case))
        for array, here, there in zip(outputs, self._target.outputs, self.source.outputs, strict=False):
            if array.ndim != len(here.layout):
                self.notes.append(f"Output {there.name} has rank {array.ndim}, not {len(here.layout)}.")
                given.append(np.empty(0))
            else:
                given.append(relayout(array, here.layout, there.layout))
        return given

    def _inputs(self, case: Case) -> list[Array]:
        layouts = [[port.layout for port in side.inputs] for side in (self.source, self._target)]
        return relayout_all(case.inputs, *layouts)

    def _rows(self, cases: Sequence[Case], precision: str, shapes: str, *, judged: bool = True) -> list[Comparison]:
        rows = []
        for case in cases:
            given = self.run(case, f"{precision}, {shapes} shapes, {case.described()}")
            rows += self._compared(case, given, precision, shapes, judged=judged)
        return rows

    def _compared(
        self, case: Case, given: Sequence[Array], precision: str, shapes: str, *, judged: bool
    ) -> list[Comparison]:
        """Rows of one case: one per output and signal."""
        rows = []
        wanted = self._wanted[case.described()]
        for index, (port, want) in enumerate(zip(self.source.outputs, wanted, strict=True)):
            have = given[index] if index < len(given) else None
            for signal, base, one, other in by_signal(case, port, want, have):
                setting = Setting(precision, shapes, signal, case.batch)
                tells = judged and self.budgets.telling(base, index)
                rows.append(compare_output(setting, port.name, index, one, other, self.budgets.of(base), judged=tells))
        return rows
