"""The model as a drawing: one row per op, dots joined by lines as in the history of a version control system.

It stays readable at any width, as a long chain with a few branches is what 1D CNNs are; names are text that can be
searched and copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ovprep.report.html.lanes import lanes_of
from ovprep.report.html.runs import TOO_MANY, Row, rows_of

ROW = 26
"""Height of a row in pixels; `style.css` has it too."""
_LANE, _MARGIN, _WIDEST = 16, 12, 150


@dataclass(frozen=True)
class Dot:
    """An op in the drawing; `x` and `y` are those of its dot, `right` is where the lines that pass it end."""

    row: Row
    x: float
    y: float
    right: float


@dataclass(frozen=True)
class Drawing:
    """One graph; `edges` are SVG paths with the class "removed" where they end in an op that is gone, else ""."""

    title: str
    dots: tuple[Dot, ...]
    edges: tuple[tuple[str, str], ...]
    width: float
    height: float
    words: str


def drawings(graph: Mapping[str, Any]) -> tuple[Drawing, ...]:
    """The model before and after; both with runs of ops as one row where either is large."""
    shortened = max(len(graph["before"]), len(graph["after"])) > TOO_MANY
    sides = (("Before, as it was read", graph["before"]), ("After, as it was written", graph["after"]))
    return tuple(draw_graph(title, ops, shortened=shortened) for title, ops in sides)


def draw_graph(title: str, ops: Sequence[dict[str, Any]], *, shortened: bool = False) -> Drawing:
    """Puts the rows one below the other, each in its lane."""
    rows = rows_of(ops, shortened=shortened)
    lanes = lanes_of([row.inputs for row in rows])
    most = max(lanes, default=0)
    step = min(_LANE, _WIDEST / max(most, 1))
    places = [(_MARGIN + lane * step, ROW * (number + 0.5)) for number, lane in enumerate(lanes)]
    rights = _rights(rows, [x for x, _ in places])
    dots = tuple(Dot(row, x, y, right) for row, (x, y), right in zip(rows, places, rights, strict=True))
    edges = tuple(
        (_path(places[source], places[number]), "removed" if "removed" in (row.change, rows[source].change) else "")
        for number, row in enumerate(rows)
        for source in row.inputs
    )
    return Drawing(title, dots, edges, 2 * _MARGIN + most * step, ROW * len(rows), _in_words(ops))


def _rights(rows: Sequence[Row], xs: Sequence[float]) -> list[float]:
    """How far right each row's own dot and the lines beside it reach."""
    rights = list(xs)
    for number, row in enumerate(rows):
        for source in row.inputs:
            for between in range(source + 1, number + 1):
                rights[between] = max(rights[between], xs[source])
    return rights


def _path(source: tuple[float, float], target: tuple[float, float]) -> str:
    """Down the lane of what makes the value, and over to its reader in the last row."""
    (x, y), (to_x, to_y) = source, target
    if x == to_x:
        return f"M{x:g} {y:g}V{to_y:g}"
    turn = to_y - ROW
    return f"M{x:g} {y:g}V{turn:g}C{x:g} {turn + ROW * 0.6:g} {to_x:g} {turn + ROW * 0.4:g} {to_x:g} {to_y:g}"


def _in_words(ops: Sequence[dict[str, Any]]) -> str:
    inner = [op for op in ops if op["type"] not in ("input", "output")]
    turns = sum(op["type"] == "Transpose" for op in inner)
    changed = [op["change"] for op in inner if op["change"]]
    words = [f"{len(inner)} op{'s' * (len(inner) != 1)}", f"{turns} Transpose{'s' * (turns != 1)}"]
    if changed:
        words.append(f"{len(changed)} {changed[0]}")
    return ", ".join(words)
