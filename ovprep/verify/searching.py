"""When a verification searches for the first op that differs, and with which of its cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import RuntimeFailure, UnsupportedError
from ovprep.interface import Interface
from ovprep.verify.arrays import relayout_all
from ovprep.verify.cases import Case, shapes_of
from ovprep.verify.compare import Comparison
from ovprep.verify.locate import Pair, locate
from ovprep.verify.located import Located
from ovprep.verify.process import Worker

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
    """

    as_read: "ir.Model | None" = None
    folder: Path | None = None
    always: bool = False


def search(
    explain: Explain | None,
    pair: Pair,
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

    `worker` has the original, and keeps it."""
    failed = sorted((row for row in rows if not row.passed), key=_badness, reverse=True)
    if explain is None or not (failed or explain.always):
        return None
    layouts = [[port.layout for port in side.inputs] for side in (source, target)]
    found: list[str] = []
    for row in _distinct(failed or rows[:1])[:_TRIES]:
        case = next(case for case in cases if (case.signal, case.batch) == (row.signal, row.batch))
        there = relayout_all(case.inputs, *layouts)
        shapes = shapes_of(there) if row.shapes == "fixed" and source.open_dims() else None
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


def _badness(row: Comparison) -> tuple[bool, float]:
    """Single items first: whatever is wrong for one is easier to read."""
    return row.batch == 1, row.max_abs_error / row.tolerance if row.tolerance else row.max_abs_error


def _distinct(rows: Sequence[Comparison]) -> list[Comparison]:
    """One row for each case: outputs differ, the search does not."""
    return list({(row.signal, row.batch, row.shapes): row for row in reversed(rows)}.values())[::-1]
