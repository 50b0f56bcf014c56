"""What a caller may say about how a model is read, and what interface it shall have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from ovprep.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rank = Literal["auto", 3, 4]
"""The rank of the tensors inside the result; "auto" is what measuring finds faster."""
RANKS: tuple[Rank, ...] = ("auto", 3, 4)

EXECUTION_PRECISIONS = ("default", "f32")
"""What an IR may ask of devices: nothing, or to compute in float32."""

LAYOUTS = ("nwc", "ncw", "keep")


@dataclass(frozen=True)
class InputValue:
    """A number that an input has once and for all; type and shape are the model's, known once it was read."""

    name: str
    number: int | float
    dtype: str | None = None
    shape: tuple[int, ...] = ()

    def array(self) -> "NDArray[np.generic]":
        """The number in the shape of the input."""
        import numpy as np

        return np.full(self.shape, self.number, self.dtype)


@dataclass(frozen=True)
class OpenAxis:
    """An axis of an input that the model's file gives a size, and that is to be open under a name."""

    input: str
    axis: int
    name: str
    size: int


@dataclass(frozen=True)
class ReadOptions:
    """How the original is read, and loaded by its own framework.

    `weights` is the file with the weights of a model whose own file has the architecture only. `allow_code` lets the
    framework run Python code that the file carries. `plugins` are Python modules, by name or path, that register rules
    or classes for custom layers; naming one runs it. `signature` is the one of a SavedModel that is to be converted.
    `values` are those of inputs that are none any more. `opened` are axes that the file fixes, and the result does not.
    `whole_layers` leaves each BatchNormalization of a Keras file what it is in training, with all its weights; else it
    is read as the scale and the shift that it is at inference.
    """

    weights: Path | None = None
    allow_code: bool = False
    plugins: tuple[str, ...] = ()
    signature: str | None = None
    values: tuple[InputValue, ...] = ()
    opened: tuple[OpenAxis, ...] = ()
    whole_layers: bool = False

    def packed(self) -> dict[str, Any]:
        """The options as JSON has them, for another process."""
        weights = None if self.weights is None else str(self.weights)
        return {
            "weights": weights,
            "allow_code": self.allow_code,
            "plugins": list(self.plugins),
            "signature": self.signature,
            "values": [[value.name, value.number, value.dtype, list(value.shape)] for value in self.values],
            "opened": [[axis.input, axis.axis, axis.name, axis.size] for axis in self.opened],
        }

    @classmethod
    def unpacked(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of `packed`; what is missing takes its default."""
        weights = body.get("weights")
        path = None if weights is None else Path(weights)
        plugins = tuple(body.get("plugins", ()))
        values = tuple(
            InputValue(name, number, dtype, tuple(shape)) for name, number, dtype, shape in body.get("values", ())
        )
        opened = tuple(OpenAxis(*axis) for axis in body.get("opened", ()))
        return cls(path, bool(body.get("allow_code", False)), plugins, body.get("signature"), values, opened)


@dataclass(frozen=True)
class InterfaceOptions:
    """The interface that the result shall have.

    `layout` is that of all inputs and outputs: "nwc" (channel-last), "ncw" (channel-first) or "keep"; `layouts` those
    of single ones, by name. `shapes` gives open axes of inputs a size, by name, in the layout of the result; None
    leaves an axis as it is. `batch` does so for the batch axis of all. `rank` 4 gives tensors of rank 3 whose axes are
    known one more, of size one: `[N, 1, W, C]`, or `[N, C, 1, W]`; 3 leaves ranks as they are.

    Raises OptionError for a word that is no layout, a size below one, or another rank.
    """

    layout: str = "nwc"
    layouts: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    batch: int | None = None
    rank: int = 3

    def __post_init__(self) -> None:
        for word in (self.layout, *self.layouts.values()):
            if word not in LAYOUTS:
                raise OptionError(f"There is no layout {word!r}; choose {', '.join(LAYOUTS)}.")
        for name, shape in self.shapes.items():
            if any(size is not None and size < 1 for size in shape):
                raise OptionError(f"The shape {list(shape)} of {name!r} holds a size below one.")
        if self.batch is not None and self.batch < 1:
            raise OptionError(f"A batch of {self.batch} holds nothing; give 1 or more.")
        if self.rank not in (3, 4):
            raise OptionError(f"There is no interface of rank {self.rank}; choose 3 or 4.")

    def layout_of(self, name: str) -> str:
        """The layout that the tensor of this name shall have."""
        return self.layouts.get(name, self.layout)
