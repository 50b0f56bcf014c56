"""Which inputs point into a table."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder, new_model
from ovprep.graph.interface import interface_of


def build() -> tuple[ir.Model, Builder, list[ir.Value]]:
    model = new_model("m")
    inputs = [ir.val(name, dtype=ir.DataType.FLOAT, shape=["batch", 4]) for name in ("x", "y")]
    model.graph.inputs.extend(inputs)
    return model, Builder(model.graph), inputs


def gather(build: Builder, rows: int, numbers: ir.Value, axis: int = 0) -> ir.Value:
    shape = (rows, 3) if axis == 0 else (3, rows)
    return build.op("Gather", build.constant(np.zeros(shape, np.float32)), numbers, axis=axis)


def whole(build: Builder, value: ir.Value) -> ir.Value:
    return build.op("Cast", value, to=int(ir.DataType.INT32))


def rows(model: ir.Model, *outputs: ir.Value) -> list[int | None]:
    model.graph.outputs.extend(outputs)
    return [port.rows for port in interface_of(model).inputs]


def test_numbers_are_followed_through_what_moves_them() -> None:
    model, build_, (x, y) = build()
    one, other = build_.op("Reshape", x, build_.ints(0, 4, 1)), build_.op("Unsqueeze", y, build_.ints(2))
    both = build_.op("Concat", one, other, axis=2)
    assert rows(model, gather(build_, 7, whole(build_, build_.op("Transpose", both, perm=(0, 2, 1))))) == [7, 7]


def test_the_smallest_table_counts() -> None:
    model, build_, (x, y) = build()
    outputs = [gather(build_, 7, whole(build_, x)), gather(build_, 5, whole(build_, x)), build_.op("Relu", y)]
    assert rows(model, *outputs) == [5, None]


def test_rows_lie_along_the_axis() -> None:
    model, build_, (x, _) = build()
    assert rows(model, gather(build_, 8, whole(build_, x), axis=1)) == [8, None]


def test_the_length_of_a_vector_with_a_single_one() -> None:
    model, build_, (x, _) = build()
    depth, values = build_.constant(np.array(6)), build_.constant(np.array([0, 1], np.float32))
    assert rows(model, build_.op("OneHot", whole(build_, x), depth, values)) == [6, None]


def test_what_is_computed_with_is_no_row_number() -> None:
    model, build_, (x, y) = build()
    computed = build_.op("Gather", y, build_.constant(np.array(1)), axis=1)
    own_table = build_.op("Gather", y, whole(build_, x), axis=0)
    assert rows(model, gather(build_, 7, whole(build_, build_.op("Sqrt", x))), computed, own_table) == [None, None]
