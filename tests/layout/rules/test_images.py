"""Rules on tensors of rank 4, in either layout: `[N, C, H, W]` and `[N, H, W, C]`."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.layout.orientation import FIRST, LAST, Orientation
from ovprep.layout.rules import Free, ruling_of
from tests.graphs import FEW_ULP, GraphBuilder
from tests.layout.rules.support import IMAGES, build_op, check_images, check_move, check_rule, floats, ints, reason
from tests.layout.rules.test_axes import LINEAR, NEAREST

Shape = tuple[int, int, int, int]
AXES = [0, 1, 2, 3, -1, -2, -3]


@pytest.mark.parametrize("shape", IMAGES)
def test_elementwise(shape: Shape) -> None:
    batch, a, b, c = shape
    check_images("Relu", {}, shape)
    check_images("Sub", {}, shape, shape)
    check_images("Mul", {}, shape, (batch, a, 1, 1))
    check_images("Mul", {}, shape, (1, 1, 1, c))
    for constant in [(), (c,), (b, c), (b, 1), (a, 1, 1), (a, b, c), (1, a, 1, c), (batch, 1, b, 1)]:
        check_images("Sub", {}, shape, floats(*constant))
        check_images("Sub", {}, floats(*constant), shape)


def test_computed_tensor_of_lower_rank_pins() -> None:
    assert reason("Add", {}, (2, 4, 4, 4), (4, 4, 4)) == "broadcasts a computed tensor of rank 3"
    assert reason("Add", {}, (2, 4, 4, 4), (1, 1, 4)) == "broadcasts a computed tensor of rank 3"
    assert reason("Add", {}, (2, 4, 4, 4), (4, 4)) == "broadcasts a computed tensor of rank 2"


@pytest.mark.parametrize("shape", IMAGES)
def test_computed_tensor_of_lower_rank_and_one_axis(shape: Shape) -> None:
    for other in [(), (shape[3],), (1, shape[3]), (shape[2], 1)]:
        check_images("Sub", {}, shape, other)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("shape", IMAGES)
def test_one_axis(shape: Shape, axis: int) -> None:
    check_images("Softmax", {"axis": axis}, shape, tolerance=FEW_ULP)
    check_images("Concat", {"axis": axis}, shape, floats(*shape), shape)
    check_images("ArgMax", {"axis": axis}, shape)
    check_images("Gather", {"axis": axis}, shape, ints(0, shape[axis] - 1, 0))


@pytest.mark.parametrize("axis", AXES)
def test_split(axis: int) -> None:
    check_images("Split", {"axis": axis}, (4, 4, 4, 4), ints(1, 3), outputs=2)


@pytest.mark.parametrize("shape", IMAGES)
def test_slice(shape: Shape) -> None:
    check_images("Slice", {}, shape, ints(0, 0, 1), ints(1, 2, 3))
    check_images("Slice", {}, shape, ints(1), ints(2), ints(-1))
    check_images("Slice", {}, shape, ints(-1, 1), ints(-9, 2), ints(2, -1), ints(-1, 1))


@pytest.mark.parametrize("shape", IMAGES)
def test_pad(shape: Shape) -> None:
    check_images("Pad", {}, shape, ints(0, 1, 2, 3, 0, 4, 0, 5))
    check_images("Pad", {"mode": "edge"}, shape, ints(0, 1, 0, 2, 1, 0, 3, 0))
    check_images("Pad", {}, shape, ints(2, 1, 0, 3), None, ints(-1, 2))


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize(("scales", "only"), [((1, 1, 2, 3), FIRST), ((1, 2, 3, 1), LAST), ((1, 1, 2, 1), None)])
def test_resize(shape: Shape, scales: Shape, only: Orientation | None) -> None:
    factors, sizes = np.array(scales, np.float32), ints(*(a * b for a, b in zip(shape, scales, strict=True)))
    check_images("Resize", NEAREST, shape, None, factors)
    check_images("Resize", NEAREST, shape, None, None, sizes)
    check_images("Resize", LINEAR, shape, None, factors, only=only, tolerance=FEW_ULP)
    check_images("Resize", LINEAR, shape, None, None, sizes, only=only, tolerance=FEW_ULP)


def test_resize_that_runtimes_do_not_know_pins() -> None:
    doubled, unknown = np.array([1, 1, 2, 2], np.float32), "interpolates in a way that runtimes know of the last axes"
    assert reason("Resize", {"mode": "cubic"}, (2, 4, 4, 4), None, doubled) == f"{unknown} alone"
    assert reason("Resize", LINEAR, (2, 4, 4, 4), None, np.array([1, 2, 1, 2], np.float32)) == f"{unknown} alone"


REDUCED = [(1,), (2,), (3,), (-1, -2), (1, 2), (1, 3), (1, 2, 3), (0,), (0, 2, 3), (0, 1, 2, 3)]


@pytest.mark.parametrize("axes", REDUCED)
@pytest.mark.parametrize("shape", IMAGES)
def test_reduction_that_keeps_its_axes(shape: Shape, axes: tuple[int, ...]) -> None:
    check_images("ReduceMean", {}, shape, ints(*axes), tolerance=FEW_ULP)


@pytest.mark.parametrize("axes", [(1, 2), (2, 3), (-1, 1), (1, 2, 3), (0, 2, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("shape", IMAGES)
def test_reduction_to_one_order(shape: Shape, axes: tuple[int, ...]) -> None:
    check_images("ReduceMax", {"keepdims": 0}, shape, ints(*axes))


ONE_DROPPED: list[tuple[int, Orientation | None]] = [(1, LAST), (2, None), (3, FIRST), (-1, FIRST), (-3, LAST)]
"""An axis, and the layout in which it must be read: the channels cannot go, as the others would stay in their order."""


@pytest.mark.parametrize(("axis", "only"), ONE_DROPPED)
@pytest.mark.parametrize("shape", IMAGES)
def test_one_spatial_axis_less(shape: Shape, axis: int, only: Orientation | None) -> None:
    """`[N, C, H, W]` to `[N, C, W]` turns with it to `[N, W, C]`."""
    check_images("ReduceMax", {"keepdims": 0}, shape, ints(axis), only=only)
    check_images("ArgMax", {"keepdims": 0, "axis": axis}, shape, only=only)
    check_images("Gather", {"axis": axis}, shape, np.array(-1), only=only)
    narrow = list(shape)
    narrow[axis] = 1
    check_images("Squeeze", {}, tuple(narrow), ints(axis), only=only)
    del narrow[axis]
    check_images("Unsqueeze", {}, tuple(narrow), ints(axis), only=only)


@pytest.mark.parametrize("axes", [(2, 3), (1, 3), (1, 2), (-2, 1)])
def test_both_spatial_axes_less(axes: tuple[int, int]) -> None:
    check_images("Unsqueeze", {}, (3, 4), ints(*axes))
    shape = [3, 4, 4, 4]
    for axis in axes:
        shape[axis] = 1
    check_images("Squeeze", {}, tuple(shape), ints(*axes))


def test_reasons_to_stay() -> None:
    order = "the batch, so the order of the other axes would show"
    assert reason("ReduceMean", {"keepdims": 0}, (4, 4, 4, 4), ints(0)) == f"drops {order}"
    assert reason("ReduceMean", {"keepdims": 0}, (4, 4, 4, 4), ints(0, 1)) == f"drops {order}"
    assert reason("Unsqueeze", {}, (4, 4, 4), ints(0)) == f"adds {order}"
    ruling = ruling_of(build_op("ReduceMean", {"keepdims": 0}, (2, 4, 4, 4), ints(1)))
    assert isinstance(ruling, Free)
    assert ruling.otherwise == "drops the channels, so the other axes stay as they are"


@pytest.mark.parametrize(("height", "width", "channels", "units"), [(2, 3, 5, 4), (4, 4, 4, 4), (1, 3, 4, 1)])
def test_dense(height: int, width: int, channels: int, units: int) -> None:
    weights = floats(channels, units)
    check_images("MatMul", {}, (3, height, width, channels), weights, only=LAST, tolerance=FEW_ULP)
    node = check_rule("MatMul", {}, (1, height, width, channels), weights, written=LAST, tolerance=FEW_ULP)
    assert node.op_type == "Conv"


Tail = Callable[[GraphBuilder, ir.Value, int], ir.Value]


def dense(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("MatMul", build.op("Add", x, build.weights(features)), build.weights(features, 4))


def rows(build: GraphBuilder, x: ir.Value, features: int) -> ir.Value:
    return build.op("Gemm", build.op("Relu", x), build.weights(features, features), transB=1)


@pytest.mark.parametrize("tail", [dense, rows])
@pytest.mark.parametrize("written", [FIRST, LAST])
@pytest.mark.parametrize("shape", [*IMAGES, (3, 1, 3, 5), (3, 3, 1, 5), (3, 3, 5, 1), ("batch", 2, 3, 5)])
def test_flatten_goes_into_the_weights(shape: Shape, written: Orientation, tail: Tail) -> None:
    features = shape[1] * shape[2] * shape[3]
    for op_type, target in [("Flatten", None), ("Reshape", (0, -1)), ("Reshape", (-1, features))]:
        build = GraphBuilder()
        flat = build.op(op_type, build.input("x", *shape), *([build.ints(*target)] if target else []))
        build.output(tail(build, flat, features), "y")
        check_move(build.model, FEW_ULP, written)


@pytest.mark.parametrize(("shape", "only"), [((3, 1, 3, 5), FIRST), ((3, 3, 5, 1), LAST), ((3, 1, 1, 5), None)])
def test_flatten_of_one_channel_has_one_order(shape: Shape, only: Orientation | None) -> None:
    """Nothing behind needs to know: even an output may follow."""
    check_images("Flatten", {}, shape, only=only)


def test_flatten_that_shows_the_order_pins() -> None:
    assert reason("Flatten", {}, (3, 2, 1, 5)) == "flattens, and the flattened values are an output of the model"
    assert reason("Flatten", {"axis": 2}, (3, 2, 4, 5)) == "reshapes across the layout's axes"


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_definitions_pin(op_type: str) -> None:
    assert reason(op_type, {"kernel_shape": (2, 2)}, (2, 4, 4, 4)) == f"{op_type} is channel-first by definition"
