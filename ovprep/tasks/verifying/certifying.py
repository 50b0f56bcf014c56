"""Says of a verification what it was run on, so that it can be run again."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovprep.bench.environment import describe
from ovprep.errors import OptionError
from ovprep.frontends.source import sha256_of, sha256_of_all
from ovprep.proof.certificate import Certificate, File, Machine
from ovprep.proof.inputs.demand import Data, file_names
from ovprep.proof.verify import Verification


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


def recorded(asked: Mapping[str, Any], data: Sequence[Data], seed: int) -> dict[str, Any]:
    """Options as a certificate has them: of those that were given what a repetition needs, and always the seed.

    Data that is arrays cannot be recorded.
    """
    options = {name: value for name, value in asked.items() if name in OPTIONS and name != "data"}
    files = file_names(data)
    return {**options, **({"data": files} if files else {}), "seed": seed}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _all(form: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(form, value))


def _each(form: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(map(form, value.values()))


OPTIONS: Mapping[str, Callable[[object], bool]] = {
    "allow_code": lambda value: isinstance(value, bool),
    "data": _all(_is_text),
    "dynamic": _all(_is_text),
    "input_values": _each(_is_number),
    "layout": lambda value: _is_text(value) or _each(_is_text)(value),
    "others": _all(_is_text),
    "plugins": _all(_is_text),
    "sample_rate": _is_whole,
    "seed": _is_whole,
    "signature": _is_text,
    "tolerance": _is_number,
    "weights": _is_text,
}
"""The options of `verify` that a certificate may hold, and what they are in JSON."""


def require_options(recorded: Mapping[str, Any], path: Path) -> None:
    """Raises OptionError where the certificate in a file holds an option that there is not, or that it cannot be."""
    for name, value in recorded.items():
        if name not in OPTIONS:
            raise OptionError(f"{path} was made with the option {name!r}, which this version of ovprep does not have.")
        if not OPTIONS[name](value):
            raise OptionError(f"{path} is damaged: its option {name!r} cannot be {json.dumps(value)}.")


def ir_hash(path: Path) -> str:
    """The hash of an IR (.xml): that of the list of its two files."""
    return sha256_of_all(path, path.with_suffix(".bin"))
