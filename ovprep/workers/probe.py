"""The interface of a model that ovprep runs and does not read, found out by running it."""

from collections.abc import Sequence

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import BATCH, Dim, Interface, Port
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners import Loaded

_SIZES = ((1, 256), (2, 320))
"""A batch and a length for open axes, twice: what differs in the outputs is open there."""


def probe(contender: Contender, threads: int) -> Interface:
    """Inputs as the runtime tells them, outputs as they come out; nothing tells what their axes mean.

    An open first axis is the batch. Raises RuntimeFailure where the model cannot be loaded, or run on zeros.
    """
    with Worker.launch(contender, threads=threads) as worker:
        loaded = worker.ready()
        inputs = tuple(_input(name, *stated) for name, stated in zip(loaded.inputs, loaded.input_types, strict=True))
        first = worker.run(_zeros(inputs, *_SIZES[0]))
        try:
            second = worker.run(_zeros(inputs, *_SIZES[1]))
        except RuntimeFailure:  # open in the file alone
            if not worker.alive:
                raise
            second = first
    return Interface(inputs, tuple(_outputs(loaded, first, second)))


def _input(name: str, dtype: str, dims: Sequence[int | None]) -> Port:
    named: list[Dim] = [
        dim if dim is not None else BATCH if axis == 0 else f"{name}_{axis}" for axis, dim in enumerate(dims)
    ]
    return Port(name, dtype, tuple(named), "?" * len(named))


def _zeros(inputs: Sequence[Port], batch: int, length: int) -> list[Array]:
    sizes = {dim: batch if dim == BATCH else length for port in inputs for dim in port.dims if isinstance(dim, str)}
    return [np.zeros(port.shape(sizes), port.dtype) for port in inputs]


def _outputs(loaded: Loaded, first: Sequence[Array], second: Sequence[Array]) -> list[Port]:
    ports = []
    for name, one, other in zip(loaded.outputs, first, second, strict=True):
        pairs = enumerate(zip(one.shape, other.shape, strict=True))
        dims: list[Dim] = [a if a == b else BATCH if axis == 0 else f"{name}_{axis}" for axis, (a, b) in pairs]
        ports.append(Port(name, one.dtype.name, tuple(dims), "?" * one.ndim))
    return ports
