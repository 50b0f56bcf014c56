"""What is run: all signals as the items of one batch where the batch is open, else one signal after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.interface import BATCH, Interface, Port
from ovprep.proof.inputs.signals import SIGNALS, first_of_batch, generate
from ovprep.workers.arrays import Array

NOISE = "noise"
"""The signal that stands for all that the model may be fed."""

STACKED = ("noise", "noise", *(name for name in SIGNALS if name != NOISE))
"""The signals of a batch of several, item by item. Some plugin versions are right at batch 1 and silently wrong at
every other, for which items must differ."""

TOGETHER = "all signals"
"""The name of a batch of several in the row of an output that has no batch axis."""

_HOP = 64
"""What a second length differs by where the model does not take the odd one."""


@dataclass(frozen=True, eq=False)
class Case:
    """One signal at one batch size, in the layouts and the order of the original's inputs.

    `measures` marks the cases that the float32 noise is measured with. `items` names the signal of each item where
    they differ. `base` is the signal whose float32 noise stands for that of this case, where that is another one.
    """

    signal: str
    batch: int
    inputs: list[Array]
    measures: bool
    items: tuple[str, ...] = ()
    base: str = ""

    def described(self) -> str:
        """For messages: "noise at batch 3"."""
        return f"{self.signal} at batch {self.batch}" if self.batch else self.signal

    @property
    def measured_as(self) -> str:
        """The signal that the float32 noise is looked up under."""
        return self.base or self.signal


def make_cases(source: Interface, sizes: Mapping[str, int], seed: int) -> list[Case]:
    """Noise at batch 1 and all signals stacked where the batch is open; else each signal at the batch of the model.

    The first case is noise. Raises KeyError where an open dimension other than the batch has no size.
    """
    if BATCH not in source.open_dims():
        batch = _fixed_batch(source)
        return [Case(name, batch, generate(name, source.inputs, sizes, seed), True) for name in SIGNALS]
    stacked = _stacked(source, sizes, seed)
    alone = Case(NOISE, 1, first_of_batch(stacked, source.inputs), True)
    return [alone, Case(TOGETHER, len(STACKED), stacked, True, items=STACKED, base=NOISE)]


def other_lengths(source: Interface, sizes: Mapping[str, int], seed: int) -> list[Case]:
    """Noise at a second size of every open dimension but the batch: an odd one, and one that halves as the first does.

    The second is for models that do not take the first. Empty where nothing but the batch is open.
    """
    names = [name for name in source.open_dims() if name != BATCH]
    cases = []
    for changed in ({name: sizes[name] * 3 // 4 | 1 for name in names}, {name: sizes[name] + _HOP for name in names}):
        inputs = generate(NOISE, source.inputs, {**sizes, **changed, BATCH: 1}, seed)
        name = ", ".join([NOISE, *(f"{name} {size}" for name, size in changed.items())])
        batch = 1 if BATCH in source.open_dims() else _fixed_batch(source)
        cases.append(Case(name, batch, inputs, True))
    return cases if names else []


def parts_of(case: Case, ports: Sequence[Port]) -> list[Case]:
    """The items of a stacked case but the first, noise, as cases of their own at batch 1; any other case as it is."""
    if not case.items:
        return [case]
    parts = []
    for index, name in list(enumerate(case.items))[1:]:
        inputs = [item_of(array, port, index) for array, port in zip(case.inputs, ports, strict=True)]
        parts.append(Case(name, 1, inputs, case.measures))
    return parts


def by_signal(
    case: Case, port: Port, wanted: Array, given: Array | None
) -> Iterator[tuple[str, str, Array, Array | None]]:
    """Each signal of a case, its name in the budgets, and its part of both outputs; the whole where none shows."""
    if not case.items or BATCH not in port.dims or given is None or given.shape != wanted.shape:
        yield case.signal, case.measured_as, wanted, given
        return
    axis = port.dims.index(BATCH)
    for signal in dict.fromkeys(case.items):
        places = [place for place, name in enumerate(case.items) if name == signal]
        yield signal, signal, wanted.take(places, axis=axis), given.take(places, axis=axis)


def case_of(cases: Sequence[Case], signal: str, batch: int) -> Case | None:
    """The case that a row of this signal and batch is about; None where it is about many calls."""
    return next((case for case in cases if case.batch == batch and signal in (case.signal, *case.items)), None)


def item_of(array: Array, port: Port, index: int) -> Array:
    """One item of an array of this port, still with its batch axis; the array itself where the port has no batch."""
    if BATCH not in port.dims:
        return array
    return np.ascontiguousarray(array.take([index], axis=port.dims.index(BATCH)))


def shapes_of(inputs: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    """Shapes of the arrays, as runtimes take them."""
    return tuple(array.shape for array in inputs)


def _stacked(source: Interface, sizes: Mapping[str, int], seed: int) -> list[Array]:
    """The items of `STACKED` in one batch; a port without a batch has noise for all of them."""
    count = len(STACKED)
    whole = {name: generate(name, source.inputs, {**sizes, BATCH: count}, seed) for name in dict.fromkeys(STACKED)}
    stacked = []
    for index, port in enumerate(source.inputs):
        items = [item_of(whole[name][index], port, number) for number, name in enumerate(STACKED)]
        stacked.append(np.concatenate(items, axis=port.dims.index(BATCH)) if BATCH in port.dims else items[0])
    return stacked


def _fixed_batch(source: Interface) -> int:
    for port in source.inputs:
        if "N" in port.layout:
            size = port.dims[port.layout.index("N")]
            return size if isinstance(size, int) else 0
    return 0
