"""`ovprep verify`, for people."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from ovprep.cli.render_conversion import precision_lines
from ovprep.cli.tables import columns, dims, section
from ovprep.interface import Port
from ovprep.proof.explain import closeness
from ovprep.report.verified import Verified

if TYPE_CHECKING:
    from rich.console import Console

    from ovprep.proof.compare import Comparison
    from ovprep.proof.verify import Verification

_SHOWN = 24
"""Rows of the table before it holds the worst of each signal alone; all are in the report."""


def render_verification(console: "Console", found: Verified, written: Path | None) -> None:
    """The verdict, what was compared and how it fared, and what to know of it."""
    verification = found.verification
    console.print(
        f"[bold]{escape(str(found.original.path))}[/] and [bold]{escape(str(found.candidate.path))}[/]", soft_wrap=True
    )
    section(console, "Verdict", _verdict(verification))
    section(console, "Repeated", map(escape, _reproduction(found)))
    section(console, "Runtimes", map(escape, _runtimes(found)))
    section(console, "Matched", map(escape, _ports(found)))
    at_f32 = [row for row in verification.rows if row.precision == "f32"]
    section(console, "Signals", map(escape, _table(at_f32)))
    section(console, "Precisions", map(escape, precision_lines(verification)))
    section(console, "Checks", (escape(one.found) for one in verification.checks))
    section(console, "Allowed", [escape(verification.tolerance.explanation)])
    section(console, "Notes", map(escape, verification.notes))
    section(console, "Warnings", map(escape, found.warnings))
    if written is not None:
        section(console, "Report", [escape(str(written))])


def _verdict(found: "Verification") -> Iterable[str]:
    worst = found.worst
    if not found.passed:
        yield f"[red]not equal[/] at float32: {escape(found.failure())}"
        return
    yield (
        f"[green]equal[/] at float32: output {escape(worst.output)} differs by {worst.max_abs_error:.1e}, allowed "
        f"{worst.tolerance:.1e} ({escape(_where(worst))})"
    )


def _where(row: "Comparison") -> str:
    return f"{row.signal}, batch {row.batch}" if row.batch else row.signal


def _reproduction(found: Verified) -> Iterable[str]:
    if found.reproduction is None:
        return
    yield "reproduced" if found.reproduction.reproduced else "not reproduced"
    yield from found.reproduction.changes


def _runtimes(found: Verified) -> list[str]:
    verification = found.verification
    rows = [
        ("original", found.original.framework, verification.reference),
        ("candidate", found.candidate.framework, verification.candidate),
    ]
    return columns(rows)


def _ports(found: Verified) -> list[str]:
    """One line per input and output: the original's, and the candidate's where it has another name, shape or layout."""
    rows = []
    for kind, before, after in (
        ("input", found.source.inputs, found.interface.inputs),
        ("output", found.source.outputs, found.interface.outputs),
    ):
        for old, new in zip(before, after, strict=True):
            rows.append((kind, old.name, dims(old.dims), old.dtype, old.layout, _other(old, new)))
    return columns(rows)


def _other(old: Port, new: Port) -> str:
    name = f"{new.name} " if new.name != old.name else ""
    shape = f"{dims(new.dims)} {new.layout}" if new.layout != old.layout else ""
    return f"in the candidate {name}{shape}".rstrip() if name or shape else ""


def _table(rows: Sequence["Comparison"]) -> list[str]:
    """A line for each comparison, or for the worst of each signal and output where there are many."""
    shown = list(rows) if len(rows) <= _SHOWN else _worst_of_each(rows)
    head = ("signal", "batch", "output", "shapes", "largest", "of scale", "mean", "allowed", "flips", "")
    return columns([head, *map(_line, shown)], right=(1, 4, 5, 6, 7, 8))


def _worst_of_each(rows: Sequence["Comparison"]) -> list["Comparison"]:
    def key(row: "Comparison") -> tuple[str, str]:
        return row.signal, row.output

    order = {found: place for place, found in reversed(list(enumerate(map(key, rows))))}
    grouped = groupby(sorted(rows, key=lambda row: order[key(row)]), key=key)
    return [max(group, key=lambda row: (row.passed is False, closeness(row))) for _, group in grouped]


def _line(row: "Comparison") -> tuple[str, ...]:
    return (
        row.signal,
        str(row.batch or ""),
        row.output,
        row.shapes,
        f"{row.max_abs_error:.1e}",
        f"{row.max_rel_error:.1e}",
        f"{row.mean_abs_error:.1e}",
        "" if row.tolerance is None else f"{row.tolerance:.1e}",
        "" if row.argmax_flips is None else str(row.argmax_flips),
        {True: "equal", False: "differs", None: ""}[row.passed],
    )
