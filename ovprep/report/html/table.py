"""Tables that can be sorted and copied, and how numbers are written in them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """What is shown, and the number to sort by where it stands for one."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Table:
    """Column heads, and rows of as many cells."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether a column holds numbers, which stand flush right."""
        return tuple(any(row[index].number is not None for row in self.rows) for index in range(len(self.heads)))


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell | str | None]]) -> Table:
    """A table of cells, words, and None for what is not known."""
    return Table(
        caption, tuple(heads), tuple(tuple(x if isinstance(x, Cell) else Cell(x or "") for x in row) for row in rows)
    )


def finite(value: Any) -> float | None:
    """A number of the report that can be drawn; None for one that is absent, or "inf" or "nan"."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def number(value: Any, form: str = ".3g") -> Cell:
    """A cell with a number; words such as "inf" as they are."""
    found = finite(value)
    return Cell("" if value is None else str(value)) if found is None else Cell(format(found, form), found)


def ms(value: Any) -> Cell:
    """Milliseconds with three significant digits, none of them an exponent: small models take microseconds."""
    found = finite(value)
    whole_digits = math.floor(math.log10(found)) + 1 if found is not None and found > 0 else 1
    return number(value, f".{max(0, 3 - whole_digits)}f")


def duration(value: float) -> str:
    """Milliseconds as such, or as µs where that is shorter."""
    return f"{ms(value).text} ms" if value >= 0.1 else f"{ms(1000 * value).text} µs"


def error(value: Any) -> Cell:
    """A difference: 4.5e-07."""
    return number(value, ".1e")


def size(value: Any) -> Cell:
    """Bytes as B, KiB or MiB."""
    found = finite(value)
    if found is None:
        return Cell("")
    for limit, unit in ((2**20, "MiB"), (2**10, "KiB")):
        if found >= limit:
            return Cell(f"{found / limit:.1f} {unit}", found)
    return Cell(f"{found:.0f} B", found)


def count(value: Any) -> Cell:
    """12,345 as such, millions as "4.5 M"."""
    found = finite(value)
    if found is None:
        return Cell("")
    for limit, unit in ((10**9, "G"), (10**6, "M")):
        if found >= limit:
            return Cell(f"{found / limit:.1f} {unit}", found)
    return Cell(f"{found:,.0f}", found)


def shape(dims: Sequence[Any]) -> str:
    """A shape as `[batch, 128, 6]`."""
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in dims) + "]"
