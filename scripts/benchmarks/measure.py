"""What was asked for, what was seen, and whether that is enough."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One target of the project, held against what was measured."""

    name: str
    seen: str
    holds: bool

    def __str__(self) -> str:
        return f"{'holds ' if self.holds else 'MISSED'}  {self.name}: {self.seen}"
