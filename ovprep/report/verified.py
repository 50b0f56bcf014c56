"""What `ovprep verify` leaves behind: a report of the same schema as that of a conversion, as far as it goes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovprep import __version__
from ovprep.interface import Interface
from ovprep.proof.certificate import Reproduction
from ovprep.proof.verify import Verification
from ovprep.report.document import SCHEMA, interface_document, plain
from ovprep.report.folder import new_file

if TYPE_CHECKING:
    from ovprep.tasks.sides import Side


@dataclass(frozen=True, eq=False)
class Verified:
    """Two models held against each other.

    `source` is the interface of the original, `interface` that of the candidate in the order and the letters of the
    original's. `reproduction` is there where a certificate was run again.
    """

    original: "Side"
    candidate: "Side"
    source: Interface
    interface: Interface
    verification: Verification
    warnings: tuple[str, ...] = ()
    reproduction: Reproduction | None = None

    @property
    def passed(self) -> bool:
        """Whether they are equal."""
        return self.verification.passed

    @property
    def holds(self) -> bool:
        """Whether they are equal and, where a certificate was run again, its files are the same."""
        return self.passed and (self.reproduction is None or self.reproduction.same_files)

    def report(self) -> dict[str, Any]:
        """Plain JSON values, as docs/report.md has them."""
        return {
            "schema": SCHEMA,
            "ovprep": __version__,
            "source": _side(self.original),
            "candidate": _side(self.candidate),
            "interface": {**interface_document(self.interface), "original": interface_document(self.source)},
            "verification": plain(self.verification),
            "reproduction": plain(self.reproduction),
            "warnings": list(self.warnings),
        }

    def write(self, path: Path) -> None:
        """Writes the report to a file. Raises OutputError where it cannot be written."""
        with new_file(path) as scratch:
            scratch.write_text(json.dumps(self.report(), indent=2, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")


def _side(side: "Side") -> dict[str, Any]:
    return {"path": str(side.path), "format": side.format, "sha256": side.sha256, "framework": side.framework}
