"""The weights of Keras 1: named `<layer>_W` instead of `<layer>/kernel`, each gate of a recurrent layer on its own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovprep.errors import ModelError

Array = NDArray[np.generic]
Weight = tuple[str, Array]
"""A path in the file, and the array there."""

_VARIABLES = {
    "W": "kernel",
    "U": "recurrent_kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # it never was a standard deviation
    "alphas": "alpha",
    "depthwise_kernel": "depthwise_kernel",
    "pointwise_kernel": "pointwise_kernel",
}

_GATES = {"LSTM": "ifco", "GRU": "zrh"}
"""The gates in the order in which Keras 2 and 3 have them side by side; Keras 1 stored an LSTM's as i, c, f, o."""

_NAME = re.compile(rf"(.+)_({'|'.join(_VARIABLES)})(?:_([ifcozrh]))?(?:_\d+)?(?::\d+)?")
"""`lstm_1_W_i:0`; TensorFlow put a number behind a name that was taken: `dense_1_W_1:0`."""


class Keras1Weights:
    """Translates the weights of the layers in a model, which is serialised in the words of Keras 3."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        self._layers, self._wrappers = _layers_in(model)

    def modern(self, layer: str, stored: Sequence[Weight]) -> list[Weight]:
        """The weights that the file has for a layer as Keras 2 would have stored them, in order of their first parts.

        A weight of the layer itself becomes `kernel`, one of a layer inside it `dense_1/kernel`, behind the name of the
        wrapper around that, if there is one. What is not named as Keras 1 did stays as it is. Raises ModelError where a
        recurrent layer lacks a gate.
        """
        parts: dict[tuple[str, str], dict[str, Array]] = {}
        for path, array in stored:
            found = _NAME.fullmatch(path.rpartition("/")[2])
            owner, variable, gate = found.groups() if found else ("", path, None)
            parts.setdefault((owner, variable), {})[gate or ""] = array
        return [self._weight(layer, owner, variable, gates) for (owner, variable), gates in parts.items()]

    def _weight(self, layer: str, owner: str, variable: str, gates: Mapping[str, Array]) -> Weight:
        if not owner:
            return variable, gates[""]
        class_name, config = self._of(owner)
        array = gates[""] if "" in gates else _joined(owner, variable, class_name, gates)
        name = _VARIABLES[variable]
        if name == "kernel":
            name = "embeddings" if class_name == "Embedding" else name
            array = _modern_kernel(array, class_name, config)
        wrapper = self._wrappers.get(owner, self._wrappers.get(_plain(owner)))
        folders = [folder for folder in (wrapper, owner) if folder not in (None, layer)]
        return "/".join([*folders, name]), array

    def _of(self, owner: str) -> tuple[str, Mapping[str, Any]]:
        return self._layers.get(owner) or self._layers.get(_plain(owner)) or ("", {})


def _plain(owner: str) -> str:
    """The name in the configuration; Bidirectional makes `forward_<name>` and `backward_<name>` of it."""
    return owner.removeprefix("forward_").removeprefix("backward_")


def _joined(owner: str, variable: str, class_name: str, gates: Mapping[str, Array]) -> Array:
    order = _GATES.get(class_name, "")
    if set(gates) != set(order):
        raise ModelError(
            f"Layer {owner!r} should have the weights {', '.join(f'{variable}_{gate}' for gate in order) or 'none'}, "
            f"but the file stores {', '.join(f'{variable}_{gate}' for gate in gates)}."
        )
    try:
        return np.concatenate([gates[gate] for gate in order], axis=-1)
    except ValueError as error:
        raise ModelError(f"The weights of {owner!r} do not fit each other ({error}).") from error


def _modern_kernel(array: Array, class_name: str, config: Mapping[str, Any]) -> Array:
    """Convolution1D was a Conv2D of width one, with a kernel `[k, 1, C, filters]`, until 1.1 `[filters, C, k, 1]`."""
    if array.ndim != 4:
        return array
    if class_name == "Conv1D":
        turned = array.transpose(2, 3, 1, 0) if array.shape[1] != 1 and array.shape[3] == 1 else array
        return turned[:, 0] if turned.shape[1] == 1 else array
    if class_name == "Conv2D" and config.get("data_format") == "channels_first":
        return array.transpose(2, 3, 1, 0)
    return array


def _layers_in(model: Mapping[str, Any]) -> tuple[dict[str, tuple[str, Mapping[str, Any]]], dict[str, str]]:
    """Class and configuration of every layer in a model, at any depth, by name; the wrappers around some, by theirs."""
    layers: dict[str, tuple[str, Mapping[str, Any]]] = {}
    wrappers: dict[str, str] = {}
    waiting: list[Any] = [model]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, Mapping):
            waiting += value.values()
            if (name := _name_of(value)) is not None:
                layers[name] = str(value.get("class_name")), value["config"]
                if (inner := _name_of(value["config"].get("layer"))) is not None:
                    wrappers[inner] = name
    return layers, wrappers


def _name_of(entry: Any) -> str | None:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    name = config.get("name") if isinstance(config, Mapping) else None
    return name if isinstance(name, str) else None
