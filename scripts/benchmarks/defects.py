"""Looks for what OpenVINO's CPU plugin computes wrongly: chains of two and three ops against ONNX Runtime, at f32.

Every chain runs at several batches, at rank 3 and rank 4, with shapes fixed and open. What differs by more than
rounding is printed; each such pattern deserves a row in `ovprep/passes/plugin_defects.py`.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
import onnx_ir as ir
import onnxruntime
import openvino

from ovprep.graph.builder import Builder, new_model

Op = Callable[[Builder, ir.Value], ir.Value]
CHANNELS, LENGTH = 6, 10
TOLERANCE = 1e-4
"""Far above rounding in so short a chain, far below what a defect does."""


@dataclass(frozen=True)
class Finding:
    """A chain that is wrong, and how."""

    chain: str
    rank: int
    batch: int
    shapes: str
    error: float


def search(batches: tuple[int, ...], depth: int, precision: str) -> Iterator[Finding]:
    """Yields what is wrong among all chains of `depth` ops."""
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
    for rank, names in itertools.product((3, 4), itertools.product(OPS, repeat=depth)):
        model = _chain(names, rank)
        if model is None:
            continue
        data = ir.to_proto(model).SerializeToString()
        session = _session(data)
        if session is None:
            continue
        for shapes, batch in itertools.product(("open", "fixed"), batches):
            x = np.random.default_rng(batch).standard_normal(_dims(rank, batch)).astype(np.float32)
            wanted = _wanted(session, x)
            if wanted is None:
                continue
            error = _error(core, data, settings, x, wanted, fixed=shapes == "fixed")
            if not error <= TOLERANCE:
                yield Finding(" > ".join(names), rank, batch, shapes, error)


def _dims(rank: int, batch: Any) -> list[Any]:
    return [batch, CHANNELS, *([1] if rank == 4 else []), LENGTH]


def _chain(names: tuple[str, ...], rank: int) -> ir.Model | None:
    """A model of these ops, or None where one of them does not fit behind the other."""
    model = new_model("chain")
    value = ir.val("x", dtype=ir.DataType.FLOAT, shape=ir.Shape(_dims(rank, "batch")))
    model.graph.inputs.append(value)
    build = Builder(model.graph)
    for name in names:
        try:
            value = OPS[name](build, value)
        except (ValueError, IndexError, onnx.shape_inference.InferenceError):
            return None
        if value.shape is None:
            return None
    value.name = "y"
    model.graph.outputs.append(value)
    return model


def _session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  (a chain that makes no sense is none of ours)
        return None


def _wanted(session: Any, x: Any) -> Any:
    """What ONNX Runtime computes; None where the chain runs out of elements."""
    try:
        return session.run(None, {"x": x})[0]
    except Exception:  # noqa: BLE001  (its errors have no common base)
        return None


def _error(core: Any, data: bytes, settings: dict[str, Any], x: Any, wanted: Any, fixed: bool) -> float:
    """Largest difference in parts of the output's scale; infinite where OpenVINO refuses or gives another shape."""
    try:
        model = core.read_model(data)
        if fixed:
            model.reshape(x.shape)
        found = core.compile_model(model, "CPU", settings)(x)[0]
    except RuntimeError:
        return float("inf")
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max(initial=0.0) / max(1.0, np.abs(wanted).max(initial=0.0)))


def _weights(build: Builder, *shape: int) -> ir.Value:
    return build.constant(np.random.default_rng(len(shape)).uniform(-0.5, 0.5, shape).astype(np.float32), "w")


def _spatial(x: ir.Value) -> list[int]:
    """A kernel of three over the last axis, of one over the other."""
    rank = len(x.shape or ())
    if rank not in (3, 4):
        raise ValueError("needs a spatial axis")
    return [1] * (rank - 3) + [3]


def _channels(x: ir.Value) -> int:
    dim = (x.shape or ())[1]
    if not isinstance(dim, int):
        raise ValueError("needs channels")
    return dim


def _per_channel(x: ir.Value) -> list[int]:
    rank = len(x.shape or ())
    return [1, _channels(x), *[1] * (rank - 2)]


def _conv(build: Builder, x: ir.Value) -> ir.Value:
    kernel = _spatial(x)
    pads = [0] * (len(kernel) - 1) + [1]
    return build.op("Conv", x, _weights(build, 5, _channels(x), *kernel), _weights(build, 5), pads=pads * 2)


