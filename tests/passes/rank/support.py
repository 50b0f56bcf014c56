"""The template of the tests of what lifts a model to rank 4."""

from typing import Any

import onnx_ir as ir
import pytest

from ovprep.graph.shapes import rank_of
from ovprep.passes.change import Change
from ovprep.passes.rank.lift import lift_to_rank_4
from tests.graphs import Array, GraphBuilder
from tests.passes.support import applied


def lifted(model: ir.Model, tolerance: float = 0.0) -> Change | str:
    """Lifts a model, which must compute the same, bitwise by default; or says why it stays."""
    found: list[Change | str] = []

    def one(model: ir.Model) -> Change | None:
        found.append(lift_to_rank_4(model))
        return found[0] if isinstance(found[0], Change) else None

    applied(one, model, tolerance)
    return found[0]


LAYOUTS = ("ncw", "nwc")


def op_lifted(
    layout: str, op_type: str, /, *others: Array | None, outputs: int = 1, tolerance: float = 0.0, **attributes: Any
) -> ir.Node:
    """The op on `[2, 4, 8]`, behind a pooling that belongs to every body, in either layout, once it is lifted."""
    build = GraphBuilder()
    if layout == "ncw":
        x = build.op("MaxPool", build.input("x", 2, 4, 9), kernel_shape=(2,))
    else:
        x = build.op("MaxPool", build.input("x", 2, 8, 5), kernel_shape=(2,))
        x = build.op("Transpose", x, perm=(0, 2, 1))
    constants = [None if array is None else build.constant(array) for array in others]
    made = build.ops(op_type, x, *constants, outputs=outputs, **attributes)
    for index, value in enumerate(made):
        build.output(value, f"y{index}")
    node = made[0].producer()
    assert node is not None
    change = lifted(build.model, tolerance)
    assert isinstance(change, Change), change
    return node


def is_lifted(node: ir.Node) -> bool:
    """Whether an op has gained the axis."""
    return rank_of(node.inputs[0]) == 4


def by_layout() -> pytest.MarkDecorator:
    """With the new axis behind the channels, and before the length."""
    return pytest.mark.parametrize("layout", LAYOUTS)
