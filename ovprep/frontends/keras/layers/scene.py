"""What all layers of one file share while it is read: warnings, masks, and how much has been read."""

from collections.abc import Callable
from dataclasses import dataclass, field

import onnx_ir as ir

from ovprep.errors import UnsupportedError

_MAX_CALLS = 50_000
_MAX_WEIGHTS = 2**29


class Mask:
    """A mask of `[N, W]`, false for each step to skip; its nodes are emitted when something asks for it first."""

    def __init__(self, make: Callable[[], ir.Value]) -> None:
        self._make = make
        self._value: ir.Value | None = None

    def value(self) -> ir.Value:
        """The tensor of booleans. Raises UnsupportedError where ovprep cannot compute it."""
        if self._value is None:
            self._value = self._make()
        return self._value


@dataclass
class Scene:
    """What all layers of one file share while it is read."""

    warnings: list[str] = field(default_factory=list)
    masks: dict[ir.Value, Mask] = field(default_factory=dict)
    """The masks behind tensors; see `masking.py`."""
    old: bool = False
    """Whether the file is of Keras 1 or 2."""
    whole_layers: bool = False
    """Whether BatchNormalization stays what it is in training; see `ReadOptions`."""
    calls: int = 0
    elements: int = 0

    def count_call(self, elements: int) -> None:
        """Counts a call of a layer, and the weights that it puts into the graph.

        Raises UnsupportedError where a small file, with models that call models, has grown beyond any real one.
        """
        self.calls += 1
        self.elements += elements
        if self.calls > _MAX_CALLS:
            raise UnsupportedError(f"The model calls its layers more than {_MAX_CALLS} times.")
        if self.elements > _MAX_WEIGHTS:
            raise UnsupportedError("The model's weights, once for each call, need more than the 2 GiB that ONNX holds.")
