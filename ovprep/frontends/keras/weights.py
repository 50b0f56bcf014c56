"""Finds the weights of a layer in the file, by their stored names and order, never by shape."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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


class Hdf5Weights(WeightStore):
    """The group `model_weights` of an `.h5` file: one group per layer, its variables listed in `weight_names`."""

    def __init__(self, group: h5py.Group, layers: Sequence[tuple[str, str]] = ()) -> None:
        self._group = group
        self._names = {name for name, _ in layers}

    def bind(self, layers: Sequence[tuple[str, str]]) -> WeightStore:
        return Hdf5Weights(self._group, layers)

    def expect_no_strays(self) -> None:
        with _reading("the model"):
            for name in self._group.keys() - self._names:
                group = self._group.get(name)
                # Layer names with a slash make groups in groups, which have no list of weights themselves.
                if isinstance(group, h5py.Group) and len(group.attrs.get("weight_names", ())):
                    raise ModelError(_stray(name))

    def layer(self, name: str) -> LayerWeights:
        with _reading(name):
            group = self._group.get(name)
            if not isinstance(group, h5py.Group):
                return LayerWeights(name, (), ())
            paths = [_text(path) for path in group.attrs.get("weight_names", ())]
            arrays = tuple(_dataset(group, path, name) for path in paths)
            return LayerWeights(name, tuple(_variable_name(path) for path in paths), arrays)

    def nested(self, name: str) -> WeightStore:
        raise UnsupportedError(
            f"Layer {name!r} is a model inside the model, which ovprep cannot read from .h5 yet; "
            "save it as .keras, or flatten it."
        )


class ArchiveWeights(WeightStore):
    """`model.weights.h5` of a `.keras` file: `layers/<class name>_<count>/vars/<number>`, with the layer's name."""

    def __init__(self, group: h5py.Group, layers: Sequence[tuple[str, str]] = ()) -> None:
        self._group = group
        self._paths = dict(zip((name for name, _ in layers), _container_names(layers), strict=True))

    def bind(self, layers: Sequence[tuple[str, str]]) -> WeightStore:
        return ArchiveWeights(self._group, layers)

    def expect_no_strays(self) -> None:
        with _reading("the model"):
            containers = self._group.get("layers")
            stored = containers.keys() if isinstance(containers, h5py.Group) else set()
            for key in stored - set(self._paths.values()):
                variables = self._group.get(f"layers/{key}/vars")
                if isinstance(variables, h5py.Group) and len(variables):
                    raise ModelError(_stray(_text(variables.attrs.get("name", key))))

    def layer(self, name: str) -> LayerWeights:
        path = f"layers/{self._paths[name]}/vars"
        with _reading(name):
            group = self._group.get(path)
            if not isinstance(group, h5py.Group):
                return LayerWeights(name, None, ())
            stored = _text(group.attrs.get("name", name))
            if stored != name:
                raise ModelError(
                    f"The weights at {path} belong to the layer {stored!r}, "
                    f"but the configuration has {name!r} in that place."
                )
            keys = sorted(group, key=lambda key: (len(key), key))
            return LayerWeights(name, None, tuple(_dataset(group, key, name) for key in keys))

    def nested(self, name: str) -> WeightStore:
        with _reading(name):
            group = self._group.get(f"layers/{self._paths[name]}")
        if not isinstance(group, h5py.Group):
            raise ModelError(f"The file has no weights for the model {name!r} inside the model.")
        return ArchiveWeights(group)


def _container_names(layers: Iterable[tuple[str, str]]) -> list[str]:
    """Keras 3 names the group of a layer after its class and counts: conv1d, conv1d_1, ..."""
    seen: Counter[str] = Counter()
    names = []
    for _, class_name in layers:
        snake = _snake_case(class_name)
        names.append(f"{snake}_{seen[snake]}" if seen[snake] else snake)
        seen[snake] += 1
    return names


def _snake_case(name: str) -> str:
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


@contextmanager
def _reading(layer: str) -> Iterator[None]:
    """Turns what h5py raises for a damaged file, which is of many kinds, into a ModelError."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"The weights of {layer!r} cannot be read; the file is damaged ({error}).") from error


def _dataset(group: h5py.Group, path: str, layer: str) -> NDArray[np.generic]:
    dataset = group.get(path)
    if not isinstance(dataset, h5py.Dataset):
        raise ModelError(f"Layer {layer!r}: the file lists the weight {path!r} but does not hold it.")
    if dataset.size is None or dataset.size > MAX_ELEMENTS:
        raise UnsupportedError(f"Layer {layer!r}: the weight {path!r} is too large, or no array.")
    array: NDArray[np.generic] = np.asarray(dataset[()])
    return array


def _stray(layer: str) -> str:
    return f"The file stores weights for a layer {layer!r}, which its configuration does not have."


def _variable_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(":0")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
