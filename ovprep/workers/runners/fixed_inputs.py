"""A model some of whose inputs have a value once and for all."""

import dataclasses
from collections.abc import Callable, Sequence

from ovprep.options import InputValue
from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Runner


class FixedInputs:
    """A runner that takes the other inputs alone."""

    def __init__(self, runner: Runner, values: Sequence[InputValue]) -> None:
        """Raises ValueError where the model has no input of one of the names."""
        names = runner.loaded.inputs
        for value in values:
            if value.name not in names:
                raise ValueError(f"this runtime knows no input {value.name!r}, but {', '.join(names)}")
        self._runner = runner
        self._names = names
        self._fixed = {value.name: value.array() for value in values}
        left = [place for place, name in enumerate(names) if name not in self._fixed]
        types = runner.loaded.input_types
        self.loaded = dataclasses.replace(
            runner.loaded,
            inputs=tuple(names[place] for place in left),
            input_types=tuple(types[place] for place in left) if types else (),
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs for the inputs that are left, in the model's own order."""
        return self._runner.run(self._all(inputs))

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One inference; see `Runner`."""
        return self._runner.bind(self._all(inputs))

    def _all(self, inputs: Sequence[Array]) -> list[Array]:
        given = dict(zip(self.loaded.inputs, inputs, strict=True)) | self._fixed
        return [given[name] for name in self._names]
