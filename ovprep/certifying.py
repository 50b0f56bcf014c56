"""Says of a verification what it was run on, so that it can be run again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from ovprep.bench.environment import describe
from ovprep.frontends.source import sha256_of, sha256_of_all
from ovprep.verify.certificate import Certificate, File, Machine
from ovprep.verify.verify import Verification


def certified(
    found: Verification,
    original: File,
    candidate: File,
    *,
    data: Sequence[Path],
    options: Mapping[str, Any],
    threads: int,
) -> Verification:
    """The verification with its certificate. `options` are those of `ovprep.verify` that JSON can hold."""
    here = describe((), None, {})
    certificate = Certificate(
        original=original,
        candidate=candidate,
        data=tuple(File(path, sha256_of(path)) for path in data),
        options=options,
        machine=Machine(here.versions, here.cpu, here.isa, threads),
    )
    return replace(found, certificate=certificate)


def recorded(**options: Any) -> dict[str, Any]:
    """Options as a certificate has them: those that are given, as JSON has them, and the seed."""
    return {name: _as_json(value) for name, value in options.items() if name == "seed" or is_given(value)}


def is_given(value: object) -> bool:
    """Whether an option was given: not None, False or empty; a tolerance of 0 was."""
    return value is not None and value is not False and value not in ((), [], {})


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, PathLike):
        return str(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def ir_hash(path: Path) -> str:
    """The hash of an IR (.xml): that of the list of its two files."""
    return sha256_of_all(path, path.with_suffix(".bin"))
