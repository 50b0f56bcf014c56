"""The weights in an `.h5` file."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.weights import LayerWeights, WeightStore, dataset_of, reading, stray_error, text_of
from ovprep.frontends.keras.weights_keras_1 import Keras1Weights, Weight


class Hdf5Weights(WeightStore):
    """The group `model_weights` of an `.h5` file: one group per layer, its variables listed in `weight_names`.

    `keras_1` translates the weights where Keras 1 stored them.
    """

    def __init__(
        self, group: h5py.Group, keras_1: Keras1Weights | None = None, layers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._group = group
        self._keras_1 = keras_1
        self._names = {name for name, _ in layers}

    def bind(self, layers: Sequence[tuple[str, str]]) -> WeightStore:
        bound = Hdf5Weights(self._group, self._keras_1, layers)
        strays = bound._strays()
        with reading("the model"):
            lacking = [name for name, kind in layers if kind != "InputLayer" and name not in self._group]
        if strays and lacking:
            raise ModelError(
                f"The weights are those of the layers {_shown(strays)}, but the model has {_shown(lacking)} in their "
                "place; give its layers the names that they had when the weights were saved."
            )
        bound._expect_order([name for name, _ in layers])
        return bound

    def _expect_order(self, names: Sequence[str]) -> None:
        """Keras goes by the order of the layers alone: where that and their names contradict, no one can tell."""
        with reading("the model"):
            stored = [name for name in names_in(self._group, "layer_names") if name in self._names]
        listed = set(stored)
        expected = [name for name in names if name in listed]
        if wrong := next((pair for pair in zip(stored, expected, strict=False) if pair[0] != pair[1]), None):
            raise ModelError(
                f"The file lists the weights of {wrong[0]!r} in the place where the model has the layer {wrong[1]!r}."
            )

    def expect_no_strays(self) -> None:
        for name in self._strays():
            raise stray_error(name)

    def _strays(self) -> list[str]:
        """The layers that have weights in the file but no place in the model."""
        with reading("the model"):
            strays = []
            for name in self._group.keys() - self._names:
                group = self._group.get(name)
                # Layer names with a slash make groups in groups, which have no list of weights themselves.
                if isinstance(group, h5py.Group) and names_in(group, "weight_names"):
                    strays.append(name)
            return sorted(strays)

    def layer(self, name: str) -> LayerWeights:
        stored = self._stored(name)
        folders = tuple(path.rpartition("/")[0] for path, _ in stored)
        names = tuple(_variable_name(path) for path, _ in stored)
        arrays = tuple(array for _, array in stored)
        return LayerWeights(name, names, arrays, folders, lambda folder: self.nested(name))

    def nested(self, name: str) -> WeightStore:
        stored = self._stored(name)
        if len({path for path, _ in stored}) < len(stored):
            raise UnsupportedError(f"Layer {name!r}: the file stores several weights under one name.")
        return NestedHdf5Weights(name, dict(stored))

    def _stored(self, name: str) -> list[Weight]:
        with reading(name):
            group = self._group.get(name)
            if not isinstance(group, h5py.Group):
                return []
            stored = [(path, dataset_of(group, path, name)) for path in names_in(group, "weight_names")]
        return self._keras_1.modern(name, stored) if self._keras_1 is not None else stored


class NestedHdf5Weights(WeightStore):
    """A model inside a model in `.h5`: the weights of all its layers, and of the models in it, are one list.

    Only names tell them apart: `conv/kernel`, or `inner/conv/kernel`, belongs to the layer `conv`. `within` are the
    names of the models on the way to this one, of which the names of weights have some, or none.
    """

    def __init__(
        self,
        model: str,
        arrays: Mapping[str, NDArray[np.generic]],
        within: tuple[str, ...] = (),
        used: set[str] | None = None,
    ) -> None:
        self._model = model
        self._arrays = arrays
        self._within = within
        self._used: set[str] = set() if used is None else used

    def bind(self, layers: Sequence[tuple[str, str]]) -> WeightStore:
        return self

    def expect_no_strays(self) -> None:
        strays = [path for path in self._arrays if path not in self._used]
        if strays and not self._within:
            raise ModelError(f"The model {self._model!r} has no layer for the weight {strays[0]!r} in the file.")

    def layer(self, name: str) -> LayerWeights:
        paths = self._paths_of(name)
        folders = tuple(path.rpartition("/")[0] for path in paths)
        if len({f"/{folder}/".partition(f"/{name}/")[0] for folder in folders}) > 1:
            raise UnsupportedError(
                f"The model {self._model!r} has several layers {name!r} whose weights the file does not tell apart; "
                "save the model as .keras, or give the layers names of their own."
            )
        self._used.update(paths)
        names = tuple(_variable_name(path) for path in paths)
        arrays = tuple(self._arrays[path] for path in paths)
        return LayerWeights(name, names, arrays, folders, lambda folder: self.nested(name))

    def _paths_of(self, name: str) -> list[str]:
        """The weights named after the layer; of several such layers, that under the name of this very model.

        A Functional model leaves its name out. Where that misleads, a weight stays behind as a stray.
        """
        owners = {path: f"/{path.rpartition('/')[0]}" for path in self._arrays}
        exact = [path for path, owner in owners.items() if owner.endswith(f"/{name}")]
        if len({owners[path] for path in exact}) > 1:
            inside = f"/{(self._model, *self._within)[-1]}/{name}"
            own = [path for path in exact if owners[path].endswith(inside)]
            exact = own or [path for path in exact if owners[path] == f"/{name}"] or exact
        return exact or [path for path, owner in owners.items() if f"/{name}/" in f"{owner}/"]

    def nested(self, name: str) -> WeightStore:
        return NestedHdf5Weights(self._model, self._arrays, (*self._within, name), self._used)


def names_in(group: h5py.Group, key: str) -> list[str]:
    """An attribute that is a list of names; Keras spreads a long one over `<key>0`, `<key>1`, ..."""
    keys = [key] if key in group.attrs else list(itertools.takewhile(group.attrs.__contains__, _numbered(key)))
    return [text_of(name) for part in keys for name in group.attrs[part]]


def _shown(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _numbered(key: str) -> Iterator[str]:
    return (f"{key}{number}" for number in itertools.count())


def _variable_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(":0")
