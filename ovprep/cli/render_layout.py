"""`ovprep inspect --layout`, for people."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from rich.markup import escape

from ovprep.cli.tables import columns, dims, section, size
from ovprep.layout.explain import PlacedOp, StayingTranspose
from ovprep.passes.change import counted
from ovprep.tasks.inspection import LayoutReport

if TYPE_CHECKING:
    from rich.console import Console

    from ovprep.emit.compiled import CompiledMoves

_NAMED = 3
"""Names in a line that lists ops, before it says how many more there are."""
_SHOWN = 12
"""Transposes, and moves of the compiled model, that are shown: the largest. All are in the JSON."""


def render_layout(console: "Console", found: LayoutReport, sizes: str) -> None:
    """What is transposed and why, where each op runs, what is pinned, and what moves data in the compiled model."""
    section(console, "Plan", map(escape, _totals(found)))
    section(console, "Transposed", map(escape, _forced([entry for entry in found.transposes if entry.bytes])))
    section(console, "Free", map(escape, _free([entry for entry in found.transposes if not entry.bytes])))
    section(console, "Layouts", map(escape, _runs(found.ops)))
    section(console, "Pinned", map(escape, _pins(found.ops)))
    section(console, "Compiled", map(escape, _compiled(found.compiled, sizes)))


def _totals(found: LayoutReport) -> list[str]:
    rows = [
        ("", "as written", "as planned"),
        ("bytes transposed", size(found.bytes_before), size(found.bytes_after)),
        ("Transposes", str(found.transposes_before), str(found.transposes_after)),
    ]
    return [*columns(rows, right=(1, 2)), "per inference at batch 1, each open axis counted as 1,000"]


def _forced(entries: Sequence[StayingTranspose]) -> Iterable[str]:
    shown, rest = _largest(entries)
    rows = columns([(size(entry.bytes), _turn(entry), dims(entry.shape), _between(entry)) for entry in shown], (0,))
    for entry, row in zip(shown, rows, strict=True):
        yield row
        yield from (f"    {reason.op}: {reason.reason}" for reason in entry.because)
    yield from rest


def _free(entries: Sequence[StayingTranspose]) -> Iterable[str]:
    if entries:
        yield "an axis of size one: written as a Reshape"
    yield from columns([(_turn(entry), dims(entry.shape), _between(entry)) for entry in entries])


def _between(entry: StayingTranspose) -> str:
    return f"{entry.givers[0]} → {_names(entry.takers)}"


def _turn(entry: StayingTranspose) -> str:
    before, after = entry.layouts
    return f"{before} → {after}" if before and after else ""


def _runs(ops: Sequence[PlacedOp]) -> list[str]:
    """One line for each run of ops in the same layout."""
    rows = []
    for label, group in groupby(ops, key=lambda op: op.layout or ("the other" if op.moved else "as written")):
        run = list(group)
        moved = sum(op.moved for op in run)
        what = f"{len(run)} ops{f', {moved} moved' if moved else ''}" if len(run) > 1 else run[0].type
        rows.append((label, what, run[0].op if len(run) == 1 else f"{run[0].op} … {run[-1].op}"))
    return columns(rows)


def _pins(ops: Sequence[PlacedOp]) -> Iterable[str]:
    """The ops that cannot move, by reason."""
    held: dict[str, list[str]] = {}
    for op in ops:
        if op.pin is not None:
            held.setdefault(op.pin, []).append(op.op)
    return (f"{reason}: {_names(names)}" for reason, names in held.items())


def _compiled(found: "CompiledMoves", sizes: str) -> Iterable[str]:
    if found.reason is not None:
        yield f"not known, as OpenVINO does not compile it: {found.reason}"
        return
    from ovprep.emit.compiled import KINDS

    moves = [move for move in found.moves if move.bytes]
    totals = [_total(kind, [move.bytes for move in moves if move.type == kind]) for kind in KINDS]
    free = len(found.moves) - len(moves)
    also = f"; {free} more that move{'s' if free == 1 else ''} nothing" if free else ""
    yield f"{found.device}, {found.precision}{f', at {sizes}' if sizes else ''}: {', '.join(totals)}{also}"
    shown, rest = _largest(moves)
    yield from columns(
        [(m.type, size(m.bytes), m.order, dims(m.shape), f"{m.source} → {m.reader}") for m in shown], (1,)
    )
    yield from rest


def _total(kind: str, moved: Sequence[int]) -> str:
    return counted(len(moved), kind) + (f" ({size(sum(moved))})" if moved else "")


class _Sized(Protocol):
    @property
    def bytes(self) -> int: ...


_S = TypeVar("_S", bound=_Sized)


def _largest(entries: Sequence[_S]) -> tuple[list[_S], list[str]]:
    """The entries that move most, in their order, and a line for the others, if there are any."""
    most = sorted(range(len(entries)), key=lambda index: -entries[index].bytes)
    rest = [entries[index].bytes for index in most[_SHOWN:]]
    line = [f"and {len(rest)} more ({size(sum(rest))}), in the JSON"] if rest else []
    return [entries[index] for index in sorted(most[:_SHOWN])], line


def _names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
