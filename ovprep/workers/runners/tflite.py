"""TFLite models in TensorFlow's interpreter, with XNNPACK."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Loaded, Options


class TfliteBackend:
    """The interpreter, imported."""

    def __init__(self) -> None:
        import tensorflow

        self._version = f"TFLite of TensorFlow {tensorflow.__version__}"

    def load(self, path: Path, options: Options) -> "TfliteRunner":
        """Loads a `.tflite` file."""
        import tensorflow

        begin = time.perf_counter()
        interpreter = tensorflow.lite.Interpreter(model_path=str(path), num_threads=options.threads)
        interpreter.allocate_tensors()
        return TfliteRunner(interpreter, self._version, 1e3 * (time.perf_counter() - begin))


class TfliteRunner:
    """An interpreter; inputs and outputs are in the order of the file, and have its names."""

    def __init__(self, interpreter: Any, version: str, load_ms: float) -> None:
        self._interpreter = interpreter
        self._inputs = interpreter.get_input_details()
        self._outputs = interpreter.get_output_details()
        self.loaded = Loaded(
            version=version,
            inputs=tuple(str(port["name"]) for port in self._inputs),
            outputs=tuple(str(port["name"]) for port in self._outputs),
            precision="f32",
            load_ms=load_ms,
            quantises=_quantises(interpreter),
            input_types=tuple(
                (np.dtype(port["dtype"]).name, tuple(None if dim < 0 else int(dim) for dim in port["shape_signature"]))
                for port in self._inputs
            ),
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the order of the file for inputs in the order of the file, from the initial state."""
        self._put(inputs)
        self._interpreter.reset_all_variables()  # an LSTM starts each run where the last one ended
        self._interpreter.invoke()
        return [np.asarray(self._interpreter.get_tensor(port["index"])) for port in self._outputs]

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One `invoke` over inputs set beforehand."""
        self._put(inputs)
        invoke: Callable[[], object] = self._interpreter.invoke
        return invoke

    def _put(self, inputs: Sequence[Array]) -> None:
        pairs = list(zip(self._inputs, inputs, strict=True))
        current = [tuple(self._interpreter.get_input_details()[i]["shape"]) for i in range(len(pairs))]
        if current != [array.shape for array in inputs]:
            for port, array in pairs:
                self._interpreter.resize_tensor_input(port["index"], array.shape)
            self._interpreter.allocate_tensors()
        for port, array in pairs:
            self._interpreter.set_tensor(port["index"], array)


def _quantises(interpreter: Any) -> bool:
    """Whether an operation takes floats and weights of 8 bits: it rounds the floats before it multiplies."""
    types = {int(tensor["index"]): np.dtype(tensor["dtype"]) for tensor in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():  # there is no public way to the operations
        if operation["op_name"] != "DELEGATE":
            inputs = {types[index] for index in operation["inputs"] if index in types}
            outputs = {types[index] for index in operation["outputs"] if index in types}
            if inputs >= {np.dtype(np.float32), np.dtype(np.int8)} and outputs == {np.dtype(np.float32)}:
                return True
    return False
