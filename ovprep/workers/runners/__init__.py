"""The runtimes that a worker process can run a model in, one file each."""

from collections.abc import Callable

from ovprep.workers.contender import Runtime
from ovprep.workers.runners.base import Anatomist, Backend, Converter, Loaded, Options, Pipelined, Runner, Shapes


def backend(runtime: Runtime) -> Backend:
    """Imports a runtime and returns its loader. Slow (TensorFlow: 3 to 5 s), and meant for worker processes only."""
    return _BACKENDS[runtime]()


def _keras() -> Backend:
    from ovprep.workers.runners.keras import KerasBackend

    return KerasBackend()


def _onnx() -> Backend:
    from ovprep.workers.runners.onnx import OnnxBackend

    return OnnxBackend()


def _openvino() -> Backend:
    from ovprep.workers.runners.openvino import OpenVinoBackend

    return OpenVinoBackend()


def _tensorflow() -> Backend:
    from ovprep.workers.runners.saved_model import SavedModelBackend

    return SavedModelBackend()


def _tflite() -> Backend:
    from ovprep.workers.runners.tflite import TfliteBackend

    return TfliteBackend()


_BACKENDS: dict[Runtime, Callable[[], Backend]] = {
    "keras": _keras,
    "onnxruntime": _onnx,
    "openvino": _openvino,
    "tensorflow": _tensorflow,
    "tflite": _tflite,
}

__all__ = ["Anatomist", "Backend", "Converter", "Loaded", "Options", "Pipelined", "Runner", "Shapes", "backend"]
