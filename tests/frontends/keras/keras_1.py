"""Writes models as Keras 1.2.2 did: its words, its HDF5 layout. The models are those of tf_keras, which can run them.

After `get_config` and `build` of each layer in keras 1.2.2 (layers/convolutional.py, core.py, recurrent.py, ...), and
`save_model` and `save_weights_to_hdf5_group` in its models.py and engine/topology.py.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tf_keras
from numpy.typing import NDArray

Config = dict[str, Any]
Weights = list[tuple[str, NDArray[np.float32]]]

VERSION = "1.2.2"
MERGES = {"Add": "sum", "Multiply": "mul", "Concatenate": "concat", "Average": "ave", "Maximum": "max", "Dot": "dot"}
NO_EXTRAS = {f"{kind}_{what}": None for kind in ("W", "b") for what in ("regularizer", "constraint")} | {
    "activity_regularizer": None
}


def write_keras_1(model: tf_keras.Model, path: Path, architecture: Config | None = None) -> Path:
    """Writes the model; `architecture` is for one that Keras 1 would have put in other words."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = VERSION.encode()
        file.attrs["model_config"] = json.dumps(architecture or architecture_of(model)).encode()
        write_weights(file.create_group("model_weights"), [layer for layer in model.layers if not is_input(layer)])
    return path


def write_weights(group: h5py.Group, layers: Sequence[Any]) -> None:
    """`save_weights_to_hdf5_group`, which is also all of a file of weights alone."""
    group.attrs["layer_names"] = [layer.name.encode() for layer in layers]
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = VERSION.encode()
    for layer in layers:
        inside = group.create_group(layer.name)
        weights = list(weights_of(layer))
        inside.attrs["weight_names"] = [f"{name}:0".encode() for name, _ in weights]
        for name, array in weights:
            inside.create_dataset(f"{name}:0", data=array)


def architecture_of(model: tf_keras.Model) -> Config:
    """`{"class_name": "Sequential", "config": [...]}`, or a Model with its graph of calls."""
    if isinstance(model, tf_keras.Sequential):
        first, *rest = model.layers
        begin = entry_of(first)
        shaped = begin["config"] if isinstance(begin["config"], dict) else begin["config"][0]["config"]
        shaped |= {"batch_input_shape": list(model.input_shape), "input_dtype": "float32"}
        return {"class_name": "Sequential", "config": [begin, *map(entry_of, rest)]}
    config = model.get_config()
    entries = []
    for layer, modern in zip(model.layers, config["layers"], strict=True):
        nodes = [[list(tensor[:3]) for tensor in node] for node in modern["inbound_nodes"]]
        entries.append({**entry_of(layer), "name": layer.name, "inbound_nodes": nodes})
    ends = {key: config[key] for key in ("input_layers", "output_layers")}
    return {"class_name": "Model", "config": {"name": model.name, "layers": entries, **ends}}


def entry_of(layer: Any) -> Config:
    """A layer's `class_name` and `config`."""
    if isinstance(layer, tf_keras.Model):
        return architecture_of(layer)
    class_name, config = ENTRIES[type(layer).__name__](layer)
    return {"class_name": class_name, "config": {"name": layer.name, "trainable": True, **config}}


def is_input(layer: Any) -> bool:
    return isinstance(layer, tf_keras.layers.InputLayer)


def _conv(layer: Any) -> tuple[str, Config]:
    (length,), (stride,), (rate,) = layer.kernel_size, layer.strides, layer.dilation_rate
    config = {
        "nb_filter": layer.filters,
        "filter_length": length,
        "init": "glorot_uniform",
        "activation": layer.activation.__name__,
        "border_mode": layer.padding,
        "subsample_length": stride,
        "bias": layer.use_bias,
        "input_dim": None,
        "input_length": None,
        **NO_EXTRAS,
    }
    return ("AtrousConvolution1D", {**config, "atrous_rate": rate}) if rate > 1 else ("Convolution1D", config)


def _conv_2d(layer: Any) -> tuple[str, Config]:
    rows, columns = layer.kernel_size
    return "Convolution2D", {
        "nb_filter": layer.filters,
        "nb_row": rows,
        "nb_col": columns,
        "init": "glorot_uniform",
        "activation": layer.activation.__name__,
        "border_mode": layer.padding,
        "subsample": list(layer.strides),
        "dim_ordering": {"channels_last": "tf", "channels_first": "th"}[layer.data_format],
        "bias": layer.use_bias,
        **NO_EXTRAS,
    }


def _dense(layer: Any) -> tuple[str, Config]:
    return "Dense", {
        "output_dim": layer.units,
        "init": "glorot_uniform",
        "activation": layer.activation.__name__,
        "bias": layer.use_bias,
        "input_dim": None,
        **NO_EXTRAS,
    }


def _recurrent(layer: Any) -> tuple[str, Config]:
    gates = (
        {} if not hasattr(layer, "recurrent_activation") else {"inner_activation": layer.recurrent_activation.__name__}
    )
    return type(layer).__name__, {
        "output_dim": layer.units,
        "init": "glorot_uniform",
        "inner_init": "orthogonal",
        "activation": layer.activation.__name__,
        **gates,
        "return_sequences": layer.return_sequences,
        "go_backwards": layer.go_backwards,
        "stateful": False,
        "unroll": False,
        "consume_less": "cpu",
        "input_dim": None,
        "input_length": None,
        "dropout_W": 0.0,
        "dropout_U": 0.0,
    }


