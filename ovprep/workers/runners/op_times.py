"""How long each op of a compiled model takes, beside the multiply-accumulates and the bytes that it needs."""

import time
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ovprep.workers.arrays import Array

_HALF_A_TICK_US = 0.5
"""The plugin gives the mean of all inferences so far, cut to whole µs."""
_RECURRENT = ("LSTMSequence", "GRUSequence", "RNNSequence", "LSTMCell", "GRUCell", "RNNCell")


def op_times(openvino: Any, model: Any, compiled: Any, inputs: Sequence[Array], seconds: float) -> list[dict[str, Any]]:
    """Runs for so many seconds; `model` is what was compiled, with `PERF_COUNT`, for shapes that are fixed.

    One object for each op: `name`, `type`, `layer`, `kernel`, `ms`, `macs`, `bytes`. Those that take less than 1 µs and
    multiply nothing are left out: the plugin does not tell them from those that never run.
    """
    request = compiled.create_infer_request()
    for index, array in enumerate(inputs):
        request.set_input_tensor(index, openvino.Tensor(np.array(array, order="C")))
    end = time.perf_counter() + seconds
    request.infer()
    while time.perf_counter() < end:
        request.infer()
    running = {op.get_friendly_name(): op for op in compiled.get_runtime_model().get_ordered_ops()}
    written = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    found = [
        _described(running[info.node_name], written, 1e6 * info.real_time.total_seconds())
        for info in request.get_profiling_info()
        if info.node_name in running
    ]
    return [op for op in found if op["macs"] or op["ms"] >= 1e-3]


def _described(op: Any, written: dict[str, Any], time_us: float) -> dict[str, Any]:
    name = op.get_friendly_name()
    origins = [written[one] for one in _text(op, "originalLayersNames").split(",") if one in written]
    counts = [macs(origin) for origin in origins]
    main = origins[int(np.argmax(counts))] if origins else None
    return {
        "name": name,
        "type": _type(op, main),
        "layer": "" if main is None else layer_of(main.get_friendly_name()),
        "kernel": _text(op, "primitiveType"),
        "ms": 1e-3 * (time_us + _HALF_A_TICK_US),
        "macs": sum(counts) or _product(op),
        "bytes": sum(_size(port) for port in (*op.input_values(), *op.outputs())),
    }


def _type(op: Any, origin: Any) -> str:
    """That of the IR's op, if any. The plugin names a MatMul that it joined with an Add after the Add."""
    kind = _text(op, "layerType")
    if kind == "FullyConnected":
        return "MatMul"
    return kind if origin is None else str(origin.get_type_name())


def layer_of(name: str) -> str:
    """The layer of the original that an op's name tells: "conv1" of "conv1/Conv/WithoutBiases"."""
    return name.removesuffix("/WithoutBiases").rpartition("/")[0] or name


def macs(op: Any) -> int:
    """Multiply-accumulates of an op of an IR whose shapes are known; elementwise work counts for none."""
    kind = op.get_type_name()
    if kind in ("Convolution", "GroupConvolution"):
        return _outputs(op) * prod(_shape(op, 1)[1 if kind == "Convolution" else 2 :])
    if kind in ("ConvolutionBackpropData", "GroupConvolutionBackpropData"):
        return prod(_shape(op, 0)) * prod(_shape(op, 1)[1 if kind == "ConvolutionBackpropData" else 2 :])
    if kind == "MatMul":
        return _outputs(op) * _shape(op, 0)[-2 if op.get_attributes()["transpose_a"] else -1]
    if kind in _RECURRENT:
        weights, recurrent = (_shape(op, op.get_input_size() - 3 + index) for index in (0, 1))
        steps: int = prod(_shape(op, 0)) // weights[-1]
        return steps * (prod(weights) + prod(recurrent))
    return 0


def _product(op: Any) -> int:
    """Those of a product by weights, which the plugin names after the Add behind the MatMul."""
    if _text(op, "layerType") != "FullyConnected":
        return 0
    return _outputs(op) * _shape(op, 1)[-1]


def _outputs(op: Any) -> int:
    size: int = prod(map(int, op.get_output_shape(0)))
    return size


def _shape(op: Any, index: int) -> tuple[int, ...]:
    return tuple(int(size) for size in op.get_input_shape(index))


def _size(port: Any) -> int:
    size: int = prod(map(int, port.get_shape())) * int(port.get_element_type().size)
    return size


def _text(op: Any, key: str) -> str:
    found = op.get_rt_info()[key]
    return str(getattr(found, "value", found))
