"""ONNX models in ONNX Runtime, on the CPU."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Loaded, Options
from ovprep.workers.runners.saturation import ACTIVATIONS

_LOG_FATAL = 4


class OnnxBackend:
    """ONNX Runtime, imported."""

    def __init__(self) -> None:
        import onnxruntime

        onnxruntime.set_default_logger_severity(_LOG_FATAL)
        self._version = f"ONNX Runtime {onnxruntime.__version__}"

    def load(self, path: Path, options: Options) -> "OnnxRunner":
        """Loads an `.onnx` file at the default level of graph optimisation, or at none.

        Its threads spin while a run lasts, as they do by default (sleeping between the parts of one inference costs
        50% for models of 0.1 ms), and stop when it returns: left alone they burn a core for 30 ms or more after it,
        which another contestant may be measured on.
        """
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = _LOG_FATAL
        if not options.optimised:
            settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.add_session_config_entry("session.force_spinning_stop", "1")
        begin = time.perf_counter()
        model: str | bytes = str(path)
        own: int | None = None
        taps: tuple[str, ...] = ()
        if options.reading.opened or options.taps or options.inner:
            model, own, taps = _changed(path, options)
            settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
        session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        return OnnxRunner(session, self._version, 1e3 * (time.perf_counter() - begin), own, taps)


def _changed(path: Path, options: Options) -> tuple[bytes, int, tuple[str, ...]]:
    """The file with axes declared open that it fixes, and with inner tensors behind its outputs.

    Ops run at other sizes then, as far as they can. Returns besides how many outputs are its own, and the taps.
    """
    import onnx

    from ovprep.graph.opening import open_axes

    proto = onnx.load(str(path), load_external_data=False)
    open_axes(proto, options.reading.opened)
    own = [value.name for value in proto.graph.output]
    made = (name for node in proto.graph.node for name in node.output)
    taps = tuple(name for name in made if name in options.taps and name not in own)
    inner = _inner(proto, options.inner)
    for name in (*inner, *taps):
        proto.graph.output.add(name=name)
    return bytes(proto.SerializeToString()), len(own), taps


def _inner(proto: Any, numbers: Sequence[int]) -> list[str]:
    """What the final activations of these outputs take. Raises ValueError where there is none."""
    makers = {name: node for node in proto.graph.node for name in node.output}
    known = {value.name for value in (*proto.graph.input, *proto.graph.output)}
    found = []
    for number in numbers:
        node = makers.get(proto.graph.output[number].name)
        if node is None or node.op_type not in ACTIVATIONS or node.input[0] in known:
            raise ValueError(f"output {number} of the file does not end in an activation alone")
        found.append(str(node.input[0]))
    return found


_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(bool)": "bool"} | {
    f"tensor({name})": name
    for name in ("float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}


def _dims(shape: Sequence[int | str | None]) -> tuple[int | None, ...]:
    return tuple(dim if isinstance(dim, int) else None for dim in shape)


class OnnxRunner:
    """An inference session."""

    def __init__(self, session: Any, version: str, load_ms: float, own: int | None, taps: tuple[str, ...]) -> None:
        self._session = session
        self.loaded = Loaded(
            version=version,
            inputs=tuple(port.name for port in session.get_inputs()),
            outputs=tuple(port.name for port in session.get_outputs()[:own]),
            precision="f32",
            load_ms=load_ms,
            input_types=tuple((_TYPES.get(port.type, port.type), _dims(port.shape)) for port in session.get_inputs()),
            taps=taps,
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the order of the graph's outputs for inputs in the order of the graph's inputs."""
        feed = dict(zip(self.loaded.inputs, inputs, strict=True))
        return [np.asarray(array) for array in self._session.run(None, feed)]

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One run over inputs bound beforehand; outputs are allocated by the runtime and stay in it."""
        binding = self._session.io_binding()
        for name, array in zip(self.loaded.inputs, inputs, strict=True):
            binding.bind_cpu_input(name, array)
        for name in (*self.loaded.outputs, *self.loaded.taps):
            binding.bind_output(name, "cpu")
        session = self._session
        return lambda: session.run_with_iobinding(binding)
