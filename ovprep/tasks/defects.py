"""Which defects of OpenVINO's CPU plugin are to be avoided here: with this version, on this machine."""

import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from ovprep import __version__
from ovprep.bench.environment import isa
from ovprep.errors import RuntimeFailure
from ovprep.passes.defects.row import TESTED, Defect
from ovprep.passes.defects.table import DEFECTS

_TESTED_ON = ("x86_64", "AMD64")


def active_defects(
    on_stage: Callable[[str], None] = lambda stage: None, table: Sequence[Defect] = DEFECTS
) -> tuple[Defect, ...]:
    """The rows that hold for the OpenVINO that is installed.

    Of a version that the table knows, as it says. Of any other, those whose reproducer fails: that is tried once, and
    remembered in the user's cache. Where it cannot be tried, all rows, since every rewrite is right without need too.
    """
    version = importlib.metadata.version("openvino")
    if version in TESTED and platform.machine() in _TESTED_ON:
        return tuple(row for row in table if version in row.seen)
    verdicts = _remembered(_place(version))
    missing = [row for row in table if row.name not in verdicts]
    if missing:
        on_stage(f"trying what OpenVINO {version} computes wrongly")
        try:
            verdicts |= tried(missing)
        except RuntimeFailure:
            return tuple(table)
        _remember(_place(version), verdicts)
    return tuple(row for row in table if not verdicts[row.name])


def tried(rows: Sequence[Defect]) -> dict[str, bool]:
    """Whether the plugin that is installed computes the reproducer of each row rightly.

    Raises RuntimeFailure where OpenVINO does not start.
    """
    from ovprep.workers import reproduce

    with tempfile.TemporaryDirectory(prefix="ovprep-") as scratch:
        folder = Path(scratch)
        for row in rows:
            case = row.reproduce()
            onnx.save(ir.to_proto(case.model), folder / f"{row.name}.onnx")
            np.savez(folder / f"{row.name}.npz", **case.feeds)  # type: ignore[arg-type]
        return reproduce.tried(folder, [row.name for row in rows])


def _place(version: str) -> Path:
    """The file for this OpenVINO, this CPU and this table."""
    machine = hashlib.sha256(" ".join((platform.machine(), *isa())).encode()).hexdigest()[:8]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "ovprep" / f"defects-{__version__}-openvino-{version}-{machine}.json"


def _remembered(place: Path) -> dict[str, bool]:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): verdict is True for name, verdict in found.items()} if isinstance(found, dict) else {}


def _remember(place: Path, verdicts: dict[str, bool]) -> None:
    """Writes the file as a whole; where there is no place for it, the next run tries anew."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = place.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(verdicts), encoding="utf-8")
        scratch.replace(place)
    except OSError:
        return
