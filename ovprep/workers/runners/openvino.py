"""OpenVINO on the CPU: an IR, or a file that it reads itself by OpenVINO's own direct conversion."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ovprep.workers.arrays import Array
from ovprep.workers.runners.base import Loaded, Options
from ovprep.workers.runners.saturation import ACTIVATIONS

_DEVICE = "CPU"
_SHORT_NAMES = {"f32": "f32", "float32": "f32", "bf16": "bf16", "bfloat16": "bf16", "f16": "f16", "float16": "f16"}


def without_telemetry() -> Any:
    """The `openvino` module, with its converter kept from reporting home.

    Its report is sent from the converting process and waits for the network, which would be measured too.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes its import fail
    import openvino

    return openvino


class OpenVinoBackend:
    """OpenVINO, imported."""

    def __init__(self) -> None:
        self._openvino = without_telemetry()
        self._version = f"OpenVINO {self._openvino.get_version().split('-')[0]}"
        self._core = self._openvino.Core()

    def load(self, path: Path, options: Options) -> "OpenVinoRunner":
        """Reads an IR, or converts another format as `ovc` does, and compiles it for latency in one stream."""
        begin = time.perf_counter()
        model = self._read(path, options)
        own = len(model.outputs)
        taps = _tap(model, frozenset(options.taps))
        _give_inner(model, options.inner)
        read = time.perf_counter()
        compiled = self._core.compile_model(model, _DEVICE, settings_for(options))
        end = time.perf_counter()
        loaded = Loaded(
            version=self._version,
            inputs=tuple(_name(port, f"input_{index}") for index, port in enumerate(compiled.inputs)),
            outputs=tuple(_name(port, f"output_{index}") for index, port in enumerate(compiled.outputs[:own])),
            precision=precision_of(compiled),
            load_ms=1e3 * (end - begin),
            compile_ms=1e3 * (end - read),
            properties=_properties(compiled),
            requests=_requests(compiled, options),
            taps=tuple(taps),
        )
        return OpenVinoRunner(self._openvino, compiled, loaded)

    def op_times(self, path: Path, options: Options, inputs: Sequence[Array], seconds: float) -> list[dict[str, Any]]:
        """See `Anatomist`: in a compiled model of its own, since counting costs time."""
        from ovprep.workers.runners.op_times import op_times

        model = self._read(path, options)
        compiled = self._core.compile_model(model, _DEVICE, {**settings_for(options), "PERF_COUNT": True})
        return op_times(self._openvino, model, compiled, inputs, seconds)

    def capability(self, threads: int) -> dict[str, Any]:
        """See `Anatomist`."""
        from ovprep.workers.runners.capability import capability

        return capability(self._openvino, self._core, threads)

    def _read(self, path: Path, options: Options) -> Any:
        """The model, with axes opened and shapes fixed as the options say."""
        # ovc reads ONNX through the same frontend and then cleans up; read_model alone leaves that out.
        written = path.suffix.lower() == ".xml"
        model = self._core.read_model(path) if written else self._openvino.convert_model(path)
        if options.precision == "f16 weights":
            model = _with_f16_weights(self._openvino, self._core, model)
        if options.reading.opened:
            model.reshape(_opened(self._openvino, model, options))
        if options.shapes is not None:
            fixed = {value.name for value in options.reading.values}  # their shapes are
            open_ones = [port for port in model.inputs if not fixed & port.get_names()]
            model.reshape({port: list(shape) for port, shape in zip(open_ones, options.shapes, strict=True)})
        return model


def _tap(model: Any, names: frozenset[str]) -> list[str]:
    """Makes inner tensors outputs behind the model's own; returns those of the names that are given now."""
    found = []
    for node in model.get_ordered_ops() if names else ():
        if node.get_type_name() in ("Constant", "Parameter", "Result"):
            continue
        for port in node.outputs():
            known = sorted(names & port.get_names())
            if known and not any(user.get_node().get_type_name() == "Result" for user in port.get_target_inputs()):
                model.add_outputs([port])
                found.append(known[0])
    return found


