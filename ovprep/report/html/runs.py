"""Large graphs, made short enough to look at: neighbours that have the same fate are shown as one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

TOO_MANY = 150
"""Ops that a drawing shows one by one; in larger graphs runs of ops become one row."""
_SHORTEST_RUN = 3
_ALONE = ("input", "output", "Transpose")


@dataclass(frozen=True)
class Row:
    """One row of a drawing: an op, or a run of them; `inputs` are rows above.

    `side` is "last" or "first", where the channels are, or "none"; `change` is that of `ListedOp`.
    """

    type: str
    name: str
    layout: str | None
    side: str
    change: str | None
    inputs: tuple[int, ...]
    count: int = 1


def rows_of(ops: Sequence[dict[str, Any]], *, shortened: bool) -> list[Row]:
    """The rows for a list of ops as `report.json` has it."""
    groups = [list(group) for _, group in groupby(range(len(ops)), key=lambda place: _fate(ops[place], place))]
    if not shortened:
        groups = [[place] for place in range(len(ops))]
    groups = [part for group in groups for part in _parts(group)]
    row_of = {place: row for row, group in enumerate(groups) for place in group}
    rows = []
    for row, group in enumerate(groups):
        sources = {row_of[source] for place in group for source in ops[place]["inputs"]} - {row}
        rows.append(_row([ops[place] for place in group], tuple(sorted(sources))))
    return rows


def side_of(layout: str | None) -> str:
    """Where the channels are: "last" in NWC, "first" in NCW, "none" where there is no such thing."""
    if not layout or len(layout) < 3 or "C" not in layout:
        return "none"
    return "last" if layout.endswith("C") else "first" if layout[1] == "C" else "none"


def _fate(op: dict[str, Any], place: int) -> tuple[object, ...]:
    """What the ops of a run have in common; unlike that of all others for ops that are to be seen."""
    if op["type"] in _ALONE:
        return (place,)
    return (side_of(op["layout"]), op["change"])


def _parts(group: list[int]) -> list[list[int]]:
    return [group] if len(group) >= _SHORTEST_RUN else [[place] for place in group]


def _row(ops: list[dict[str, Any]], inputs: tuple[int, ...]) -> Row:
    first = ops[0]
    if len(ops) == 1:
        return Row(first["type"], first["name"], first["layout"], side_of(first["layout"]), first["change"], inputs)
    types = Counter(op["type"] for op in ops)
    words = ", ".join(f"{kind} ×{number}" if number > 1 else kind for kind, number in types.most_common(4))
    return Row(f"{len(ops)} ops", words, first["layout"], side_of(first["layout"]), first["change"], inputs, len(ops))
