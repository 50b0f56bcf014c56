"""Recordings as cases: cut to the length that the model takes, with a batch axis, in the types of its inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.errors import OptionError
from ovprep.interface import BATCH, Interface, Port
from ovprep.proof.inputs.cases import Case
from ovprep.proof.inputs.data import Recording, Series
from ovprep.workers.arrays import Array

WINDOWS = 8
"""How many windows of one recording are compared, spread evenly over it: the float64 run takes its time."""

LONGEST = 2**17
"""Samples of a window where the model takes any length."""


@dataclass(frozen=True)
class Prepared:
    """Cases of the user's data, and what was done to it, in sentences."""

    cases: tuple[Case, ...]
    notes: tuple[str, ...]


def prepare(recordings: Sequence[Recording], source: Interface, rate: int | None) -> Prepared:
    """The recordings as cases in the layouts and the order of the original's inputs.

    `rate` is what the model was made for, in samples per second, where that is known.

    Raises OptionError where the rate, the rank, the channels, the type or a value of the data is not what an input
    takes.
    """
    cases: list[Case] = []
    notes: list[str] = []
    for recording in recordings:
        _check_rate(recording, rate)
        parts = [_Fitted.of(recording, port) for port in source.inputs]
        counts = {len(part.items) for part in parts}
        if len(counts) > 1:
            listed = ", ".join(f"{len(part.items)} for {part.port.name!r}" for part in parts)
            raise OptionError(f"{recording.name} gives as many windows as its inputs have of their own: {listed}.")
        count = counts.pop()
        chosen = np.unique(np.linspace(0, count - 1, min(count, WINDOWS)).round().astype(int))
        notes += [sentence for part in parts for sentence in part.notes]
        if len(chosen) < count:
            notes.append(f"{recording.name}: {len(chosen)} of {count} windows were compared, spread evenly over it.")
        cases += _cases(recording.name, [[part.items[index] for index in chosen] for part in parts], source)
    rates = {series.rate for recording in recordings for series in recording.series.values() if series.rate is not None}
    if rates and rate is None:
        listed = " and ".join(map(str, sorted(rates)))
        notes.append(
            f"The recordings have {listed} samples per second; nothing tells what the model takes, so say "
            "--sample-rate to have it checked."
        )
    return Prepared(tuple(cases), tuple(notes))


def _cases(name: str, items: Sequence[Sequence[Array]], source: Interface) -> list[Case]:
    """Cases of the model's batch size: all items at once where that is open."""
    count, axes = len(items[0]), [batch_axis(port) for port in source.inputs]
    if any(axis is None for axis in axes):
        return [Case(_part(name, i, count), 0, [one[i] for one in items], True) for i in range(count)]
    size = _batch_of(source) or count
    parts = range(math.ceil(count / size))
    cases = []
    for part in parts:
        # A model of a fixed batch gets the first items again where the last ones do not fill it.
        places = [index % count for index in range(part * size, (part + 1) * size)]
        stacked = [
            np.ascontiguousarray(np.stack([one[place] for place in places], axis or 0))
            for one, axis in zip(items, axes, strict=True)
        ]
        cases.append(Case(_part(name, part, len(parts)), size, stacked, True))
    return cases


def _part(name: str, index: int, count: int) -> str:
    return name if count == 1 else f"{name} ({index + 1} of {count})"


def batch_axis(port: Port) -> int | None:
    """Where a port has its batch; None where it has none that is known."""
    if "N" in port.layout:
        return port.layout.index("N")
    return port.dims.index(BATCH) if BATCH in port.dims else None


def _batch_of(source: Interface) -> int | None:
    """The batch size that the model fixes."""
    sizes = [port.dims[axis] for port in source.inputs if (axis := batch_axis(port)) is not None]
    return next((size for size in sizes if isinstance(size, int)), None)


