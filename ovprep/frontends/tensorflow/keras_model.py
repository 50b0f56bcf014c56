"""A Keras model as a function; needs Keras, and is used by the exporter alone."""

from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, UnsupportedError
from ovprep.options import ReadOptions
from ovprep.plugins import load_plugins
from ovprep.signature import Signature, first_line


def load_keras(path: Path, options: ReadOptions) -> Signature:
    """Loads a Keras file, in safe mode unless the options allow code, with the classes of the plugins at hand.

    Raises ModelError where Keras refuses the file, UnsupportedError where the model does not state its inputs.
    """
    import keras  # noqa: TID251  (in a worker process)

    load_plugins(options.plugins)
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=not options.allow_code)
        if options.weights is not None:
            model.load_weights(options.weights)
    except Exception as error:
        told = str(error).rpartition("Exception encountered:")[2]  # Keras puts the configuration of the model around it
        reason = first_line(ValueError(told)) if told.strip() else first_line(error)
        raise ModelError(f"Keras {keras.__version__} cannot load {path}: {reason}.") from error
    if not hasattr(model, "inputs"):
        raise UnsupportedError(
            f"{path} holds a {type(model).__name__}, a model that does not state its inputs. "
            "Export it with model.export(folder), and convert that folder."
        )
    return _signature_of(model)


def _signature_of(model: Any) -> Signature:
    import keras  # noqa: TID251  (in a worker process)
    import tensorflow as tf  # noqa: TID251  (in a worker process)

    single = len(model.inputs) == 1

    def call(*tensors: Any) -> list[Any]:
        return list(keras.tree.flatten(model(tensors[0] if single else list(tensors), training=False)))

    return Signature(
        {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in _named(model.inputs).items()},
        tuple(_named(model.outputs)),
        call,
        f"keras {keras.__version__}",
        model,
        model.count_params(),
    )


def _named(tensors: list[Any]) -> dict[str, Any]:
    """The tensors by the names of the layers that give them; a second one of a layer gets a number behind its name."""
    named: dict[str, Any] = {}
    for tensor in tensors:
        name = tensor._keras_history.operation.name
        while name in named:
            base, _, number = name.rpartition("_")
            name = f"{base}_{int(number) + 1}" if base and number.isdigit() else f"{name}_1"
        named[name] = tensor
    return named