def _depthwise(build: Builder, x: ir.Value) -> ir.Value:
    return build.op("Conv", x, _weights(build, _channels(x), 1, *_spatial(x)), group=_channels(x))


def _transposed(build: Builder, x: ir.Value) -> ir.Value:
    kernel = _spatial(x)
    return build.op(
        "ConvTranspose", x, _weights(build, _channels(x), 4, *kernel), strides=[1] * (len(kernel) - 1) + [2]
    )


def _reduce(kind: str, axes: tuple[int, ...], keep: int) -> Op:
    return lambda build, x: build.op(f"Reduce{kind}", x, build.ints(*axes), keepdims=keep)


def _flat(build: Builder, x: ir.Value) -> ir.Value:
    return build.op("Flatten", x, axis=1)


def _gemm(build: Builder, x: ir.Value) -> ir.Value:
    dims = x.shape or ()
    if len(dims) != 2 or not isinstance(dims[1], int):
        raise ValueError("needs rank 2")
    return build.op("Gemm", x, _weights(build, dims[1], 4), _weights(build, 4))


def _matmul(build: Builder, x: ir.Value) -> ir.Value:
    last = (x.shape or ())[-1]
    if not isinstance(last, int):
        raise ValueError("needs a known last axis")
    return build.op("MatMul", x, _weights(build, last, 7))


def _swap(build: Builder, x: ir.Value) -> ir.Value:
    rank = len(x.shape or ())
    if rank < 3:
        raise ValueError("needs rank 3")
    return build.op("Transpose", x, perm=[0, *range(2, rank), 1])


def _half(build: Builder, x: ir.Value) -> ir.Value:
    """The first half of the channels times the second, as in gates."""
    a, b = build.ops("Split", x, outputs=2, axis=1, num_outputs=2)
    return build.op("Mul", a, build.op("Sigmoid", b))


OPS: dict[str, Op] = {
    "Conv": _conv,
    "depthwise": _depthwise,
    "ConvTranspose": _transposed,
    "AveragePool": lambda build, x: build.op("AveragePool", x, kernel_shape=_spatial(x)),
    "MaxPool": lambda build, x: build.op("MaxPool", x, kernel_shape=_spatial(x)),
    "GlobalAveragePool": lambda build, x: build.op("GlobalAveragePool", x),
    "GlobalMaxPool": lambda build, x: build.op("GlobalMaxPool", x),
    "ReduceMean last": _reduce("Mean", (-1,), 1),
    "ReduceMean last, dropped": _reduce("Mean", (-1,), 0),
    "ReduceMax last": _reduce("Max", (-1,), 1),
    "ReduceSum last": _reduce("Sum", (-1,), 1),
    "ReduceL2 last": _reduce("L2", (-1,), 1),
    "ReduceMean channels": _reduce("Mean", (1,), 1),
    "ReduceMax channels": _reduce("Max", (1,), 1),
    "Mul per channel": lambda build, x: build.op("Mul", x, _weights(build, *_per_channel(x))),
    "Add per channel": lambda build, x: build.op("Add", x, _weights(build, *_per_channel(x))),
    "PRelu": lambda build, x: build.op("PRelu", x, _weights(build, *_per_channel(x)[1:])),
    "Relu": lambda build, x: build.op("Relu", x),
    "Sigmoid": lambda build, x: build.op("Sigmoid", x),
    "Softmax channels": lambda build, x: build.op("Softmax", x, axis=1),
    "Softmax last": lambda build, x: build.op("Softmax", x, axis=-1),
    "LayerNormalization": lambda build, x: build.op(
        "LayerNormalization", x, _weights(build, *[d for d in (x.shape or ())[-1:] if isinstance(d, int)]), axis=-1
    ),
    "InstanceNormalization": lambda build, x: build.op(
        "InstanceNormalization", x, _weights(build, _channels(x)), _weights(build, _channels(x))
    ),
    "Concat with itself": lambda build, x: build.op("Concat", x, x, axis=1),
    "gate": _half,
    "Slice last": lambda build, x: build.op("Slice", x, build.ints(1), build.ints(-1), build.ints(-1)),
    "Transpose": _swap,
    "Flatten": _flat,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
