"""Keras models in TensorFlow, as one compiled graph function."""

import dataclasses
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ovprep.loading.keras import Original, load_original
from ovprep.loading.plugins import load_plugins
from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Loaded, Options


class KerasBackend:
    """TensorFlow and Keras, imported."""

    def __init__(self) -> None:
        import keras  # noqa: F401  (importing it here is what starting means)
        import tensorflow  # noqa: F401

        self._threads: int | None = None

    def load(self, path: Path, options: Options) -> "KerasRunner":
        """Loads a Keras file, with code in the file refused unless the options allow it."""
        self._set_threads(options.threads)
        load_plugins(options.reading.plugins)
        original = load_original(path, options.reading)
        return KerasRunner(original) if not options.taps else tapped(original, options.taps)

    def convert(self, path: Path, output: Path, options: Options) -> None:
        """The live model to an IR with f32 weights by OpenVINO's direct conversion, or to a `.tflite` file."""
        from ovprep.workers.runners.openvino import without_telemetry

        self._set_threads(options.threads)
        load_plugins(options.reading.plugins)
        openvino = without_telemetry()
        model = load_original(path, options.reading).model
        if output.suffix == ".tflite":
            import tensorflow as tf

            output.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
            return
        openvino.save_model(_converted(openvino, model), output, compress_to_fp16=False)

    def _set_threads(self, threads: int) -> None:
        """TensorFlow takes the number of threads once, before its first operation.

        All threads go to the inside of operations. A second scheduler between operations finds nothing to do in a chain
        of layers: it made three models of three 2 to 11% slower.
        """
        import tensorflow as tf

        if self._threads is None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            self._threads = threads


def _converted(openvino: Any, model: Any) -> Any:
    """What OpenVINO makes of a live model, or else of the SavedModel that it exports.

    OpenVINO cannot trace a Sequential, but the same model as a Functional. Loops, which recurrent layers become, do not
    get through a live model, but through an exported one.
    """
    import keras

    try:
        live = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
        return openvino.convert_model(live)
    except Exception:
        with tempfile.TemporaryDirectory(prefix="ovprep-") as folder:
            try:
                model.export(folder)
                return openvino.convert_model(folder)
            except Exception:  # noqa: BLE001  (the first refusal is the one to tell)
                traceback.print_exc()
        raise


def _keys_of(structure: dict[str, Any], inputs: Sequence[Any]) -> list[str]:
    """The key of each input, in the model's own order, where it was built with a dictionary of inputs."""
    return [next(key for key, tensor in structure.items() if tensor is one) for one in inputs]


class KerasRunner:
    """A Keras model behind concrete functions, one for each shape that its inputs take.

    The shapes are fixed: with open ones, which `predict` also takes from its second shape on, Keras 3.15 differs from
    its own eager call for a TimeDistributed over an open number of steps. Calling a concrete function directly saves
    the 10% that `tf.function` spends on dispatch.
    """

    def __init__(self, original: Original, taps: Sequence[str] = ()) -> None:
        import tensorflow as tf

        model = original.model
        single = len(model.inputs) == 1

        structure = getattr(model, "_inputs_struct", None)
        keys = _keys_of(structure, model.inputs) if isinstance(structure, dict) else None

        def call(*tensors: Any) -> list[Any]:
            given = tensors[0] if single else list(tensors)
            if keys is not None:
                given = dict(zip(keys, tensors, strict=True))
            return list(tf.nest.flatten(model(given, training=False)))

        self._model = model  # the function holds its variables weakly
        self._stateful = [layer for layer in model._flatten_layers() if _keeps_state(layer)]
        self._traced = tf.function(call, autograph=False)
        self._functions: dict[tuple[tuple[int, ...], ...], Any] = {}
        self._dtypes = [np.dtype(tf.as_dtype(tensor.dtype).as_numpy_dtype) for tensor in model.inputs]
        end = time.perf_counter()
        self.loaded = Loaded(
            version=original.version,
            inputs=tuple(tensor.name for tensor in model.inputs),
            outputs=tuple(tensor.name for tensor in model.outputs[: len(model.outputs) - len(taps)]),
            precision="f32",
            load_ms=1e3 * (end - original.begin),
            compile_ms=1e3 * (end - original.end),
            input_types=tuple(
                (dtype.name, tuple(tensor.shape)) for dtype, tensor in zip(self._dtypes, model.inputs, strict=True)
            ),
            taps=tuple(taps),
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the order of `model.outputs` for inputs in the order of `model.inputs`, from the initial state."""
        for layer in self._stateful:
            _reset(layer)
        tensors = self._tensors(inputs)
        return [tensor.numpy() for tensor in self._function_for(tensors)(*tensors)]

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One call of the concrete function; TensorFlow returns from it when the outputs are computed."""
        tensors = self._tensors(inputs)
        function = self._function_for(tensors)
        return lambda: function(*tensors)

    def _function_for(self, tensors: Sequence[Any]) -> Any:
        import tensorflow as tf

        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes not in self._functions:
            # Positional and with names of our own: names from the file may not be Python identifiers.
            specs = [
                tf.TensorSpec(tensor.shape, tensor.dtype, name=f"input_{index}") for index, tensor in enumerate(tensors)
            ]
            self._functions[shapes] = self._traced.get_concrete_function(*specs)
        return self._functions[shapes]

    def _tensors(self, inputs: Sequence[Array]) -> list[Any]:
        import tensorflow as tf

        return [tf.constant(array, dtype) for array, dtype in zip(inputs, self._dtypes, strict=True)]


def tapped(original: Original, names: Sequence[str]) -> KerasRunner:
    """The model with what its layers give behind its own outputs; a layer that is called several times is left out."""
    if type(original.model).__module__.startswith("tf_keras"):
        import tf_keras as framework
    else:
        import keras as framework

    model = original.model
    tensors = {name: tensor for name, tensor in _tensors_of(model).items() if name in names}
    wider = framework.Model(model.inputs, [*model.outputs, *tensors.values()])
    return KerasRunner(dataclasses.replace(original, model=wider), tuple(tensors))


def _tensors_of(model: Any) -> dict[str, Any]:
    """What each layer gives, by its name; second outputs as "name:1"."""
    import tensorflow as tf

    functional = getattr(model, "_functional", None) or model  # Keras 3 keeps one in a Sequential
    nodes = [node for level in functional._nodes_by_depth.values() for node in level]
    layers = [node.operation if hasattr(node, "operation") else node.layer for node in nodes]
    found = {}
    for node, layer in zip(nodes, layers, strict=True):
        if sum(other is layer for other in layers) == 1:
            for index, tensor in enumerate(tf.nest.flatten(node.outputs)):
                found[f"{layer.name}:{index}" if index else layer.name] = tensor
    return found


def _keeps_state(layer: Any) -> bool:
    """Models and wrappers are stateful where something in them is; only recurrent layers hold the state."""
    return bool(getattr(layer, "stateful", False)) and hasattr(layer, "cell")


def _reset(layer: Any) -> None:
    """Keras 3 says `reset_state`, Keras 2 `reset_states`."""
    (layer.reset_state if hasattr(layer, "reset_state") else layer.reset_states)()