def _check_rate(recording: Recording, wanted: int | None) -> None:
    for series in recording.series.values():
        if None not in (series.rate, wanted) and series.rate != wanted:
            raise OptionError(
                f"{recording.name} has {series.rate} samples per second, where the model takes {wanted}: resample it."
            )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Items that an input takes, each without the batch axis, and what was done to get them."""

    port: Port
    items: list[Array]
    notes: list[str]

    @classmethod
    def of(cls, recording: Recording, port: Port) -> "_Fitted":
        """Raises OptionError where the data is not what the input takes."""
        fit = _Fit(recording.name, port)
        series = recording.series[port.name]
        typed = fit.typed(series)
        items = fit.items(typed, by_time=series.by_time)
        windows = [window for item in items for window in fit.windows(item)]
        return cls(port, windows, list(dict.fromkeys(fit.notes)))


class _Fit:
    """How data of one name becomes items of one input."""

    def __init__(self, name: str, port: Port) -> None:
        self._name, self._port = name, port
        axis = batch_axis(port)
        places = [place for place in range(len(port.dims)) if place != axis]
        self._batch = axis
        self._layout = "".join(port.layout[place] for place in places)
        self._dims = [port.dims[place] for place in places]
        self.notes: list[str] = []

    def typed(self, series: Series) -> Array:
        """The array in the input's type, PCM scaled to -1 .. 1 for floats; nothing may be lost, nothing be wild."""
        array, dtype = series.array, np.dtype(self._port.dtype)
        if not array.size:
            raise OptionError(f"{self._name} holds no data for the input {self._port.name!r}.")
        if array.dtype.kind not in "biuf":
            raise OptionError(f"{self._name} holds {array.dtype} values, where {self._port} takes {dtype}.")
        if series.rate is not None and dtype.kind == "f":
            array = _scaled(array)
        with np.errstate(over="ignore", invalid="ignore"):
            typed = array.astype(dtype)
        if not np.isfinite(typed).all():
            raise OptionError(f"{self._name} holds NaN or infinity for the input {self._port.name!r}; leave these out.")
        if dtype.kind != "f" and not np.array_equal(typed, array):
            raise OptionError(
                f"{self._name} holds {array.dtype} values that the input {self._port.name!r}, {dtype}, cannot have."
            )
        rows = self._port.rows
        if rows is not None and (typed.min() < 0 or typed.max() >= rows):
            raise OptionError(
                f"{self._name} holds values from {typed.min():g} to {typed.max():g}, where the input "
                f"{self._port.name!r} points into a table of {rows} rows."
            )
        return typed

    def items(self, array: Array, *, by_time: bool) -> list[Array]:
        """The array as items of the input's rank without the batch."""
        rank = len(self._layout)
        if by_time and rank == 1 and array.shape[1] == self._dims[0] != 1:
            return list(array)  # features, one item a row
        if by_time:
            return [self._by_time(array)]
        if array.ndim == rank + 1 and self._batch is not None:
            return list(np.moveaxis(array, self._batch, 0))
        if array.ndim == rank:
            return [array]
        if array.ndim == 1 and self._is_mono:
            return [self._by_time(array[:, None])]
        raise OptionError(
            f"{self._name} is an array of rank {array.ndim}, {list(array.shape)}, where the input is {self._port}."
        )

    @property
    def _is_mono(self) -> bool:
        """Whether all axes but the one of time have size one."""
        return self._time is not None and all(dim == 1 for axis, dim in enumerate(self._dims) if axis != self._time)

    @property
    def _time(self) -> int | None:
        """The axis of time; the only one that there is, whatever it is called."""
        if len(self._layout) == 1:
            return 0
        return self._layout.index("W") if self._layout.count("W") == 1 else None

    def _by_time(self, array: Array) -> Array:
        """[samples, channels] in the input's layout."""
        time, channels = self._time, array.shape[1]
        others = [axis for axis in range(len(self._dims)) if axis != time]
        if time is None or any(self._layout[axis] not in "CH" for axis in others):
            raise OptionError(
                f"Nothing tells which axis of {self._port} is time, so that {self._name} cannot be brought to its "
                "layout: give a .npy array of the input's own shape."
            )
        taken = math.prod(dim if isinstance(dim, int) else channels for dim in (self._dims[axis] for axis in others))
        if taken != channels:
            raise OptionError(
                f"{self._name} has {channels} channel{'s' if channels > 1 else ''}, where the input {self._port} takes "
                f"{taken}."
            )
        shape = [channels if self._layout[axis] == "C" else 1 for axis in others]
        return np.moveaxis(array.reshape(len(array), *shape), 0, time)

    def windows(self, item: Array) -> list[Array]:
        """An item cut along its time, to the length that the model takes; zeros follow one that is too short."""
        time = self._time
        for axis, dim in enumerate(self._dims):
            if axis != time and isinstance(dim, int) and item.shape[axis] != dim:
                raise OptionError(
                    f"{self._name} has the shape {list(item.shape)} (without a batch), where the input is {self._port}."
                )
        if time is None:
            return [item]
        length, given = self._dims[time], item.shape[time]
        if isinstance(length, str):
            length = min(given, LONGEST)
        if given < length:
            self.notes.append(f"{self._name} has {given} samples; zeros were added to make {length}.")
            pads = [(0, length - given if axis == time else 0) for axis in range(item.ndim)]
            return [np.pad(item, pads)]
        count = given // length
        if given > length:
            left = f"; the last {given % length} were left out" if given % length else ""
            self.notes.append(f"{self._name}: {given} samples were cut to {count} windows of {length}{left}.")
        return [item.take(range(k * length, (k + 1) * length), time) for k in range(count)]


def _scaled(array: Array) -> Array:
    """PCM as floats from -1 to 1: signed by its largest magnitude, and 8 bits, which are unsigned, around 128."""
    if array.dtype == np.uint8:
        return (array.astype(np.float64) - 128) / 128
    return array / -float(np.iinfo(array.dtype).min)
