"""SavedModels and frozen graphs in TensorFlow, as one compiled graph function."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ovprep.loading.signature import Signature, load_signature
from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Loaded, Options


class SavedModelBackend:
    """TensorFlow, imported."""

    def __init__(self) -> None:
        import tensorflow

        self._version = f"TensorFlow {tensorflow.__version__}"
        self._threads: int | None = None

    def load(self, path: Path, options: Options) -> "SavedModelRunner":
        """Loads a SavedModel folder, or a frozen graph where the path is a file."""
        import tensorflow as tf

        if self._threads is None:  # as with Keras: once, before the first operation, and all inside of operations
            tf.config.threading.set_intra_op_parallelism_threads(options.threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            self._threads = options.threads
        begin = time.perf_counter()
        signature = load_signature(path, options.reading.signature)
        return SavedModelRunner(signature, self._version, begin)

    def convert(self, path: Path, output: Path, options: Options) -> None:
        """The signature to a `.tflite` file."""
        import tensorflow as tf

        signature = load_signature(path, options.reading.signature)
        function, _ = signature.traceable()
        traced = [function.get_concrete_function()]
        output.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions(traced, signature.model).convert())


class SavedModelRunner:
    """A signature behind one concrete function."""

    def __init__(self, signature: Signature, version: str, begin: float) -> None:
        read = time.perf_counter()
        function, specs = signature.traceable()
        self._model = signature  # the function holds its variables weakly
        self._function = function.get_concrete_function()
        self._dtypes = [spec.dtype for spec in specs]
        end = time.perf_counter()
        self.loaded = Loaded(
            version=version,
            inputs=tuple(signature.inputs),
            outputs=signature.outputs,
            precision="f32",
            load_ms=1e3 * (end - begin),
            compile_ms=1e3 * (end - read),
            input_types=tuple((spec.dtype.name, tuple(spec.shape)) for spec in specs if spec.shape.rank is not None),
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the order of the signature for inputs in the order of the signature."""
        return [tensor.numpy() for tensor in self._function(*self._tensors(inputs))]

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One call of the concrete function; TensorFlow returns from it when the outputs are computed."""
        tensors = self._tensors(inputs)
        function = self._function
        return lambda: function(*tensors)

    def _tensors(self, inputs: Sequence[Array]) -> list[Any]:
        import tensorflow as tf

        return [tf.constant(array, dtype) for array, dtype in zip(inputs, self._dtypes, strict=True)]
