"""Plain aligned text, the same on a terminal and in a pipe."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

LABEL_WIDTH = 11
"""Columns for the name of a section, left of its lines."""


def section(console: "Console", label: str, lines: Iterable[str]) -> None:
    """Prints the lines of a section, its name in bold beside the first; prints nothing where there are none."""
    for index, line in enumerate(lines):
        if index == 0:
            console.print()
        margin = f"[bold]{label:{LABEL_WIDTH}}[/]" if index == 0 else " " * LABEL_WIDTH
        console.print(f"{margin}{line}", soft_wrap=True)


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows of cells as lines with aligned columns; the columns numbered in `right` are flush right."""
    if not rows:
        return []
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def count(number: int) -> str:
    """12,345 as "12,345", millions as "4.5 M"."""
    for limit, unit in ((10**9, "G"), (10**6, "M")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes as B, KiB or MiB."""
    if number >= 2**20:
        return f"{number / 2**20:.1f} MiB"
    return f"{number / 2**10:.1f} KiB" if number >= 2**10 else f"{number} B"


def dims(shape: Iterable[int | str | None]) -> str:
    """A shape, "?" for axes that nothing tells of: `[batch, 128, 6]`."""
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in shape) + "]"