def _opened(openvino: Any, model: Any, options: Options) -> dict[str, Any]:
    """The shapes of the inputs that have axes to be opened."""
    shapes: dict[str, Any] = {}
    for axis in options.reading.opened:
        shape = shapes.setdefault(axis.input, model.input(axis.input).get_partial_shape())
        shape[axis.axis] = openvino.Dimension()
    return shapes


class OpenVinoRunner:
    """A compiled model with one infer request."""

    def __init__(self, openvino: Any, compiled: Any, loaded: Loaded) -> None:
        self._openvino = openvino
        self._compiled = compiled
        self._request = compiled.create_infer_request()
        self.loaded = loaded

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in the order of the model's outputs for inputs in the order of the model's inputs."""
        self._set(inputs)
        self._request.infer()
        # A copy, since the next inference writes into the same memory.
        return [np.array(self._request.get_output_tensor(index).data) for index in range(len(self._compiled.outputs))]

    def bind(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """One synchronous inference over tensors set beforehand; outputs stay in the request's own tensors."""
        self._set(inputs)
        request = self._request
        return lambda: request.infer(None, share_outputs=True)

    def pipeline(self, inputs: Sequence[Array]) -> tuple[Callable[[], object], Callable[[], object]]:
        """See `Pipelined`: as many requests as OpenVINO finds best, each with its own copy of the inputs."""
        queue = self._openvino.AsyncInferQueue(self._compiled, self.loaded.requests)
        for request in queue:
            for index, array in enumerate(inputs):
                request.get_input_tensor(index).data[...] = array
        start: Callable[[], object] = queue.start_async
        wait: Callable[[], object] = queue.wait_all
        return start, wait

    def _set(self, inputs: Sequence[Array]) -> None:
        if len(inputs) != len(self._compiled.inputs):
            raise ValueError(f"{len(inputs)} inputs for a model that takes {len(self._compiled.inputs)}")
        for index, array in enumerate(inputs):
            self._request.set_input_tensor(index, self._openvino.Tensor(np.array(array, order="C")))


def _with_f16_weights(openvino: Any, core: Any, model: Any) -> Any:
    """The model as it comes back from a file with weights in float16."""
    with tempfile.TemporaryDirectory(prefix="ovprep-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=True)
        return core.read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def _give_inner(model: Any, numbers: Sequence[int]) -> None:
    """Adds the inputs of the final activations of these outputs as results. Raises ValueError where there is none."""
    from openvino import opset13

    found = []
    for number in numbers:
        activation = model.get_results()[number].input_value(0).get_node()
        if activation.get_type_name() not in ACTIVATIONS:
            raise ValueError(f"output {number} of the IR ends in {activation.get_type_name()}, in no activation")
        found.append(opset13.result(activation.input_value(0)))
    if found:
        model.add_results(found)


def settings_for(options: Options) -> dict[str, Any]:
    """How a model is compiled: one stream for latency, as many as OpenVINO likes for throughput."""
    settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": options.threads}
    if options.hint == "latency":
        settings |= {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    else:
        settings["PERFORMANCE_HINT"] = "THROUGHPUT"
    if options.precision != "default":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    return settings


def _requests(compiled: Any, options: Options) -> int:
    return int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) if options.hint == "throughput" else 1


def _name(port: Any, otherwise: str) -> str:
    return str(port.get_any_name()) if port.get_names() else otherwise


def precision_of(compiled: Any) -> str:
    """The type that a compiled model computes in: "f32", "bf16", "f16"."""
    hint = compiled.get_property("INFERENCE_PRECISION_HINT")
    name = str(hint.get_type_name()) if hasattr(hint, "get_type_name") else str(hint)
    return _SHORT_NAMES.get(name, name)


def _properties(compiled: Any) -> dict[str, str]:
    """All properties of the compiled model as text."""
    found = {}
    for name in compiled.get_property("SUPPORTED_PROPERTIES"):
        if name != "SUPPORTED_PROPERTIES":
            found[str(name)] = str(compiled.get_property(name))
    return found
