"""Constants and the arithmetic of shapes are computed once, and what then does nothing is left out."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.constants import array_of, ints_of
from ovprep.graph.shapes import dims_of
from ovprep.passes.folding import fold_shapes
from tests.graphs import GraphBuilder, check
from tests.layout.rules.support import floats
from tests.passes.support import applied, ops_of


def size_of(build: GraphBuilder, x: ir.Value, axis: int) -> ir.Value:
    """`[1]`: one size of a tensor, as exporters ask for it."""
    shape = build.op("Cast", build.op("Shape", x), to=ir.DataType.INT32)
    return build.op("Slice", shape, build.ints(axis), build.ints(axis + 1), build.ints(0))


def int32(build: GraphBuilder, *numbers: int) -> ir.Value:
    return build.constant(np.array(numbers, np.int32))


def reshape_to(build: GraphBuilder, x: ir.Value, *sizes: ir.Value) -> ir.Value:
    target = build.op("Cast", build.op("Concat", *sizes, axis=0), to=ir.DataType.INT64)
    return build.op("Reshape", x, target)


def symbol(value: ir.Value, axis: int) -> str | None:
    assert value.shape is not None
    dim = value.shape[axis]
    return dim.value if isinstance(dim, ir.SymbolicDim) else None


def test_flatten_of_an_open_batch() -> None:
    """The drawing."""
    build = GraphBuilder()
    x = build.input("x", "batch", 6, 4)
    y = build.output(reshape_to(build, x, size_of(build, x, 0), int32(build, 24)), "y")
    change = applied(fold_shapes, build.model)
    assert change is not None
    assert change.summary == "computed 5 ops on constants and shapes, settled the shapes of 1 Reshape"
    assert ops_of(build.model) == ["Reshape"]
    assert ints_of(build.graph[0], "", 1) == (0, 24)
    assert symbol(y, 0) == "batch"


def test_open_batch_and_open_time() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", "batch", "time", 6))
    sizes = (size_of(build, x, 0), size_of(build, x, 1), int32(build, 2, 3))
    y = build.output(reshape_to(build, x, *sizes), "y")
    applied(fold_shapes, build.model)
    assert ints_of(build.graph[1], "", 1) == (0, 0, 2, 3)
    assert (symbol(y, 0), symbol(y, 1)) == ("batch", "time")


def test_minus_one_for_the_batch_is_a_batch() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 1, 6, 4)
    y = build.output(build.op("Reshape", x, build.ints(-1, 6, 4)), "y")
    applied(fold_shapes, build.model)
    assert ints_of(build.graph[0], "", 1) == (0, 6, 4)
    assert symbol(y, 0) == "batch"


def test_minus_one_for_batch_and_time_together_stays() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", "time", 4)
    y = build.output(build.op("Reshape", x, build.ints(-1, 4)), "y")
    assert applied(fold_shapes, build.model) is None
    assert symbol(y, 0) is None


def test_phases_and_back() -> None:
    """The batch comes back by a division that is exact."""
    build = GraphBuilder()
    x = build.op(
        "Transpose", build.op("Reshape", build.input("x", "batch", 6, 4), build.ints(-1, 3, 2, 4)), perm=(2, 0, 1, 3)
    )
    x = build.op("Sigmoid", build.op("Reshape", x, build.ints(-1, 3, 4)))
    y = build.output(build.op("Reshape", x, build.ints(2, -1, 3, 4)), "y")
    applied(fold_shapes, build.model)
    assert symbol(y, 1) == "batch"


def test_sizes_that_an_upsampling_makes() -> None:
    """As TensorFlow crops a transposed convolution to the size that it asks for: to all of it."""
    build = GraphBuilder()
    x = build.input("x", "batch", 3, "time")
    up = build.op("ConvTranspose", x, build.weights(3, 2, 2), strides=(2,))
    wanted = build.op("Mul", size_of(build, x, 2), int32(build, 2))
    more = build.op("Sub", size_of(build, up, 2), wanted)
    first = build.op("Div", build.op("Max", more, int32(build, 0)), int32(build, 2))
    build.output(build.op("Slice", up, first, build.op("Add", first, wanted), int32(build, 2)), "y")
    applied(fold_shapes, build.model)
    assert ops_of(build.model) == ["ConvTranspose"]


def test_a_crop_that_cuts_stays() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 3, "time")
    up = build.op("ConvTranspose", x, build.weights(3, 2, 3), strides=(2,))
    wanted = build.op("Mul", size_of(build, x, 2), int32(build, 2))
    build.output(build.op("Slice", up, int32(build, 0), wanted, int32(build, 2)), "y")
    applied(fold_shapes, build.model)
    assert "Slice" in ops_of(build.model)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_time_keeps_its_name_through_convolutions(auto_pad: str) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 3, "time"), build.weights(4, 3, 3), auto_pad=auto_pad)
    x = build.op("MaxPool", x, kernel_shape=(3,), pads=(1, 1))
    x = build.op("Conv", build.op("Tanh", x), build.weights(4, 4, 3), pads=(4, 0), dilations=(2,))
    y = build.output(build.op("Transpose", x, perm=(0, 2, 1)), "y")
    applied(fold_shapes, build.model)
    assert symbol(y, 1) == "time"


@pytest.mark.parametrize("options", [{}, {"strides": (2,), "pads": (1, 1)}, {"pads": (1, 0)}])
def test_time_that_changes_has_another_name(options: dict[str, tuple[int, ...]]) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 3, "time"), build.weights(4, 3, 3), **options)
    y = build.output(build.op("Relu", x), "y")
    applied(fold_shapes, build.model)
    assert symbol(y, 2) != "time"


def test_constants_are_computed() -> None:
    """Weights that are stored small: half precision, or integers with a scale."""
    build = GraphBuilder()
    half = build.op("Cast", build.constant(floats(4, 3).astype(np.float16)), to=ir.DataType.FLOAT)
    whole = build.op(
        "DequantizeLinear", build.constant(np.arange(12, dtype=np.int8).reshape(4, 3)), build.constant(np.float32(0.5))
    )
    weights = build.op("Transpose", build.op("Add", half, whole), perm=(1, 0))
    build.output(build.op("MatMul", build.input("x", 2, 3), weights), "y")
    applied(fold_shapes, build.model)
    assert ops_of(build.model) == ["MatMul"]
    assert array_of(build.graph[0].inputs[1]) is not None


def test_constants_that_grow_stay_small() -> None:
    build = GraphBuilder()
    zeros = build.op("Expand", build.constant(np.float32(0)), build.ints(100, 100))
    build.output(build.op("Add", build.input("x", 100, 100), zeros), "y")
    assert applied(fold_shapes, build.model) is None


def test_random_numbers_are_drawn_at_run_time() -> None:
    build = GraphBuilder()
    noise = build.op("RandomNormalLike", build.constant(floats(2, 3)))
    build.output(build.op("Add", build.input("x", 2, 3), noise), "y")
    assert fold_shapes(build.model) is None
    check(build.model)


def test_constant_output_keeps_its_name() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 3)
    build.output(build.op("Shape", x), "shape")
    build.output(build.op("Relu", x), "y")
    applied(fold_shapes, build.model)
    assert [value.name for value in build.graph.outputs] == ["shape", "y"]


IDLE = {
    "Reshape": lambda build, x: build.op("Reshape", x, build.ints(2, -1, 4)),
    "Transpose": lambda build, x: build.op("Transpose", x, perm=(0, 1, 2)),
    "Cast": lambda build, x: build.op("Cast", x, to=ir.DataType.FLOAT),
    "Concat": lambda build, x: build.op("Concat", x, axis=1),
    "Pad": lambda build, x: build.op("Pad", x, build.ints(0, 0, 0, 0, 0, 0)),
    "Slice": lambda build, x: build.op("Slice", x, build.ints(0, 0), build.ints(2**31 - 1, 3), build.ints(2, 1)),
    "Tile": lambda build, x: build.op("Tile", x, build.ints(1, 1, 1)),
    "Expand": lambda build, x: build.op("Expand", x, build.ints(2, 3, 1)),
}


@pytest.mark.parametrize("op_type", IDLE)
def test_idle_ops_go(op_type: str) -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 3, 4))
    build.output(build.op("Relu", IDLE[op_type](build, x)), "y")
    applied(fold_shapes, build.model)
    assert ops_of(build.model) == ["Relu", "Relu"]


BUSY = {
    "Reshape": lambda build, x: build.op("Reshape", x, build.ints(2, 4, 3)),
    "Transpose": lambda build, x: build.op("Transpose", x, perm=(0, 2, 1)),
    "Concat": lambda build, x: build.op("Concat", x, x, axis=1),
    "Pad": lambda build, x: build.op("Pad", x, build.ints(0, 1, 0, 0, -1, 0)),
    "Slice": lambda build, x: build.op("Slice", x, build.ints(0), build.ints(-1), build.ints(2)),
    "reversed": lambda build, x: build.op(
        "Slice", x, build.ints(-1), build.ints(-(2**31)), build.ints(1), build.ints(-1)
    ),
    "stepped": lambda build, x: build.op("Slice", x, build.ints(0), build.ints(9), build.ints(1), build.ints(2)),
    "Tile": lambda build, x: build.op("Tile", x, build.ints(1, 2, 1)),
}


@pytest.mark.parametrize("op_type", BUSY)
def test_ops_that_do_something_stay(op_type: str) -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 3, 4))
    build.output(build.op("Relu", BUSY[op_type](build, x)), "y")
    assert applied(fold_shapes, build.model) is None


def test_an_input_through_an_idle_op_is_still_an_output() -> None:
    build = GraphBuilder()
    build.output(build.op("Reshape", build.input("x", "batch", 3), build.ints(0, 3)), "y")
    applied(fold_shapes, build.model)
    assert dims_of(build.graph.outputs[0]) == (None, 3)


@pytest.mark.parametrize("op_type", ["Max", "Min"])
def test_the_largest_of_one_list_is_the_list(op_type: str) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 3, 4)
    target = build.op(op_type, build.op("Concat", build.op("Shape", x, start=0, end=1), build.ints(12), axis=0))
    build.output(build.op("Reshape", x, target), "y")
    applied(fold_shapes, build.model)
    assert ints_of(build.graph[0], "", 1) == (0, 12)


def of_integers(op_type: str, *lists: tuple[int, ...], dtype: type[np.integer] = np.int64) -> GraphBuilder:
    """What an op makes of lists, added to an input. It may be wrong, and is run by nobody."""
    build = GraphBuilder()
    made = ir.val("made", dtype=ir.DataType.from_numpy(np.dtype(dtype)), shape=ir.Shape([max(map(len, lists))]))
    given = [build.constant(np.array(numbers, dtype)) for numbers in lists]
    build.graph.append(ir.node(op_type, given, outputs=[made]))
    build.output(build.op("Add", build.input("x", 1, dtype=dtype), made), "y")
    return build


def test_an_empty_list_beside_a_list_of_one() -> None:
    build = GraphBuilder()
    made = build.op("Mul", build.ints(), build.ints(1))
    build.output(
        build.op("Reshape", build.input("x", "batch", 4), build.op("Concat", build.ints(-1), made, axis=0)), "y"
    )
    applied(fold_shapes, build.model)
    assert ints_of(build.graph[0], "", 1) == (-1,)


@pytest.mark.parametrize(
    ("op_type", "lists"),
    [("Mul", ((1, 2), (1, 2, 3))), ("Gather", ((1, 2), (5,))), ("Slice", ((1, 2),))],
    ids=["lengths", "place", "no ends"],
)
def test_wrong_ops_are_left_to_the_runtime(op_type: str, lists: tuple[tuple[int, ...], ...]) -> None:
    build = of_integers(op_type, *lists)
    fold_shapes(build.model)
    assert ops_of(build.model) == [op_type, "Add"]


def test_a_slice_along_no_axis() -> None:
    build = of_integers("Slice", (1, 2), (), ())
    fold_shapes(build.model)
    assert ops_of(build.model) == ["Add"]


def test_a_place_outside_of_a_table_is_left_to_the_runtime() -> None:
    build = GraphBuilder()
    picked = build.op("Gather", build.weights(3), build.ints(5))
    build.output(build.op("Add", build.input("x", 1), picked), "y")
    assert fold_shapes(build.model) is None


@pytest.mark.parametrize(("number", "dtype"), [(2**62, np.int64), (2**30, np.int32)], ids=["64", "32"])
def test_products_that_are_too_large_for_their_type(number: int, dtype: type[np.integer]) -> None:
    build = of_integers("Mul", (number,), (6,), dtype=dtype)
    fold_shapes(build.model)  # the reference may wrap it around as a runtime does
    assert "Add" in ops_of(build.model)


def test_constants_do_not_grow_without_end() -> None:
    build = GraphBuilder()
    value = build.constant(np.ones(2**21, np.float32))
    for _ in range(2):
        value = build.op("Tile", value, build.ints(4))
    build.output(build.op("Add", build.input("x", 1), value), "y")
    fold_shapes(build.model)
    assert ops_of(build.model) == ["Tile", "Add"]
