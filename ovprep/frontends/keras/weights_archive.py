"""The weights in a `.keras` file."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from ovprep.errors import ModelError
from ovprep.frontends.keras.weights import LayerWeights, WeightStore, dataset_of, reading, stray_error, text_of


class ArchiveWeights(WeightStore):
    """`model.weights.h5` of a `.keras` file: `layers/<class name>_<count>/vars/<number>`, with the layer's name."""

    def __init__(self, group: h5py.Group, layers: Sequence[tuple[str, str]] = ()) -> None:
        self._group = group
        self._folder = "layers" if "layers" in group else "_layer_checkpoint_dependencies"  # until Keras 2.13
        self._paths = dict(zip((name for name, _ in layers), container_names(layers), strict=True))

    def bind(self, layers: Sequence[tuple[str, str]]) -> WeightStore:
        return ArchiveWeights(self._group, layers)

    def expect_no_strays(self) -> None:
        with reading("the model"):
            containers = self._group.get(self._folder)
            stored = containers.keys() if isinstance(containers, h5py.Group) else set()
            for key in stored - set(self._paths.values()):
                variables = self._group.get(f"{self._folder}/{key}/vars")
                if isinstance(variables, h5py.Group) and len(variables):
                    raise stray_error(text_of(variables.attrs.get("name", key)))

    def layer(self, name: str) -> LayerWeights:
        path = f"{self._folder}/{self._paths[name]}/vars"
        with reading(name):
            group = self._group.get(path)
            if not isinstance(group, h5py.Group):
                return LayerWeights(name, None, ())
            stored = text_of(group.attrs.get("name", name))
            if stored != name:
                raise ModelError(
                    f"The weights at {path} belong to the layer {stored!r}, "
                    f"but the configuration has {name!r} in that place."
                )
            found = list(_variables(self._group[f"{self._folder}/{self._paths[name]}"], name))
            folders, arrays = tuple(folder for folder, _ in found), tuple(array for _, array in found)
            return LayerWeights(name, None, arrays, folders, lambda folder: self.nested(name, folder))

    def nested(self, name: str, folder: str = "") -> WeightStore:
        with reading(name):
            group = self._group.get(f"{self._folder}/{self._paths[name]}/{folder}".rstrip("/"))
        if not isinstance(group, h5py.Group):
            raise ModelError(f"The file has no weights for the model {name!r} inside the model.")
        return ArchiveWeights(group)


_PROJECTIONS = ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense")
_PARTS = (
    *("cell", "forward_layer", "backward_layer", "layer"),
    *_PROJECTIONS,
    *(f"_{name}" for name in _PROJECTIONS),
)
"""Attributes under which a layer of Keras keeps another with weights."""
_LISTS = ("cells",)
"""Attributes under which it keeps several."""
_MAX_DEPTH = 6
"""Deeper than TimeDistributed of Bidirectional of RNN of StackedRNNCells of a cell."""


def _variables(group: h5py.Group, layer: str, folder: str = "") -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The variables of a layer and of the layers in it, each with its folder. Models in it have their own store.

    Groups that link to each other, which have no end, were refused when the file was opened.
    """
    variables = group.get("vars")
    if isinstance(variables, h5py.Group):
        for key in sorted(variables, key=lambda key: (len(key), key)):
            yield folder, dataset_of(variables, key, layer)
    lists = [(part, group[part]) for part in _LISTS if isinstance(group.get(part), h5py.Group)]
    for part in (*_PARTS, *(f"{part}/{key}" for part, items in lists for key in items)):
        inner = group.get(part)
        if isinstance(inner, h5py.Group):
            if folder.count("/") == _MAX_DEPTH:
                raise ModelError(f"Layer {layer!r} stores weights of layers in it too deeply.")
            yield from _variables(inner, layer, f"{folder}/{part}" if folder else part)


_OTHER_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}
"""Names of Python classes that differ from those in the configuration."""


def container_names(layers: Iterable[tuple[str, str]]) -> list[str]:
    """Keras 3 names the group of a layer after its class and counts: conv1d, conv1d_1, ..."""
    seen: Counter[str] = Counter()
    names = []
    for _, class_name in layers:
        snake = _snake_case(_OTHER_NAMES.get(class_name, class_name))
        names.append(f"{snake}_{seen[snake]}" if seen[snake] else snake)
        seen[snake] += 1
    return names


def _snake_case(name: str) -> str:
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
