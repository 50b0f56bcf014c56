"""The IR under test, run at each precision and with its shapes open and fixed."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.verify.arrays import Array, relayout, relayout_all
from ovprep.verify.cases import Case, shapes_of
from ovprep.verify.compare import Budget, Comparison, Setting, compare
from ovprep.verify.contender import Contender
from ovprep.verify.process import Worker


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
        budget: Budget,
    ) -> None:
        self._worker, self._contender = worker, contender
        self._source, self._target = source, target
        self._cases, self._wanted, self._budget = cases, wanted, budget
        self.notes: list[str] = []

    def at_f32(self) -> list[Comparison]:
        """Rows that decide: as delivered at every batch size, then with the shapes of the first batch size fixed.

        Raises RuntimeFailure where the IR cannot be loaded, or its worker dies.
        """
        self._worker.ready()
        if not self._source.open_dims():
            return self._rows(self._cases, "f32", "fixed", judged=True)
        rows = self._rows(self._cases, "f32", "open", judged=True)
        shapes = shapes_of(self._cases[0].inputs)
        first = [case for case in self._cases if shapes_of(case.inputs) == shapes]
        self._worker.load(self._contender, shapes=shapes_of(self._inputs(first[0])))
        return rows + self._rows(first, "f32", "fixed", judged=True)

    def at_default(self) -> tuple[list[Comparison], str | None]:
        """Rows at the device's default precision, none where that is f32, and its name, None where it does not run."""
        shapes = "open" if self._source.open_dims() else "fixed"
        try:
            loaded = self._worker.load(dataclasses.replace(self._contender, precision="default"))
            precision = loaded.precision
            rows = [] if precision == "f32" else self._rows(self._cases, precision, shapes, judged=False)
        except RuntimeFailure as error:
            self.notes.append(f"The IR does not run at the device's default precision: {error}")
            return [], None
        return rows, precision

    def _inputs(self, case: Case) -> list[Array]:
        layouts = [[port.layout for port in side.inputs] for side in (self._source, self._target)]
        return relayout_all(case.inputs, *layouts)

    def _rows(self, cases: Sequence[Case], precision: str, shapes: str, *, judged: bool) -> list[Comparison]:
        rows = []
        names = [port.name for port in self._source.outputs]
        for case in cases:
            setting = Setting(precision, shapes, case.signal, case.batch)
            given = self._run(case, f"{precision}, {shapes} shapes, {case.described()}")
            rows += compare(setting, names, self._wanted[case.described()], given, self._budget, judged=judged)
        return rows

    def _run(self, case: Case, what: str) -> list[Array]:
        """The IR's outputs in the original's layouts; none, with a note, where it refuses this case."""
        try:
            outputs = self._worker.run(self._inputs(case))
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            self.notes.append(f"The IR could not be run ({what}): {error}")
            return []
        given = []
        for array, here, there in zip(outputs, self._target.outputs, self._source.outputs, strict=False):
            if array.ndim != len(here.layout):
                self.notes.append(f"Output {there.name} has rank {array.ndim}, not {len(here.layout)} ({what}).")
                given.append(np.empty(0))
            else:
                given.append(relayout(array, here.layout, there.layout))
        return given
