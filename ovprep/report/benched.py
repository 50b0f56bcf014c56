"""What `ovprep benchmark` leaves behind: a report of the same schema as that of a conversion, as far as it goes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovprep import __version__
from ovprep.bench.against import Against
from ovprep.bench.results import Benchmark, Gate
from ovprep.interface import Interface
from ovprep.report.document import SCHEMA, interface_document, plain
from ovprep.report.folder import new_file


@dataclass(frozen=True)
class TimedModel:
    """A model that took part, under its name in the tables."""

    label: str
    path: Path
    format: str
    sha256: str
    framework: str


@dataclass(frozen=True)
class Benchmarked:
    """Models timed against the first of them, under each of the conditions that were asked for.

    `interface` is that of the first, with the sizes that were fed. `against` compares the first of the `benchmarks`
    with an earlier run. `options` are those that were asked for, as `ovprep.benchmark` names them.
    """

    models: tuple[TimedModel, ...]
    interface: Interface
    sizes: dict[str, int]
    benchmarks: tuple[Benchmark, ...]
    against: Against | None
    warnings: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def benchmark(self) -> Benchmark:
        """That under the first of the conditions."""
        return self.benchmarks[0]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """All gates, under all conditions."""
        return tuple(gate for found in self.benchmarks for gate in found.gates)

    @property
    def partial(self) -> bool:
        """Whether it was interrupted."""
        return any(found.partial for found in self.benchmarks)

    def report(self) -> dict[str, Any]:
        """Plain JSON values, as docs/report.md has them."""
        first = self.models[0]
        return {
            "schema": SCHEMA,
            "ovprep": __version__,
            "source": {
                "path": str(first.path),
                "format": first.format,
                "sha256": first.sha256,
                "framework": first.framework,
            },
            "models": plain(self.models),
            "options": plain(self.options),
            "interface": interface_document(self.interface),
            "sizes": dict(self.sizes),
            "benchmark": plain(self.benchmarks[0]),
            "further": plain(self.benchmarks[1:]),
            "against": plain(self.against),
            "warnings": list(self.warnings),
        }

    def write(self, path: Path) -> None:
        """Writes the report to a file. Raises OutputError where it cannot be written."""
        with new_file(path) as scratch:
            scratch.write_text(json.dumps(self.report(), indent=2, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")
