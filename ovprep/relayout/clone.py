"""Clones of layers, operation nodes and models: the same name, class, configuration and weights, but for what moves."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.relayout.rules import Free

NO_CHANGE = Free()


def clone(operation: Any, change: Free) -> Any:
    """A layer or operation node with the change in its configuration; its weights come later, when it is built."""
    if change.makes:
        return change.makes(operation.name)
    if type(operation).__module__ == "keras.src.layers.core.lambda_layer":
        return _clone_lambda(operation)
    try:
        config = dict(operation.get_config())
    except NotImplementedError:
        if hasattr(operation, "weights"):
            raise UnsupportedError(f"layer {operation.name!r} has no get_config, so it cannot be copied.") from None
        return _copy(operation)
    cls = _class(operation, change)
    config |= change.config
    config = _with_objects(operation, config)
    if change.becomes:
        config = {key: value for key, value in config.items() if key in _accepted(cls)}
    try:
        twin = cls.from_config(config)
    except (TypeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"layer {operation.name!r} cannot be made again from its configuration: {first}"
        ) from error
    twin.name = operation.name  # where the configuration of a user's class leaves it out
    return twin


def _with_objects(operation: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the user's own functions and objects themselves, which Keras would not find by name."""
    found = {key: getattr(operation, key, None) for key, value in config.items() if isinstance(value, dict)}
    own = {
        key: each
        for key, each in found.items()
        if not (getattr(each, "__module__", None) or "keras.").startswith("keras.")
    }
    return config | own


def _class(operation: Any, change: Free) -> Any:
    if change.becomes is None:
        return type(operation)
    from keras import layers

    return getattr(layers, change.becomes)


def _accepted(cls: Any) -> set[str]:
    """The configuration that a class takes: its arguments, and those of every layer where it passes them on."""
    parameters = inspect.signature(cls.__init__).parameters
    passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {*parameters, *(("name", "trainable", "dtype") if passes_on else ())}


def _copy(operation: Any) -> Any:
    """An operation node with arguments that no configuration can say, such as arrays. It has no state."""
    twin = object.__new__(type(operation))  # copy.copy would save it and load it again
    vars(twin).update(vars(operation))
    twin._inbound_nodes, twin._outbound_nodes = [], []
    return twin


def _clone_lambda(layer: Any) -> Any:
    """With the very functions, which a configuration would carry as code."""
    return type(layer)(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )


def carry_weights(layer: Any, twin: Any, change: Free) -> None:
    """Give a built clone the weights and the state of the original, moved where the change says so."""
    if len(layer.variables) != len(twin.variables):
        raise UnsupportedError(f"layer {layer.name!r} makes other weights when it is built again.")
    for old, new in zip(layer.variables, twin.variables, strict=True):
        value = np.asarray(old)
        move = change.weights.get(old.name)
        new.assign(value if move is None else move.array(value))
    for old, new in zip(states(layer), states(twin), strict=True):
        new.assign(old)
    for part in twin._flatten_layers():
        if hasattr(part, "finalize_state"):  # Normalization computes from its weights what it applies
            part.finalize_state()


def states(layer: Any) -> list[Any]:
    """What stateful recurrences in a layer or model carry from call to call; Keras does not count it as variables."""
    found = [
        part.states for part in layer._flatten_layers() if getattr(part, "stateful", False) and hasattr(part, "states")
    ]
    return [state for each in found for state in each if state is not None]


def model_like(model: Any, inputs: Any, outputs: Any) -> Any:
    """A Functional model of the same class and name, none of whose layers changes its trainability."""
    from keras.src.models.functional import Functional, functional_like_constructor

    cls = type(model) if functional_like_constructor(type(model)) else Functional
    twin = cls(inputs, outputs, name=model.name)
    twin._trainable = model._trainable
    return twin


def sequential_like(model: Any, layers: list[Any]) -> Any:
    """A Sequential model of the same name, which builds its layers."""
    try:
        twin = type(model)(layers, name=model.name)
    except (TypeError, ValueError, NotImplementedError) as error:
        stopped = next((each for each in layers if not each._inbound_nodes), model)
        raise uncallable(stopped, error) from error
    twin._trainable = model._trainable
    return twin


def uncallable(operation: Any, error: Exception) -> UnsupportedError:
    """The error for a clone that does not take the tensors that the original would have in the other layout."""
    name = f"{operation.name!r} ({type(operation).__name__})"
    return UnsupportedError(f"{name} cannot be called in the other data format: {reason_of(error)}")


def reason_of(error: BaseException) -> str:
    """What Keras means: the words that it prints in bold, or the first line; the rest is how it came there."""
    bold = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    return (bold.group(1) if bold else str(error)).strip().partition("\n")[0]


def distributed_like(layer: Any, model: Any) -> Any:
    """A TimeDistributed around the twin of its model."""
    twin = type(layer)(model, name=layer.name, dtype=layer.dtype_policy)
    twin._trainable = layer._trainable
    return twin
