"""Models that hand their state to the caller: a hundred calls in a row, each fed the state that the last one gave.

What one call rounds differently the next one starts from, so that an error which a single call hides may grow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import BATCH, Interface
from ovprep.proof.inputs.cases import NOISE, Case
from ovprep.proof.inputs.signals import generate
from ovprep.workers.arrays import Array

CALLS = 100
NAME = f"{CALLS} calls in a row"
"""The signal's name in rows and budgets."""

Run = Callable[[Case], list[Array]]
"""One call: a case's outputs, in the original's layouts."""


@dataclass(frozen=True)
class Chain:
    """`pairs` are the numbers of inputs with those of the outputs that give their next value."""

    source: Interface
    sizes: Mapping[str, int]
    seed: int
    pairs: tuple[tuple[int, int], ...]

    def outputs(self, run: Run) -> list[Array]:
        """Each output of all calls, stacked: `[calls, ...]`. The state starts from zeros, the signal is noise."""
        sizes = {**self.sizes, BATCH: 1}
        state = {number: np.zeros(self.source.inputs[number].shape(sizes), np.float32) for number, _ in self.pairs}
        calls = []
        for call in range(CALLS):
            inputs = generate(NOISE, self.source.inputs, sizes, self.seed + call)
            case = Case(NAME, 1, [state.get(number, array) for number, array in enumerate(inputs)], False)
            outputs = run(case)
            for number, giver in self.pairs:
                if outputs[giver].shape != state[number].shape:
                    raise RuntimeFailure(f"Output {giver} has another shape than the state that it is.")
                state[number] = outputs[giver]  # in float64 where the call is
            calls.append(outputs)
        return [np.stack(each) for each in zip(*calls, strict=True)]


def make_chain(source: Interface, sizes: Mapping[str, int], seed: int) -> Chain | None:
    """The calls of a model that takes a state and gives the next; None for any other.

    The first input and output are the signal, and what has the shape of one of them may be another signal, as may what
    is open in time. Among the others, those of one shape belong together in their order, where there are as many of
    them on either side.
    """
    pairs: list[tuple[int, int]] = []
    signals = {port.dims for port in (*source.inputs[:1], *source.outputs[:1])}
    for dims in dict.fromkeys(port.dims for port in source.inputs[1:]):
        if dims in signals or any(isinstance(dim, str) and dim != BATCH for dim in dims):
            continue
        takers, givers = _alike(source, dims)
        if len(takers) == len(givers):
            pairs += zip(takers, givers, strict=True)
    return Chain(source, sizes, seed, tuple(pairs)) if pairs else None


def _alike(source: Interface, dims: Sequence[int | str]) -> tuple[list[int], list[int]]:
    takers, givers = (
        [number for number, port in enumerate(ports) if number and port.dims == dims and port.dtype == "float32"]
        for ports in (source.inputs, source.outputs)
    )
    return takers, givers
