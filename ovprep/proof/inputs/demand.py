"""What a caller asks of a verification besides its own signals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ovprep.errors import OptionError
from ovprep.interface import Interface
from ovprep.proof.inputs.cases import Case
from ovprep.proof.inputs.data import from_arrays, read_data
from ovprep.proof.inputs.windows import prepare
from ovprep.workers.arrays import Array

if TYPE_CHECKING:
    import onnx_ir as ir

Data = str | PathLike[str] | Mapping[str, Array]
"""A file or a folder, also as "NAME=FILE", or arrays by the names of inputs."""


@dataclass(frozen=True)
class Demand:
    """Cases of the caller's data, its files, and what was done to it; and the tolerance, a share of the scale."""

    cases: tuple[Case, ...] = ()
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None and not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise OptionError(f"A tolerance of {self.tolerance:g} says nothing; give a share of the scale, as 1e-4.")


def demand_of(data: Sequence[Data], source: Interface, rate: int | None, tolerance: float | None) -> Demand:
    """Reads the data, and cuts it to what the original takes; `rate` is the number of samples per second that it takes.

    Raises OptionError where data or tolerance make no sense for this model.
    """
    names = [port.name for port in source.inputs]
    recordings = [
        *read_data(file_names(data), names),
        *from_arrays([one for one in data if isinstance(one, Mapping)], names),
    ]
    prepared = prepare(recordings, source, rate)
    found = tuple(file for recording in recordings for file in recording.files)
    return Demand(prepared.cases, found, prepared.notes, tolerance)


def checked_rate(given: int | None, stated: int | None) -> int | None:
    """The rate that the caller gives, or else the one that the model's file states."""
    if given is not None and given < 1:
        raise OptionError(f"{given} samples per second hold nothing; give the rate that the model was made for.")
    return given if given is not None else stated


def file_names(data: Sequence[Data]) -> list[str]:
    """The data that comes from files, as it was named."""
    return [str(one) for one in data if not isinstance(one, Mapping)]


_RATE_KEYS = ("sample_rate", "sampling_rate", "samplerate", "sr")


def stated_rate(model: "ir.Model") -> int | None:
    """The sample rate in a model's metadata, under one of the names that exporters use."""
    stated = {key.lower(): value for key, value in model.metadata_props.items()}
    rates = [stated[key] for key in _RATE_KEYS if key in stated]
    return int(rates[0]) if rates and rates[0].isdigit() else None
