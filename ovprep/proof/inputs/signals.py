"""Test signals: what the original and the IR are fed.

A signal is a function from a time axis, a channel and random numbers to an array in units of the level that the model
was made for; registering it under a name is all that a new one needs. Every signal is a pure function of the seed, so
that a report can be reproduced.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.interface import BATCH, Port
from ovprep.workers.arrays import Array

FULL_SCALE = 3.0
"""Deviations that the loudest signals reach: standardised signals rarely go further."""


@dataclass(frozen=True, eq=False)
class Grid:
    """What a signal is a function of, as arrays that broadcast to the `shape` of the input.

    `time` counts samples from 0 to `length` - 1; `channel` counts the places along all axes but time and batch, so
    that channels differ, and one taken for another shows.
    """

    shape: tuple[int, ...]
    time: Array
    length: int
    channel: Array
    rng: np.random.Generator


Signal = Callable[[Grid], Array]

SIGNALS: dict[str, Signal] = {}


def signal(name: str) -> Callable[[Signal], Signal]:
    """Registers a signal under its name in the report."""

    def register(function: Signal) -> Signal:
        SIGNALS[name] = function
        return function

    return register


@signal("noise")
def noise(grid: Grid) -> Array:
    """Standard normal noise."""
    return np.asarray(grid.rng.standard_normal(grid.shape))


@signal("silence")
def silence(grid: Grid) -> Array:
    """All zeros: what remains is the biases, and every division by a standard deviation meets its epsilon."""
    return np.zeros(grid.shape)


@signal("impulse")
def impulse(grid: Grid) -> Array:
    """One sample at full scale about the middle, in each channel at a place of its own: kernels show as they are."""
    return np.asarray(FULL_SCALE * (grid.time == (grid.length // 2 + grid.channel) % grid.length))


@signal("step")
def step(grid: Grid) -> Array:
    """From one level to another, in each channel at a place of its own: both edges of every padding."""
    return np.where(grid.time < (grid.length // 2 + grid.channel) % grid.length, -1.0, 1.0)


@signal("chirp")
def chirp(grid: Grid) -> Array:
    """A sine from standstill to half the sampling rate, in each channel from a phase of its own."""
    return np.sin(np.pi * grid.time**2 / (2 * grid.length) + grid.channel)


@signal("square")
def square(grid: Grid) -> Array:
    """Full scale up and down, in each channel with a period of its own: activations saturate."""
    return np.asarray(FULL_SCALE * (1.0 - 2.0 * (grid.time // (8 + grid.channel % 8) % 2)))


@signal("DC")
def dc(grid: Grid) -> Array:
    """A constant, in each channel another: what only differs at the edges shows there."""
    return 0.7 * np.cos(grid.channel) + np.zeros_like(grid.time)


def generate(name: str, ports: Sequence[Port], sizes: Mapping[str, int], seed: int) -> list[Array]:
    """One array per port, each port with a stream of random numbers of its own.

    `sizes` gives the open dimensions, "batch" among them. Raises KeyError for an unknown signal or a size not given.
    """
    return [
        _made(name, port, port.shape(sizes), np.random.default_rng([seed, index])) for index, port in enumerate(ports)
    ]


def first_of_batch(arrays: Sequence[Array], ports: Sequence[Port]) -> list[Array]:
    """The first item of each array's open batch, still with its batch axis; a port without one stays as it is."""
    return [
        np.ascontiguousarray(array.take([0], axis=port.dims.index(BATCH))) if BATCH in port.dims else array
        for array, port in zip(arrays, ports, strict=True)
    ]


def _made(name: str, port: Port, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    make, dtype = SIGNALS[name], np.dtype(port.dtype)
    if name == "silence":
        return np.zeros(shape, dtype)  # not what the model takes for its mean
    counts = dtype.kind in "iub" or port.rows is not None
    if name == "noise" and counts:
        return _random_numbers(port, shape, rng)
    wave = np.broadcast_to(make(_grid(port, shape, rng)), shape)
    return (_counted(port, wave / FULL_SCALE) if counts else _at_level(port, wave)).astype(dtype)


def _grid(port: Port, shape: tuple[int, ...], rng: np.random.Generator) -> Grid:
    """Time is the axis W; where there is none, the longest but the batch."""
    batch = port.layout.find("N") if BATCH not in port.dims else port.dims.index(BATCH)
    others = [axis for axis in range(len(shape)) if axis != batch]
    if not others:
        return Grid(shape, np.zeros((1,) * len(shape)), 1, np.zeros((1,) * len(shape)), rng)
    time = port.layout.find("W") if "W" in port.layout else max(others, key=lambda axis: shape[axis])
    along = [size if axis == time else 1 for axis, size in enumerate(shape)]
    across = [1 if axis in (time, batch) else size for axis, size in enumerate(shape)]
    channel = np.arange(int(np.prod(across))).reshape(across)
    return Grid(shape, np.arange(shape[time]).reshape(along), max(shape[time], 1), channel, rng)


def _random_numbers(port: Port, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Any row where numbers point into a table, floats too; else 0 or 1.

    Integers of one byte are quantised signals, whose whole range is used.
    """
    dtype = np.dtype(port.dtype)
    if port.rows is not None:
        return rng.integers(0, port.rows, shape).astype(dtype)
    if dtype in (np.int8, np.uint8):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return rng.integers(0, 2, shape).astype(dtype)


def _counted(port: Port, wave: Array) -> Array:
    """A wave from -1 to 1 as numbers of rows, as the whole range of a byte, or as 0 and 1."""
    if port.rows is not None:
        low, high = 0, port.rows - 1
    elif np.dtype(port.dtype) in (np.int8, np.uint8):
        low, high = np.iinfo(port.dtype).min, np.iinfo(port.dtype).max
    else:
        low, high = 0, 1
    return np.clip(np.rint(low + (wave + 1) / 2 * (high - low)), low, high)


def _at_level(port: Port, wave: Array) -> Array:
    """A wave in deviations, in the units of the model."""
    level = port.level
    if level is None:
        return wave
    mean, deviation = np.array(level.mean), np.array(level.deviation)
    if level.axis is not None:
        along = [-1 if axis == level.axis else 1 for axis in range(wave.ndim)]
        mean, deviation = mean.reshape(along), deviation.reshape(along)
    return np.asarray(mean + deviation * wave)
