"""The weights of a layer as a file stores them: found by their names and order, never by shape."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from ovprep.errors import ModelError, UnsupportedError

Array = NDArray[np.float32]

MAX_ELEMENTS = 2**28
"""Largest tensor that is read or computed: 1 GiB of float32. ONNX ends at 2 GiB for a whole model."""


@dataclass(frozen=True)
class LayerWeights:
    """The weights that the file stores for one layer, in stored order.

    `names` are those of the variables ("kernel", "bias"), or None where the format numbers them.
    """

    layer: str
    names: tuple[str, ...] | None
    arrays: tuple[NDArray[np.generic], ...]
    folders: tuple[str, ...] = ()
    """Where each array stands: `bidirectional/forward_lstm/lstm_cell` in `.h5`, `forward_layer/cell` in `.keras`."""
    store: "Callable[[str], WeightStore] | None" = None
    """Gives the weights of a model inside the layer, by its folder in `.keras`."""
    folder: str = ""
    """Where this layer stands in the one that `store` belongs to."""

    def as_model(self) -> "WeightStore":
        """The weights of the model that this layer is, inside another layer."""
        if self.store is None:
            raise ModelError(f"The file has no weights for the model {self.layer!r} inside a layer.")
        return self.store(self.folder)

    def part(self, attribute: str, name: str | None) -> "LayerWeights":
        """The weights of a layer inside this one: `.keras` knows it as an attribute, `.h5` by its name, if at all."""
        here = f"{self.folder}/{attribute}".lstrip("/")
        if self.names is None:
            inside = [i for i, folder in enumerate(self.folders) if f"{folder}/".startswith(f"{attribute}/")]
            folders = tuple(self.folders[i][len(attribute) + 1 :] for i in inside)
            arrays = tuple(self.arrays[i] for i in inside)
            return LayerWeights(name or self.layer, None, arrays, folders, self.store, here)
        inside = [i for i, folder in enumerate(self.folders) if name is None or f"/{folder}".endswith(f"/{name}")]
        # The layer around this one may have the same name; and layers may lie in this one, such as a cell.
        inside = inside or [i for i, folder in enumerate(self.folders) if f"/{name}/" in f"/{folder}/"]
        names, arrays = tuple(self.names[i] for i in inside), tuple(self.arrays[i] for i in inside)
        folders = tuple(self.folders[i] for i in inside)
        return LayerWeights(name or self.layer, names, arrays, folders, self.store, here)

    def take(self, **shapes: tuple[int, ...]) -> dict[str, Array]:
        """The arrays of the named variables, which must be all there are, in the order in which Keras creates them.

        Raises ModelError, naming both sides, where the names, the number or a shape differs.
        """
        if self.names is None:
            found = dict(zip(shapes, self.arrays, strict=False))
        else:
            found = dict(zip(self.names, self.arrays, strict=True))
        if set(found) != set(shapes) or len(self.arrays) != len(shapes):
            stored = ", ".join(self.names) if self.names else f"{len(self.arrays)} arrays" if self.arrays else "none"
            raise ModelError(
                f"Layer {self.layer!r} should have the weights {', '.join(shapes) or 'none'}, "
                f"but the file stores {stored}."
            )
        if self.names is not None and self.names != tuple(shapes):
            # Keras goes by the order alone, and would take one for another where their shapes are the same.
            raise ModelError(
                f"Layer {self.layer!r} should have the weights {', '.join(shapes)} in this order, "
                f"but the file lists {', '.join(self.names)}."
            )
        return {name: self._checked(name, found[name], shape) for name, shape in shapes.items()}

    def _checked(self, name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> Array:
        if array.shape != shape:
            raise ModelError(
                f"Layer {self.layer!r}: the weight {name!r} is stored with shape {list(array.shape)}, "
                f"but the layer's configuration asks for {list(shape)}."
            )
        if array.dtype.kind != "f":
            raise UnsupportedError(
                f"Layer {self.layer!r}: the weight {name!r} is stored as {array.dtype}, not as floats."
            )
        return array.astype(np.float32, copy=False)


class WeightStore(ABC):
    """The weights of a model (or of a model inside it), layer by layer."""

    @abstractmethod
    def bind(self, layers: Sequence[tuple[str, str]]) -> "WeightStore":
        """The same weights, now that the model's layers and their order are known: pairs of (name, class name)."""

    @abstractmethod
    def expect_no_strays(self) -> None:
        """Raises ModelError where the file stores weights for a layer that the model does not have."""

    @abstractmethod
    def layer(self, name: str) -> LayerWeights:
        """The weights of a layer, in the order in which Keras created them; empty if it has none."""

    @abstractmethod
    def nested(self, name: str) -> "WeightStore":
        """The weights of the model `name` inside this one."""


@contextmanager
def reading(layer: str) -> Iterator[None]:
    """Turns what h5py raises for a damaged file, which is of many kinds, into a ModelError."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"The weights of {layer!r} cannot be read; the file is damaged ({error}).") from error


def dataset_of(group: h5py.Group, path: str, layer: str) -> NDArray[np.generic]:
    """The array at a path. Raises ModelError where there is none, UnsupportedError where it is too large or outside."""
    dataset = group.get(path)
    if not isinstance(dataset, h5py.Dataset):
        raise ModelError(f"Layer {layer!r}: the file lists the weight {path!r} but does not hold it.")
    if dataset.size is None or dataset.size > MAX_ELEMENTS:
        raise UnsupportedError(f"Layer {layer!r}: the weight {path!r} is too large, or no array.")
    if dataset.dtype.kind not in "biuf":
        raise UnsupportedError(f"Layer {layer!r}: the weight {path!r} holds {dataset.dtype} instead of numbers.")
    array: NDArray[np.generic] = np.asarray(dataset[()])
    return array


def stray_error(layer: str) -> ModelError:
    """The error for weights that belong to no layer."""
    return ModelError(f"The file stores weights for a layer {layer!r}, which its configuration does not have.")


def text_of(value: object) -> str:
    """An attribute of HDF5 as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
