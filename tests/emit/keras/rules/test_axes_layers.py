"""Reductions, cuts and joins, against ONNX Runtime; all behind a convolution, so that the layout is turned."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.errors import UnsupportedError
from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds
from tests.graphs import FEW_ULP, GraphBuilder

REDUCTIONS = ["L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare", "LogSum"]


def convolved(channels: int = 8, length: Dim = 12) -> tuple[GraphBuilder, ir.Value]:
    """A `[N, channels, length - 2]`; by default, a convolution gives more steps than channels."""
    build = GraphBuilder()
    return build, build.op("Conv", build.input("x", "batch", 4, length), build.weights(channels, 4, 3))


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize(("axes", "keep"), [((1,), 1), ((2,), 1), ((2,), 0), ((1, 2), 0)])
def test_reductions(kind: str, axes: tuple[int, ...], keep: int) -> None:
    build, x = convolved(10)
    x = build.op("Abs", x)
    build.output(build.op(f"Reduce{kind}", x, build.ints(*axes), keepdims=keep), "y")
    made = check_keras(build.model, 8 * FEW_ULP)
    if kind in ("Max", "Mean") and axes == (2,):
        assert kinds(made)[-1].startswith("Global")


def test_reductions_without_axes() -> None:
    """Over all axes, unless `noop_with_empty_axes` says over none."""
    build, x = convolved()
    build.output(build.op("Mul", x, build.op("ReduceMax", build.weights(8, 1))), "y")
    check_keras(build.model)
    for given in (False, True):
        build, x = convolved()
        build.output(build.op("ReduceSum", x, build.ints() if given else None, noop_with_empty_axes=1), "y")
        with pytest.raises(UnsupportedError, match="ReduceSum node 'ReduceSum' reduces no axis"):
            check_keras(build.model)


def test_a_mean_of_whole_numbers_is_refused() -> None:
    build = GraphBuilder()
    build.output(build.op("ReduceMean", build.input("x", "batch", 7, dtype=np.int64), build.ints(1)), "y")
    with pytest.raises(UnsupportedError, match="ReduceMean node 'ReduceMean' takes a mean of whole numbers"):
        check_keras(build.model)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_places_of_extremes(op: str, axis: int) -> None:
    build, x = convolved(10)
    build.output(build.op(op, x, axis=axis, keepdims=0), "y")
    check_keras(build.model, 0)


CUTS: dict[str, Callable[[GraphBuilder, ir.Value], ir.Value]] = {
    "chomp": lambda build, x: slice_of(build, x, 0, -2, 2),
    "chomp both": lambda build, x: slice_of(build, x, 3, -2, 2),
    "first steps": lambda build, x: slice_of(build, x, 0, 4, 2),
    "channels": lambda build, x: slice_of(build, x, 2, 6, 1),
    "last channels": lambda build, x: slice_of(build, x, -3, 2**62, 1),
    "every third": lambda build, x: slice_of(build, x, 1, 2**62, 2, 3),
    "every third channel": lambda build, x: slice_of(build, x, 1, 7, 1, 3),
    "backwards": lambda build, x: slice_of(build, x, -1, -(2**62), 2, -1),
    "backwards by two": lambda build, x: slice_of(build, x, 7, 1, 2, -2),
    "last step": lambda build, x: build.op("Gather", x, build.constant(np.array(-1)), axis=2),
    "one channel": lambda build, x: build.op("Gather", x, build.constant(np.array(3)), axis=1),
    "shuffled": lambda build, x: build.op("Gather", x, build.ints(3, 1, -1, 0, 5), axis=1),
    "steps": lambda build, x: build.op(
        "Conv", build.op("Gather", x, build.ints(3, 1, 0), axis=2), build.weights(2, 8, 1)
    ),
    "zeros": lambda build, x: build.op("Pad", x, build.ints(0, 0, 2, 0, 0, 1)),
    "ones": lambda build, x: build.op("Pad", x, build.ints(0, 1, 2, 0, 0, 1), build.constant(np.float32(1))),
    "mirror": lambda build, x: build.op("Pad", x, build.ints(0, 0, 2, 0, 0, 3), mode="reflect"),
    "edges": lambda build, x: build.op("Pad", x, build.ints(0, 0, 2, 0, 1, 3), mode="edge"),
    "sums": lambda build, x: build.op("CumSum", x, build.constant(np.array(2))),
}


def convolved_again(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """What tells that its last axis is time."""
    return build.op("Conv", x, build.weights(2, 8, 1))


def slice_of(build: GraphBuilder, x: ir.Value, start: int, end: int, axis: int, step: int = 1) -> ir.Value:
    return build.op("Slice", x, build.ints(start), build.ints(end), build.ints(axis), build.ints(step))


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("length", [12, "time"])
def test_cuts_and_pads(name: str, length: Dim) -> None:
    """In Keras as in ONNX, with eight channels, and ten steps or an open number of them."""
    build, x = convolved(length=length)
    build.output(build.op("Relu", CUTS[name](build, x)), "y")
    turning = {"sums": 2}  # no rule of the layout knows it
    made = check_keras(build.model, permutes=turning.get(name, 0))
    expected = {"chomp": "Cropping1D", "chomp both": "Cropping1D", "zeros": "ZeroPadding1D"}
    assert name not in expected or kinds(made)[1] == expected[name]


@pytest.mark.parametrize("axis", [1, 2])
def test_places_from_the_end(axis: int) -> None:
    """Behind a pool, through which no choice of channels is folded into a convolution."""
    build, x = convolved()
    pooled = build.op("MaxPool", x, kernel_shape=(2,))
    chosen = build.op("Gather", pooled, build.ints(3, -1, 0), axis=axis)
    build.output(build.op("Conv", chosen, build.weights(2, 3 if axis == 1 else 8, 1)), "y")
    assert kinds(check_keras(build.model)) == ["Conv1D", "MaxPooling1D", "Take", "Conv1D"]


@pytest.mark.parametrize("axis", [1, 2])
def test_concat(axis: int) -> None:
    build, x = convolved(10)
    build.output(build.op("Concat", x, build.op("Relu", x), axis=axis), "y")
    assert kinds(check_keras(build.model)) == ["Conv1D", "ReLU", "Concatenate"]


@pytest.mark.parametrize(("axis", "sizes"), [(1, (3, 5)), (2, (4, 4, 2)), (1, (8,))])
def test_split(axis: int, sizes: tuple[int, ...]) -> None:
    build, x = convolved()
    for index, part in enumerate(build.ops("Split", x, build.ints(*sizes), outputs=len(sizes), axis=axis)):
        build.output(build.op("Relu", part), f"y{index}")
    check_keras(build.model)


def test_embedding() -> None:
    build = GraphBuilder()
    rows = build.op("Gather", build.weights(5, 6, name="table.weight"), build.input("x", "batch", 7, dtype=np.int64))
    build.output(build.op("Conv", build.op("Transpose", rows, perm=(0, 2, 1)), build.weights(3, 6, 2)), "y")
    made = check_keras(build.model)
    assert kinds(made) == ["Embedding", "Conv1D"]
    assert made.layers[1].name == "table"


def test_what_is_not_exact_is_refused() -> None:
    build, x = convolved()
    build.output(build.op("Concat", x, build.weights(1, 8, 1), axis=2), "y")
    with pytest.raises(UnsupportedError, match="Concat node 'Concat' joins a constant to each sample"):
        check_keras(build.model)
    build, x = convolved()
    build.output(build.op("CumSum", x, build.constant(np.array(2)), reverse=1), "y")
    with pytest.raises(UnsupportedError, match="CumSum node 'CumSum' leaves out the value itself or goes back"):
        check_keras(build.model)
