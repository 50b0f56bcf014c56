"""Runs the certificate of an earlier verification again."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovprep.errors import OptionError
from ovprep.proof.certificate import certificate_in, compare_certificates
from ovprep.proof.inputs.demand import Data
from ovprep.report.document import plain
from ovprep.report.verified import Verified
from ovprep.tasks.arguments import Progress
from ovprep.tasks.verifying.certifying import require_options
from ovprep.tasks.verifying.verify import verify

_TRUSTED = ("allow_code", "plugins")
"""Options that run code, which a report must not decide."""


def verify_certificate(
    report: str | os.PathLike[str],
    original: str | os.PathLike[str] | Any | None = None,
    candidate: str | os.PathLike[str] | Any | None = None,
    *,
    data: Sequence[Data] | None = None,
    weights: str | os.PathLike[str] | None = None,
    allow_code: bool = False,
    plugins: Sequence[str] = (),
    threads: int | None = None,
    explain: bool = False,
    difference: str | os.PathLike[str] | None = None,
    on_progress: Progress | None = None,
) -> Verified:
    """Repeats a verification from its `report.json`, and says what is not as it was.

    report      of `ovprep verify`, or of `ovprep convert`, or the folder that has it
    original, candidate, data, weights
                where these are now, if not where the report says: in the current folder, or beside the report
    allow_code, plugins
                must be given again where the verification was made with them, since they run code
    threads     as many as then by default
    explain, difference
                as in `verify`

    The result's `reproduction` says whether all is as it was, else what changed. Raises OptionError where there is no
    certificate, or a file is not found; else as `verify` does.
    """
    path = Path(report)
    if path.is_dir():
        path = path / "report.json"
    before, certificate = certificate_in(_read(path), path)
    recorded = dict(certificate["options"])
    require_options(recorded, path)
    given: dict[str, Any] = {"allow_code": allow_code, "plugins": tuple(plugins)}
    for name in _TRUSTED:
        if recorded.pop(name, None) and not given[name]:
            option = {"allow_code": "--allow-code", "plugins": "--plugin"}[name]
            raise OptionError(f"{path} was made with {option}, which runs code: give it again if you trust that code.")
    files, stored = recorded.pop("data", []), recorded.pop("weights", None)
    recorded["others"] = [_found(text, path, "other IR") for text in recorded.get("others", [])]
    found = verify(
        _place(certificate, "original", path) if original is None else original,
        _place(certificate, "candidate", path) if candidate is None else candidate,
        data=[_data_place(text, path) for text in files] if data is None else data,
        weights=_found(stored, path, "weights") if weights is None and stored is not None else weights,
        threads=certificate["machine"]["threads"] if threads is None else threads,
        explain=explain,
        difference=difference,
        on_progress=on_progress,
        **given,
        **recorded,
    )
    return replace(found, reproduction=compare_certificates(before, plain(found.verification)))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise OptionError(f"{path} is no report of ovprep: it is not JSON.") from error
    if not isinstance(content, dict):
        raise OptionError(f"{path} is no report of ovprep.")
    return content


def _place(certificate: Mapping[str, Any], role: str, report: Path) -> Path:
    return _found(certificate[role]["path"], report, role)


def _found(text: str, report: Path, what: str) -> Path:
    """Where a file of the certificate is: where it was, or beside the report."""
    there = Path(text)
    places = (there, report.parent / there, report.parent / there.name)
    place = next((one for one in places if one.exists()), None)
    if place is None:
        raise OptionError(f"The {what} of {report} is not at {text} any more; say where it is.")
    return place


def _data_place(text: str, report: Path) -> str:
    """The same for data, which may be NAME=FILE."""
    name, equals, rest = text.partition("=")
    if equals and not Path(text).exists():
        return f"{name}={_found(rest, report, 'data')}"
    return str(_found(text, report, "data"))
