"""The original in its worker: what it gives for which cases."""

from collections.abc import Sequence

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import Interface
from ovprep.proof.inputs.cases import Case, parts_of
from ovprep.proof.inputs.chain import Chain
from ovprep.workers.arrays import Array
from ovprep.workers.process import Worker


class Original:
    """The original in its worker, and its `outputs` by case.

    It must run the first case at least; where axes that its file fixes were `opened`, it must run all signals.
    """

    def __init__(self, worker: Worker, source: Interface, notes: list[str], *, opened: bool) -> None:
        worker.ready()
        self._worker, self._source, self._notes, self._opened = worker, source, notes, opened
        self.outputs: dict[str, list[Array]] = {}

    def run_signals(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that it runs; one signal after the other where it does not run several items."""
        done = []
        for case in cases:
            reason = self._refusal(case)
            if reason is None:
                done.append(case)
                continue
            if self._opened:
                raise RuntimeFailure(
                    f"The original does not run for {case.described()} with its axes open, so leave them as they are: "
                    f"{reason}"
                )
            if not case.items:
                raise RuntimeFailure(reason)
            self._notes.append(f"Not compared for {case.described()}, which the original itself cannot run: {reason}")
            alone = [part for part in parts_of(case, self._source.inputs) if part.described() not in self.outputs]
            done += [part for part in alone if self._refusal(part) is None]
        return done

    def run_extra(self, cases: Sequence[Case]) -> list[Case]:
        """All of them. Raises RuntimeFailure for the first that it does not run."""
        for case in cases:
            if reason := self._refusal(case):
                raise RuntimeFailure(f"The original does not run {case.described()}: {reason}")
        return list(cases)

    def run_one_of(self, cases: Sequence[Case]) -> list[Case]:
        """The first that it runs, with a note where it runs none."""
        reason = None
        for case in cases:
            reason = self._refusal(case)
            if reason is None:
                return [case]
        if reason is not None:
            self._notes.append(f"Not compared at a second length, which the original itself cannot run: {reason}")
        return []

    def in_a_row(self, chain: Chain) -> list[Array]:
        """The outputs of many calls. Raises RuntimeFailure where it does not run them."""
        return chain.outputs(lambda case: self._worker.run(case.inputs))

    def _refusal(self, case: Case) -> str | None:
        """Why it does not run this case; None where it does. Raises RuntimeFailure where it died."""
        try:
            self.outputs[case.described()] = self._worker.run(case.inputs)
        except RuntimeFailure as error:
            if not self._worker.alive:
                raise
            return str(error)
        return None

    def require_numbers(self) -> None:
        """Raises RuntimeFailure where one of its outputs holds NaN."""
        for case, arrays in self.outputs.items():
            for array, port in zip(arrays, self._source.outputs, strict=True):
                if array.dtype.kind == "f" and np.isnan(array).any():
                    raise RuntimeFailure(
                        f"The original's output {port.name!r} holds NaN for {case}, with which nothing can be compared."
                    )
