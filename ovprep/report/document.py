"""`report.json` and `manifest.json`: versioned, documented in docs/report.md, and read by other programs."""

import dataclasses
import importlib.metadata
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovprep import __version__
from ovprep.frontends.source import Source, sha256_of
from ovprep.interface import Interface, Port
from ovprep.passes.pipeline import Normalization
from ovprep.report.folder import MANIFEST
from ovprep.report.graph import GraphChange

if TYPE_CHECKING:
    from ovprep.bench.results import Benchmark
    from ovprep.proof.verify import Verification
    from ovprep.tasks.converting.target import RankChoice

SCHEMA = 1
REPORT = "report.json"


@dataclass(frozen=True)
class Artifact:
    """A file of the output folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Conversion:
    """All that a conversion did and found: what `report.json` holds.

    `openvino_version` is the one that the IR was made for, None for the one at hand. `execution_precision` is "f32"
    where the IR asks devices for it, else "default". `original` is the interface of the model as it was, `interface`
    that of the IR. `verification` and `benchmark` are None where they were not asked for. `options` are those that
    `convert` was called with and that are not its defaults, by name.
    """

    output: Path
    target: str
    openvino_version: str | None
    execution_precision: str
    source: Source
    original: Interface
    interface: Interface
    normalization: Normalization
    rank: "RankChoice"
    ops: Mapping[str, int]
    verification: "Verification | None"
    benchmark: "Benchmark | None"
    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...]
    graph: GraphChange
    options: Mapping[str, Any]

    @property
    def model_path(self) -> Path:
        """Where `model.xml` is."""
        return self.output / "model.xml"

    def report(self) -> dict[str, Any]:
        """The content of `report.json`: plain JSON values."""
        return {
            "schema": SCHEMA,
            "ovprep": __version__,
            "target": self.target,
            "openvino_version": self.openvino_version,
            "execution_precision": self.execution_precision,
            "options": plain(self.options),
            "source": _source(self.source),
            "interface": {**interface_document(self.interface), "original": interface_document(self.original)},
            "normalization": {
                **_normalization(self.normalization),
                "rank": plain(self.rank),
                "ops": dict(self.ops),
            },
            "verification": plain(self.verification),
            "benchmark": plain(self.benchmark),
            "artifacts": plain(self.artifacts),
            "warnings": list(self.warnings),
            "graph": plain(self.graph),
        }


@dataclass(frozen=True)
class Normalized:
    """A model in canonical form as an ONNX file, and what was done to it; `verification` is None if not asked for."""

    path: Path
    source: Source
    original: Interface
    interface: Interface
    normalization: Normalization
    verification: "Verification | None"
    warnings: tuple[str, ...]

    def report(self) -> dict[str, Any]:
        """The same as of a conversion, as far as it goes: plain JSON values."""
        return {
            "schema": SCHEMA,
            "ovprep": __version__,
            "source": _source(self.source),
            "interface": {**interface_document(self.interface), "original": interface_document(self.original)},
            "normalization": _normalization(self.normalization),
            "verification": plain(self.verification),
            "artifacts": [plain(Artifact(self.path.name, self.path.stat().st_size, sha256_of(self.path)))],
            "warnings": list(self.warnings),
        }


def artifacts_in(folder: Path) -> tuple[Artifact, ...]:
    """The files of a folder, by name, with their sizes and hashes; the manifest, which lists them, left out."""
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return tuple(Artifact(path.name, path.stat().st_size, sha256_of(path)) for path in files)


def write_documents(conversion: Conversion, folder: Path) -> None:
    """Writes `report.json`, the page drawn from it, then `manifest.json`, which lists all files of the folder."""
    from ovprep.report.html.page import PAGE, write_page

    report = conversion.report()
    _write(folder / REPORT, report)
    write_page(report, folder / PAGE)
    manifest = {
        "generator": "ovprep",
        "schema": SCHEMA,
        "version": __version__,
        "target": conversion.target,
        "source": {"name": conversion.source.path.name, "sha256": conversion.source.sha256},
        "model": "model.xml",
        "execution_precision": conversion.execution_precision,
        "interface": interface_document(conversion.interface),
        "verified": conversion.verification is not None and conversion.verification.passed,
        "reference": conversion.verification.reference if conversion.verification is not None else None,
        "files": plain(artifacts_in(folder)),
    }
    _write(folder / MANIFEST, manifest)


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects, infinities and NaN as the strings "inf", "-inf" and "nan"."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (Path, Fraction)):
        return str(value)
    return value


def _source(source: Source) -> dict[str, Any]:
    return {
        "path": str(source.path),
        "format": source.format,
        "sha256": source.sha256,
        "framework": source.framework,
    }


def _normalization(done: Normalization) -> dict[str, Any]:
    layout = done.layout
    return {
        "passes": [
            {"name": report.name, "summary": report.change.summary, "changed": list(report.change.details)}
            for report in done.passes
        ],
        "skipped": plain(done.skipped),
        "defects": [
            {
                "name": avoided.defect.name,
                "wrong": avoided.defect.wrong,
                "openvino": importlib.metadata.version("openvino"),
                "done": avoided.change.summary,
                "ops": list(avoided.change.details),
            }
            for avoided in done.defects
        ],
        "layout": {
            "bytes_before": layout.bytes_before,
            "bytes_after": layout.bytes_after,
            "transposes_before": layout.transposes_before,
            "transposes_after": layout.transposes_after,
            "transposes": plain(layout.explanation.transposes),
            "pins": [{"op": name, "reason": reason} for name, reason in (*layout.pins, *layout.unknown_ports)],
        },
    }


def interface_document(interface: Interface) -> dict[str, Any]:
    """An interface as reports have it."""
    return {
        "inputs": [_port(port) for port in interface.inputs],
        "outputs": [_port(port) for port in interface.outputs],
    }


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "dtype": port.dtype, "shape": list(port.dims), "layout": port.layout}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")
