"""How the arrays of one model reach another that names, orders or types its inputs and outputs otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ovprep.workers.arrays import Array

_T = TypeVar("_T")


@dataclass(frozen=True)
class Wiring:
    """Places of inputs and outputs, where those of the original come in an order of their own.

    inputs      for each input of this model, the place of the original's that it is
    dtypes      the type of each input of this model
    outputs     for each output of the original, the place of this model's
    """

    inputs: tuple[int, ...]
    dtypes: tuple[str, ...]
    outputs: tuple[int, ...]

    def feed(self, arrays: Sequence[Array]) -> list[Array]:
        """Inputs of the original, already in this model's layouts, as this model takes them."""
        return [array.astype(dtype, copy=False) for array, dtype in zip(self.places(arrays), self.dtypes, strict=True)]

    def places(self, of_inputs: Sequence[_T]) -> list[_T]:
        """What belongs to the original's inputs, in the order of this model's."""
        return [of_inputs[place] for place in self.inputs]

    def given(self, outputs: Sequence[Array]) -> list[Array]:
        """Outputs of this model in the order of the original's; what a runtime gives behind them stays behind."""
        return [outputs[place] for place in self.outputs] + list(outputs[len(self.outputs) :])

    def places_of_outputs(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """The numbers that this model has for outputs of the original."""
        return tuple(self.outputs[number] for number in numbers)
