"""When a verification searches for the first op that differs, and with which of its cases."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import RuntimeFailure, UnsupportedError
from ovprep.interface import Interface
from ovprep.proof.compare import Comparison
from ovprep.proof.inputs.cases import Case, case_of, shapes_of
from ovprep.proof.location.locate import Pair, Tensors, locate
from ovprep.proof.location.located import Located
from ovprep.workers.arrays import relayout_all
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker

if TYPE_CHECKING:
    import onnx_ir as ir

_TRIES = 3
"""Rows to search with where the first ones show nothing: silence, say, passes through many a wrong op."""


@dataclass(frozen=True, eq=False)
class Explain:
    """What a search needs beyond what a verification has.

    as_read     the graph as it was read, with the original's interface; None leaves the translation unsearched
    folder      an empty folder for a reproducer; None for none
    always      search where nothing differs, too, to say how close each op is
    behind      gives the graph behind the candidate, with its interface, where that is another than the noise is
                measured by; None where there is none
    tensors     how the candidate's tensors are told: see `Pair`
    """

    as_read: "ir.Model | None" = None
    folder: Path | None = None
    always: bool = False
    behind: "Callable[[], ir.Model | None] | None" = None
    tensors: Tensors = "same"

    def pair(self, canonical: "ir.Model | None", original: Contender, candidate: Contender) -> Pair | None:
        """The two models; None where no graph is known."""
        graph = canonical if self.behind is None else self.behind()
        return None if graph is None else Pair(self.as_read, graph, original, candidate, self.tensors)


def search(
    explain: Explain | None,
    pair: Pair | None,
    rows: Sequence[Comparison],
    cases: Sequence[Case],
    source: Interface,
    target: Interface,
    *,
    threads: int,
    worker: Worker,
    notes: list[str],
) -> Located | None:
    """The first op that differs, searched with the cases of the worst rows; what was seen is added to the notes.

    `worker` has the original, and keeps it.
    """
    own = {port.name for port in source.outputs}
    failed = sorted((row for row in rows if row.passed is False), key=lambda row: _badness(row, own), reverse=True)
    if explain is None or pair is None or not (failed or explain.always):
        return None
    layouts = [[port.layout for port in side.inputs] for side in (source, target)]
    found: list[str] = []
    for case, fixed in _distinct(failed or rows[:1], cases)[:_TRIES]:
        there = relayout_all(case.inputs, *layouts)
        shapes = shapes_of(there) if fixed and source.open_dims() else None
        try:
            seen = locate(
                pair,
                case.inputs,
                there,
                shapes=shapes,
                threads=threads,
                worker=worker if worker.alive else None,
                folder=explain.folder if failed else None,
                thorough=explain.always,
            )
        except (RuntimeFailure, UnsupportedError) as error:
            found = [f"Where it differs was not found out: {error}"]
            continue
        if seen.located is not None and failed:
            notes += seen.notes
            return seen.located
        if seen.located is not None:  # a tolerance is an estimate, and an op may exceed it where no output does
            found = [f"All outputs agree. {note}" for note in seen.notes]
            break
        found = list(seen.notes)
    notes += found
    return None


def _badness(row: Comparison, outputs: Collection[str]) -> tuple[bool, bool, float]:
    """Outputs before what final activations take; and single items first: what is wrong for one is easier to read."""
    excess = row.max_abs_error / row.tolerance if row.tolerance else row.max_abs_error
    return row.output in outputs, row.batch == 1, excess


def _distinct(rows: Sequence[Comparison], cases: Sequence[Case]) -> list[tuple[Case, bool]]:
    """The cases of these rows, and whether shapes were fixed: once each, whatever signal of a batch a row is about.

    A row that is about many calls has none.
    """
    found: dict[tuple[str, bool], tuple[Case, bool]] = {}
    for row in rows:
        case, fixed = case_of(cases, row.signal, row.batch), row.shapes == "fixed"
        if case is not None:
            found.setdefault((case.described(), fixed), (case, fixed))
    return list(found.values())
