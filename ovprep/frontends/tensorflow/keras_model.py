"""A Keras model as a function; needs Keras, and is used by the exporter alone."""

from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, UnsupportedError
from ovprep.loading.keras import CannotLoad, load_original
from ovprep.loading.plugins import load_plugins
from ovprep.loading.signature import Signature
from ovprep.options import ReadOptions


def load_keras(path: Path, options: ReadOptions) -> Signature:
    """Loads a Keras file, in safe mode unless the options allow code, with the classes of the plugins at hand.

    Raises ModelError where Keras refuses the file, UnsupportedError where the model does not state its inputs.
    """
    load_plugins(options.plugins)
    try:
        original = load_original(path, options)
    except CannotLoad as error:
        raise ModelError(f"{path} cannot be loaded: {error}.") from error
    model = original.model
    if not hasattr(model, "inputs"):
        raise UnsupportedError(
            f"{path} holds a {type(model).__name__}, a model that does not state its inputs. "
            "Export it with model.export(folder), and convert that folder."
        )
    return _signature_of(model, original.version)


def _signature_of(model: Any, version: str) -> Signature:
    import tensorflow as tf

    single = len(model.inputs) == 1

    def call(*tensors: Any) -> list[Any]:
        return list(tf.nest.flatten(model(tensors[0] if single else list(tensors), training=False)))

    return Signature(
        {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in _named(model.inputs).items()},
        tuple(_named(model.outputs)),
        call,
        version,
        model,
        model.count_params(),
    )


def _named(tensors: list[Any]) -> dict[str, Any]:
    """The tensors by the names of the layers that give them; a second one of a layer gets a number behind its name."""
    named: dict[str, Any] = {}
    for tensor in tensors:
        history = tensor._keras_history
        name = (history.operation if hasattr(history, "operation") else history.layer).name  # Keras 3, Keras 2
        while name in named:
            base, _, number = name.rpartition("_")
            name = f"{base}_{int(number) + 1}" if base and number.isdigit() else f"{name}_1"
        named[name] = tensor
    return named
