"""The three kinds of report that have one schema: of a conversion, of `ovprep benchmark`, of `ovprep verify`."""

import json
from pathlib import Path
from typing import Any, Literal

from ovprep.errors import OutputError

Kind = Literal["conversion", "benchmark", "verification"]

_KEYS: dict[Kind, set[str]] = {
    "benchmark": {"models", "benchmark"},
    "verification": {"candidate", "verification"},
    "conversion": {"source", "normalization"},
}
_COMMANDS: dict[Kind, str] = {
    "conversion": "ovprep convert",
    "benchmark": "ovprep benchmark",
    "verification": "ovprep verify",
}


def kind_of(content: Any) -> Kind | None:
    """What JSON is the report of; None where it is none of ovprep's."""
    if not isinstance(content, dict):
        return None
    return next((kind for kind, keys in _KEYS.items() if {"schema", *keys} <= content.keys()), None)


def require_report_place(path: Path, kind: Kind) -> None:
    """Raises OutputError unless there is nothing at `path`, or an earlier report of this kind."""
    if not path.exists():
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Give a file for the report with --output, as {path / 'report.json'}.")
    try:
        found = kind_of(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        found = None
    if found != kind:
        raise OutputError(f"{path} exists and is no report of {_COMMANDS[kind]}. Choose another place with --output.")
