"""What is run: each signal at each batch size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.interface import Interface
from ovprep.verify.arrays import Array
from ovprep.verify.signals import BATCH, first_of_batch, generate

SIGNALS = ("noise", "silence")
"""The signals of a verification, by their names in `ovprep.verify.signals`."""

SEVERAL = 3
"""The batch size besides 1. Some plugin versions are right at batch 1 and silently wrong at every other."""


@dataclass(frozen=True, eq=False)
class Case:
    """One signal at one batch size, in the layouts and the order of the original's inputs.

    `measures` marks the cases that the float32 noise is measured with: the larger batch of noise holds the smaller one.
    """

    signal: str
    batch: int
    inputs: list[Array]
    measures: bool

    def described(self) -> str:
        """For messages: "noise at batch 3"."""
        return f"{self.signal} at batch {self.batch}" if self.batch else self.signal


def make_cases(source: Interface, sizes: Mapping[str, int], seed: int) -> list[Case]:
    """All cases: batch 1 and `SEVERAL` where the batch is open, otherwise the batch that the model has.

    Raises KeyError where an open dimension other than the batch has no size.
    """
    if BATCH not in source.open_dims():
        batch = _fixed_batch(source)
        return [Case(name, batch, generate(name, source.inputs, sizes, seed), True) for name in SIGNALS]
    cases = []
    for name in SIGNALS:
        several = generate(name, source.inputs, {**sizes, BATCH: SEVERAL}, seed)
        # All items of silence are the same, so that one measures as much as three.
        same = all(np.array_equal(array, np.zeros_like(array)) for array in several)
        cases.append(Case(name, 1, first_of_batch(several, source.inputs), same))
        cases.append(Case(name, SEVERAL, several, not same))
    return cases


def shapes_of(inputs: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    """Shapes of the arrays, as runtimes take them."""
    return tuple(array.shape for array in inputs)


def _fixed_batch(source: Interface) -> int:
    for port in source.inputs:
        if "N" in port.layout:
            size = port.dims[port.layout.index("N")]
            return size if isinstance(size, int) else 0
    return 0
