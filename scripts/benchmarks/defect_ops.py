"""The ops that `scripts/bench defects` makes graphs of; each raises ValueError where it does not fit its input."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder

Op = Callable[[Builder, ir.Value], ir.Value]


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


def _point(build: Builder, x: ir.Value) -> ir.Value:
    kernel = [1 for _ in _spatial(x)]
    pads = [0] * (len(kernel) - 1) + [1]
    return build.op("Conv", x, _weights(build, 4, _channels(x), *kernel), pads=pads * 2)


def _resize(build: Builder, x: ir.Value) -> ir.Value:
    scales = build.constant(np.array([1] * (len(_spatial(x)) + 1) + [2], np.float32), "scales")
    return build.op("Resize", x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric")


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
    "padded point": _point,
    "Pad": lambda build, x: build.op("Pad", x, build.ints(*[0] * (2 * len(x.shape or ()) - 1), 2)),
    "add an axis": lambda build, x: build.op("Unsqueeze", x, build.ints(2)),
    "Resize": _resize,
    "Erf": lambda build, x: build.op("Erf", x),
    "HardSwish": lambda build, x: build.op("HardSwish", x),
    "Gemm": _gemm,
    "MatMul": _matmul,
}
