"""Brings the configurations of Keras 1 and 2 to the vocabulary of Keras 3.

Keras 2 renamed the arguments of most layers, and Keras 3 the layers' options once more; the weights kept their order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.legacy_merge import as_functional, begins_with_branches

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
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
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
    "InputLayer": {"input_dtype": "dtype"},
    "ReLU": {"theta": "threshold"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "SimpleRNN": _RECURRENT,
}

_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
}

_ORDERS = {"tf": "channels_last", "th": "channels_first"}

_ACTIVATIONS = ("activation", "recurrent_activation")


def modernize(entry: Mapping[str, Any], version: str) -> Config:
    """A serialised model as Keras 3 would have written it; as it stands where Keras 3 did.

    Raises UnsupportedError for what has no counterpart, or where the configuration nests too deeply.
    """
    return _modern(entry, major_of(version), 0) if major_of(version) < 3 else dict(entry)


def name_models(architecture: Config, names: Sequence[str]) -> Config:
    """The architecture with names for the models in a Sequential model, which Keras wrote without until 2.2.

    `names` are those of all its layers, in order, as the weights have them.
    """
    entries = architecture.get("config")
    if architecture.get("class_name") != "Sequential" or not isinstance(entries, list) or len(entries) != len(names):
        return architecture
    return {**architecture, "config": [_named(entry, name) for entry, name in zip(entries, names, strict=True)]}


def _named(entry: Any, name: str) -> Any:
    nameless = isinstance(entry, Mapping) and "name" not in entry and isinstance(entry.get("config"), list)
    return {**entry, "name": name} if nameless else entry


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
    if inside.get("class_name") == "Sequential":
        _sequential(inside)
    if isinstance(inside.get("class_name"), str) and isinstance(inside.get("config"), dict):
        return _layer({**inside, "class_name": inside["class_name"], "config": dict(inside["config"])}, major)
    return inside


def _sequential(entry: Config) -> None:
    """Until Keras 2.2 the configuration is the list of the layers, among them models that have no name."""
    config: Config = entry["config"] if isinstance(entry.get("config"), dict) else {"layers": entry.get("config")}
    entries: Any = config.get("layers")
    if begins_with_branches(entries):
        entry["class_name"] = "Functional"
        entry["config"] = as_functional(entries, str(entry.get("name") or config.get("name") or "sequential"))
    elif isinstance(entries, list) and entries:
        named = [_named(inner, f"sequential_{number}") for number, inner in enumerate(entries, 1)]
        named = [*_input_of(named[0]), *named]
        entry["config"] = named if isinstance(entry["config"], list) else {**config, "layers": named}


def _input_of(first: Any) -> list[Config]:
    """The InputLayer in front of a model that is a Sequential model's first layer, where the file has none."""
    inner = first
    while isinstance(inner, Mapping) and inner.get("class_name") in ("Sequential", "Functional", "Model"):
        config = inner.get("config")
        layers = config.get("layers") if isinstance(config, Mapping) else config
        inner = layers[0] if isinstance(layers, list) and layers else None
    config = inner.get("config") if isinstance(inner, Mapping) and inner is not first else None
    shape = config.get("batch_input_shape") if isinstance(config, Mapping) else None
    if shape is None:
        return []
    own = {"name": f"{first.get('name') or 'model'}_input", "batch_input_shape": shape}
    return [{"class_name": "InputLayer", "config": own}]


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
        given = config.get(key)
        if (given.get("config") if isinstance(given, Mapping) else given) == "hard_sigmoid":
            config[key] = HARD_SIGMOID
    if name in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)  # the option came with Keras 2.1, and with this default
    if name == "ZeroPadding1D" and isinstance(config.get("padding"), Mapping):
        config["padding"] = [config["padding"].get("left_pad", 0), config["padding"].get("right_pad", 0)]
    if name == "Merge":
        _merge(entry)
    if name == "BatchNormalization" and config.get("mode", 0) != 0:
        raise UnsupportedError(
            f"Layer {config.get('name')!r} is a BatchNormalization with mode {config['mode']!r}; ovprep reads mode 0."
        )
    return entry


def _merge(entry: Config) -> None:
    """Keras 1 has one class for all merges, and their ways are options of it."""
    config = entry["config"]
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in _MERGES or config.get("mode_type", "raw") != "raw":
        raise UnsupportedError(
            f"Layer {config.get('name')!r} is a Merge in the mode {mode!r}; "
            f"ovprep reads the modes {', '.join(_MERGES)}."
        )
    entry["class_name"] = _MERGES[mode]
    config["axis"] = config.pop("concat_axis", -1)
    if mode == "dot":
        config["axes"] = config.pop("dot_axes", -1)
