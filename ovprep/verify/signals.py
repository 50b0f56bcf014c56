"""Test signals: what the original and the IR are fed.

A signal is a function from a port and a shape to an array; registering it under a name is all that a new one needs.
Every signal is a pure function of the seed, so that a report can be reproduced.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ovprep.interface import Port
from ovprep.verify.arrays import Array

BATCH = "batch"
"""The name that an open batch dimension has in every interface."""

Signal = Callable[[Port, tuple[int, ...], np.random.Generator], Array]

SIGNALS: dict[str, Signal] = {}


def signal(name: str) -> Callable[[Signal], Signal]:
    """Registers a signal under its name in the report."""

    def register(function: Signal) -> Signal:
        SIGNALS[name] = function
        return function

    return register


@signal("noise")
def noise(port: Port, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standard normal noise; any row where numbers point into a table, floats too; 0 or 1 for other integers.

    Integers of one byte are quantised signals, whose whole range is used.
    """
    dtype = np.dtype(port.dtype)
    if port.rows is not None:
        return rng.integers(0, port.rows, shape).astype(dtype)
    if dtype in (np.int8, np.uint8):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    if dtype.kind in "iub":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


@signal("silence")
def silence(port: Port, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """All zeros: what remains is the biases, and every division by a standard deviation meets its epsilon."""
    return np.zeros(shape, np.dtype(port.dtype))


def generate(name: str, ports: Sequence[Port], sizes: Mapping[str, int], seed: int) -> list[Array]:
    """One array per port, each port with a stream of random numbers of its own.

    `sizes` gives the open dimensions, "batch" among them. Raises KeyError for an unknown signal or a size not given.
    """
    make = SIGNALS[name]
    return [make(port, port.shape(sizes), np.random.default_rng([seed, index])) for index, port in enumerate(ports)]


def first_of_batch(arrays: Sequence[Array], ports: Sequence[Port]) -> list[Array]:
    """The first item of each array's open batch, still with its batch axis; a port without one stays as it is."""
    return [
        np.ascontiguousarray(array.take([0], axis=port.dims.index(BATCH))) if BATCH in port.dims else array
        for array, port in zip(arrays, ports, strict=True)
    ]
