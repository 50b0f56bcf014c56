"""What a model takes and gives: names, types, shapes and layouts of its inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Dim = int | str
"""The size of an axis: a number, or the name of one that is left open ("batch", "time")."""

BATCH = "batch"
"""The name of an open batch axis in every interface."""


@dataclass(frozen=True)
class Level:
    """Where the numbers of an input lay when the model was made: a mean and a deviation.

    One for all, or one for each place along `axis`.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    axis: int | None = None


@dataclass(frozen=True)
class Port:
    """One input or output of a model.

    `layout` has one letter per axis: N batch, W time, C channels, H height, "?" where nothing tells what the axis is.
    `rows` is there for an input of whole numbers from 0 to `rows` - 1, which point into a table that has so many.
    `level` is what the model tells of its signals; it is no part of what the port is.
    """

    name: str
    dtype: str
    dims: tuple[Dim, ...]
    layout: str
    rows: int | None = None
    level: Level | None = field(default=None, compare=False, repr=False)

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape once the open dimensions are given their `sizes`; raises KeyError for one that is missing."""
        return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in self.dims)

    def __str__(self) -> str:
        dims = ", ".join(str(dim) for dim in self.dims)
        return f"{self.name} [{dims}] {self.dtype} {self.layout}"


@dataclass(frozen=True)
class Interface:
    """All inputs and outputs of a model, in the model's own order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def open_dims(self) -> tuple[str, ...]:
        """Names of the open dimensions of the inputs, each once, in order of appearance."""
        return tuple(dict.fromkeys(dim for port in self.inputs for dim in port.dims if isinstance(dim, str)))
