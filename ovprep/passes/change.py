"""What a pass did, for the report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """`summary` is one line for the terminal; `details` name the places."""

    summary: str
    details: tuple[str, ...] = ()


def counted(number: int, one: str, many: str | None = None) -> str:
    """ "1 Transpose", "3 Transposes"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
