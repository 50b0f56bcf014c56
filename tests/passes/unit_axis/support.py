"""The template of the tests of what drops an axis of size one."""

from typing import Any

import onnx_ir as ir

from ovprep.graph.shapes import rank_of
from ovprep.passes.unit_axis.drop import drop_unit_axis
from tests.graphs import Array, GraphBuilder
from tests.passes.support import applied

AXES = (2, 3)
"""Where the axis of size one stands."""


def widened(axis: int, *sizes: int, one: int = 1) -> tuple[int, ...]:
    """Sizes or numbers of three axes with one for the axis put in."""
    return (*sizes[:axis], one, *sizes[axis:])


def window(axis: int, other: int, one: int = 1) -> tuple[int, int]:
    """A number for each of the two spatial axes."""
    return (one, other) if axis == 2 else (other, one)


def pooled(build: GraphBuilder, axis: int, *sizes: int) -> ir.Value:
    """A tensor `[2, 3, 8]` with the axis of size one, out of a pooling that makes it worth to drop that axis."""
    x = build.input("x", *widened(axis, *(sizes or (2, 3, 9))))
    return build.op("MaxPool", x, kernel_shape=window(axis, 2))


def dropped(
    axis: int, op_type: str, /, *others: Array | None, outputs: int = 1, tolerance: float = 0.0, **attributes: Any
) -> ir.Node:
    """The op behind a pooling, once the axis is dropped; the model must compute the same."""
    build = GraphBuilder()
    constants = [None if array is None else build.constant(array) for array in others]
    made = build.ops(op_type, pooled(build, axis), *constants, outputs=outputs, **attributes)
    for index, value in enumerate(made):
        build.output(value, f"y{index}")
    node = made[0].producer()
    assert node is not None
    assert rank_of(node.inputs[0]) == 4
    assert applied(drop_unit_axis, build.model, tolerance) is not None
    return node


def is_lowered(node: ir.Node) -> bool:
    """Whether an op has lost the axis."""
    return rank_of(node.inputs[0]) == 3