def _merge(layer: Any) -> tuple[str, Config]:
    return "Merge", {
        "mode": MERGES[type(layer).__name__],
        "mode_type": "raw",
        "concat_axis": getattr(layer, "axis", -1),
        "dot_axes": getattr(layer, "axes", -1),
        "output_shape": None,
        "output_shape_type": "raw",
        "output_mask": None,
        "output_mask_type": "raw",
        "arguments": {},
    }


def _pool(layer: Any) -> tuple[str, Config]:
    (length,), (stride,) = layer.pool_size, layer.strides
    return type(layer).__name__, {"stride": stride, "pool_length": length, "border_mode": layer.padding}


def _norm(layer: Any) -> tuple[str, Config]:
    (axis,) = layer.axis
    extras = {"gamma_regularizer": None, "beta_regularizer": None, "momentum": 0.99}
    return "BatchNormalization", {"epsilon": layer.epsilon, "mode": 0, "axis": axis, **extras}


def _wrapped(layer: Any) -> tuple[str, Config]:
    inner = {"layer": entry_of(getattr(layer, "forward_layer", layer.layer))}
    if isinstance(layer, tf_keras.layers.Bidirectional):
        inner["layer"]["config"]["name"] = layer.forward_layer.name.removeprefix("forward_")
        inner["merge_mode"] = layer.merge_mode
    return type(layer).__name__, inner


ENTRIES: dict[str, Callable[[Any], tuple[str, Config]]] = {
    "InputLayer": lambda layer: (
        "InputLayer",
        {"batch_input_shape": list(layer.output.shape), "input_dtype": "float32", "sparse": False},
    ),
    "Conv1D": _conv,
    "Conv2D": _conv_2d,
    "Dense": _dense,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "MaxPooling1D": _pool,
    "AveragePooling1D": _pool,
    "BatchNormalization": _norm,
    "Bidirectional": _wrapped,
    "TimeDistributed": _wrapped,
    **dict.fromkeys(MERGES, _merge),
    **dict.fromkeys(
        ["Flatten", "GlobalMaxPooling1D", "GlobalAveragePooling1D"], lambda layer: (type(layer).__name__, {})
    ),
    "Activation": lambda layer: ("Activation", {"activation": layer.activation.__name__}),
    "Cropping1D": lambda layer: ("Cropping1D", {"cropping": list(layer.cropping)}),
    "Dropout": lambda layer: ("Dropout", {"p": layer.rate}),
    "ELU": lambda layer: ("ELU", {"alpha": float(layer.alpha)}),
    "GaussianNoise": lambda layer: ("GaussianNoise", {"sigma": layer.stddev}),
    "LeakyReLU": lambda layer: ("LeakyReLU", {"alpha": float(layer.alpha)}),
    "PReLU": lambda layer: ("PReLU", {"init": "zero", "weights": None, "shared_axes": layer.shared_axes}),
    "Permute": lambda layer: ("Permute", {"dims": list(layer.dims)}),
    "RepeatVector": lambda layer: ("RepeatVector", {"n": layer.n}),
    "Reshape": lambda layer: ("Reshape", {"target_shape": list(layer.target_shape)}),
    "SpatialDropout1D": lambda layer: ("SpatialDropout1D", {"p": layer.rate}),
    "ThresholdedReLU": lambda layer: ("ThresholdedReLU", {"theta": float(layer.theta)}),
    "UpSampling1D": lambda layer: ("UpSampling1D", {"length": int(layer.size)}),
    "ZeroPadding1D": lambda layer: (
        "ZeroPadding1D",
        {"padding": dict(zip(("left_pad", "right_pad"), layer.padding, strict=True))},
    ),
}

_NAMES = {
    "kernel": "W",
    "bias": "b",
    "alpha": "alphas",
    "moving_mean": "running_mean",
    "moving_variance": "running_std",
}
_STORED = {"LSTM": "icfo", "GRU": "zrh"}
_SIDE_BY_SIDE = {"LSTM": "ifco", "GRU": "zrh"}


def weights_of(layer: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The weights of a layer, or of all layers in a model or in a wrapper, in the order of Keras 1."""
    if isinstance(layer, tf_keras.Model):
        for inner in layer.layers:
            yield from weights_of(inner)
    elif isinstance(layer, tf_keras.layers.Bidirectional):
        yield from weights_of(layer.forward_layer)
        yield from weights_of(layer.backward_layer)
    elif isinstance(layer, tf_keras.layers.TimeDistributed):
        yield from weights_of(layer.layer)
    elif type(layer).__name__ in ("LSTM", "GRU", "SimpleRNN"):
        yield from _recurrent_weights(layer)
    else:
        for variable, array in zip(layer.weights, layer.get_weights(), strict=True):
            word = variable.name.rpartition("/")[2].removesuffix(":0")
            yield f"{layer.name}_{_NAMES.get(word, word)}", _kernel(layer, word, array)


def _kernel(layer: Any, word: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
    if word == "kernel" and array.ndim == 3:
        return array[:, None]
    if word == "kernel" and array.ndim == 4 and layer.data_format == "channels_first":
        return array.transpose(3, 2, 0, 1)
    return array


def _recurrent_weights(layer: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    arrays = dict(zip("WUb", layer.get_weights(), strict=True))
    kind = type(layer).__name__
    if kind == "SimpleRNN":
        yield from ((f"{layer.name}_{letter}", array) for letter, array in arrays.items())
        return
    for gate in _STORED[kind]:
        place = _SIDE_BY_SIDE[kind].index(gate)
        for letter, array in arrays.items():
            yield f"{layer.name}_{letter}_{gate}", np.split(array, len(_STORED[kind]), axis=-1)[place]
