"""Brings the configurations of Keras 1 and 2 to the vocabulary of Keras 3.

Keras 2 renamed the arguments of most layers, and Keras 3 the layers' options once more; the weights kept their order.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovprep.errors import UnsupportedError

Config = dict[str, Any]

HARD_SIGMOID = "hard_sigmoid of Keras 1 and 2"
"""clip(0.2 x + 0.5, 0, 1); in Keras 3 the slope is 1/6, so the name must not be the same."""

_MAX_DEPTH = 200
"""Mappings and lists in each other: more than twenty models deep, and shallow enough for the stack."""

_CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
}

_CONVOLUTION = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "init": "kernel_initializer",
}
_POOLING = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}
_RECURRENT = {"inner_activation": "recurrent_activation", "output_dim": "units"}
_DENSE = {"output_dim": "units", "bias": "use_bias", "init": "kernel_initializer"}

_KEYS: Mapping[str, Mapping[str, str]] = {
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "SeparableConv1D": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "MaxPooling1D": _POOLING,
    "AveragePooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "AveragePooling2D": _POOLING,
    "Dense": _DENSE,
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "SimpleRNN": _RECURRENT,
}

_MERGES = {"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum"}

_ORDERS = {"tf": "channels_last", "th": "channels_first"}

_WEIGHTS = {
    "W": "kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # it never was a standard deviation
    "alphas": "alpha",
}
"""The weights of Keras 1, whose names are those of the layer, `_`, and one of these."""

_ACTIVATIONS = ("activation", "recurrent_activation")


def modernize(entry: Mapping[str, Any], version: str) -> Config:
    """A serialised model as Keras 3 would have written it; as it stands where Keras 3 did.

    Raises UnsupportedError for what has no counterpart, or where the configuration nests too deeply.
    """
    return _modern(entry, major_of(version), 0) if major_of(version) < 3 else dict(entry)


def modern_weight(layer: str, name: str, array: NDArray[np.generic]) -> tuple[str, NDArray[np.generic]]:
    """A weight of Keras 1 under its name in Keras 3; any other as it is.

    Convolution1D was a Conv2D of width one, so its kernel `[k, 1, C, filters]` becomes `[k, C, filters]`.
    """
    new = _WEIGHTS.get(name.removeprefix(f"{layer}_")) if name.startswith(f"{layer}_") else None
    if new is None:
        return name, array
    return new, array[:, 0] if new == "kernel" and array.ndim == 4 and array.shape[1] == 1 else array


def major_of(version: str) -> int:
    """The first number of a version; 3, which is read as it stands, where there is none."""
    head = version.split(".")[0]
    return int(head) if head.isdecimal() and len(head) < 4 else 3


def _modern(value: Any, major: int, depth: int) -> Any:
    """The value with each serialised layer in it, at any depth, translated."""
    if depth > _MAX_DEPTH:
        raise UnsupportedError("The model nests its configuration too deeply.")
    if isinstance(value, list):
        return [_modern(item, major, depth + 1) for item in value]
    if not isinstance(value, Mapping):
        return value
    inside = {key: _modern(item, major, depth + 1) for key, item in value.items()}
    if isinstance(inside.get("class_name"), str) and isinstance(inside.get("config"), dict):
        return _layer({**inside, "class_name": inside["class_name"], "config": dict(inside["config"])}, major)
    return inside


def _layer(entry: Config, major: int) -> Config:
    config = entry["config"]
    name = _CLASSES.get(entry["class_name"], str(entry["class_name"]))
    entry["class_name"] = name
    if "nb_row" in config and "nb_col" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    for old, new in _KEYS.get(name, {}).items():
        if old in config:
            config.setdefault(new, config.pop(old))
    if config.get("dim_ordering") in _ORDERS and name.endswith("2D"):
        config.setdefault("data_format", _ORDERS[config["dim_ordering"]])
    for key in _ACTIVATIONS:
        if config.get(key) == "hard_sigmoid":
            config[key] = HARD_SIGMOID
    if name in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)  # the option came with Keras 2.1, and with this default
    if name == "Merge":
        _merge(entry)
    if name == "BatchNormalization" and config.get("mode", 0) != 0:
        raise UnsupportedError(
            f"Layer {config.get('name')!r} is a BatchNormalization with mode {config['mode']!r}; ovprep reads mode 0."
        )
    return entry


def _merge(entry: Config) -> None:
    """Keras 1 has one class for all merges; in a Sequential model it holds whole models, which have no counterpart."""
    config = entry["config"]
    mode = config.get("mode")
    held = config.get("layers")
    if not isinstance(mode, str) or mode not in _MERGES or held or config.get("mode_type", "raw") != "raw":
        raise UnsupportedError(
            f"Layer {config.get('name')!r} is a Merge of models, or in the mode {mode!r}; "
            f"ovprep reads Merge of tensors in the modes {', '.join(_MERGES)}."
        )
    entry["class_name"] = _MERGES[mode]
    config["axis"] = config.pop("concat_axis", -1)
