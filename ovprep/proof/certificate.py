"""What a verification rests on, so that anyone can run it again: files, inputs, options, versions, machine."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ovprep.errors import OptionError
from ovprep.proof.compare import EPS32, ULPS
from ovprep.proof.inputs.cases import Case

ROW_KEY = ("precision", "shapes", "signal", "batch", "output")
"""What tells the rows of a report apart."""


@dataclass(frozen=True)
class File:
    """A model or a file of data, with its hash; of an IR, that of the list of its two files, as `sha256sum` has it."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Machine:
    """What computed: versions by package, the CPU, its instruction sets that decide which kernels run, and threads."""

    versions: Mapping[str, str]
    cpu: str
    isa: tuple[str, ...]
    threads: int


@dataclass(frozen=True)
class Certificate:
    """All that a verification can be run again from.

    `options` are those of `ovprep.verify`, as JSON has them.
    """

    original: File
    candidate: File
    data: tuple[File, ...]
    options: Mapping[str, Any]
    machine: Machine


@dataclass(frozen=True)
class Reproduction:
    """A certificate held against a new run.

    `reproduced` says that the new run is of the same files and inputs and found the same; `changes` are sentences on
    what is not the same, versions and machine included, and `same_files` whether models and data are.
    """

    reproduced: bool
    same_files: bool
    changes: tuple[str, ...]


def hashes(cases: Sequence[Case]) -> dict[str, str]:
    """SHA-256 of each case's inputs, types and shapes included, by the name of the case."""
    found = {}
    for case in cases:
        digest = hashlib.sha256()
        for array in case.inputs:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        found[case.described()] = digest.hexdigest()
    return found


def certificate_in(report: Mapping[str, Any], path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The `verification` of a report.json, and the certificate in it. Raises OptionError where it has none."""
    verification = report.get("verification")
    found = verification.get("certificate") if isinstance(verification, dict) else None
    if not isinstance(verification, dict) or not isinstance(found, dict) or not _is_whole(verification, found):
        raise OptionError(
            f"{path} holds no certificate: take the report.json of ovprep verify, or of ovprep convert without "
            "--no-verify."
        )
    return verification, found


def _is_whole(verification: Mapping[str, Any], certificate: Mapping[str, Any]) -> bool:
    """Whether all that is read of a certificate is there, in a report that may have been written by anything."""
    try:
        files = [certificate["original"], certificate["candidate"], *certificate["data"]]
        machine = certificate["machine"]
        return (
            all(isinstance(file["path"], str) and isinstance(file["sha256"], str) for file in files)
            and isinstance(machine["versions"], dict)
            and isinstance(machine["cpu"], str)
            and all(isinstance(name, str) for name in machine["isa"])
            and isinstance(machine["threads"], int)
            and isinstance(certificate["options"], dict)
            and isinstance(verification["passed"], bool)
            and isinstance(verification["inputs"], dict)
            and len(verification["rows"]) > 0
            and all(_is_row(row) for row in verification["rows"])
        )
    except (KeyError, TypeError, ValueError):
        return False


def _is_row(row: Mapping[str, Any]) -> bool:
    known = all(isinstance(row[key], int if key == "batch" else str) for key in ROW_KEY)
    return known and float(row["max_abs_error"]) >= 0 and float(row["scale"]) > 0


def compare_certificates(before: Mapping[str, Any], after: Mapping[str, Any]) -> Reproduction:
    """Holds the `verification` of a report against that of a new run, both as JSON has them."""
    old, new = before["certificate"], after["certificate"]
    files = [*_files(old, new), *_inputs(before["inputs"], after["inputs"])]
    found = [*_verdict(before, after), *_rows(before["rows"], after["rows"])]
    changes = (*files, *found, *_machine(old["machine"], new["machine"]))
    return Reproduction(not files and not found, not files, changes)


def _files(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    for role in ("original", "candidate"):
        if old[role]["sha256"] != new[role]["sha256"]:
            yield f"The {role} {new[role]['path']} is another file than the certificate's."
    if [one["sha256"] for one in old["data"]] != [one["sha256"] for one in new["data"]]:
        yield "The data is not the certificate's."


def _inputs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterable[str]:
    missing, more = [name for name in old if name not in new], [name for name in new if name not in old]
    other = [name for name in old if name in new and old[name] != new[name]]
    if missing:
        yield f"Not fed any more: {', '.join(missing)}."
    if more:
        yield f"Fed besides: {', '.join(more)}."
    if other:
        yield f"Other values were fed for {', '.join(other)}."


def _verdict(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    words = {True: "equal", False: "not equal"}
    if before["passed"] != after["passed"]:
        yield f"The verdict was {words[bool(before['passed'])]}, and is {words[bool(after['passed'])]}."


def _rows(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Errors that moved by more than a few units in the last place of their output's scale."""
    old, new = ({tuple(row[key] for key in ROW_KEY): row for row in rows} for rows in (before, after))
    lost = len(old.keys() - new.keys()), len(new.keys() - old.keys())
    if any(lost):
        yield f"{lost[0]} comparisons of the certificate are not made any more, and {lost[1]} are new."
    moved = [(row, new[key]) for key, row in old.items() if key in new and _moved(row, new[key])]
    if moved:
        first, second = max(moved, key=lambda pair: abs(_error(pair[0]) - _error(pair[1])) / float(pair[0]["scale"]))
        yield (
            f"{len(moved)} of {len(old)} errors changed, most that of {first['output']} for {first['signal']} at batch "
            f"{first['batch']} in {first['precision']}: {_error(first):.2g} became {_error(second):.2g}."
        )


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    first, second = _error(old), _error(new)
    return first != second and not abs(first - second) <= ULPS * EPS32 * float(old["scale"])


def _error(row: Mapping[str, Any]) -> float:
    return float(row["max_abs_error"])


def _machine(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    for package in sorted(old["versions"].keys() | new["versions"].keys()):
        first, second = (side["versions"].get(package, "not installed") for side in (old, new))
        if first != second:
            yield f"{package} was {first}, and is {second}."
    if old["cpu"] != new["cpu"]:
        yield f"The CPU was {old['cpu']}, and is {new['cpu']}."
    gone, come = set(old["isa"]) - set(new["isa"]), set(new["isa"]) - set(old["isa"])
    if gone or come:
        yield f"Instruction sets changed: without {_words(gone)}, with {_words(come)}."
    if old["threads"] != new["threads"]:
        yield f"It ran on {old['threads']} threads, and runs on {new['threads']}."


def _words(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
