"""The template of all tests of layout rules."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import OPSET, Builder, infer_outputs
from ovprep.graph.edit import replace_value
from ovprep.graph.shapes import rank_of
from ovprep.layout.orientation import FIRST, LAST, Orientation
from ovprep.layout.rules import Free, Pinned, Swap, oriented_inputs, oriented_outputs, rank_in, ruling_of
from tests.graphs import Array, GraphBuilder, check, difference, feeds_of, run


@dataclass(frozen=True)
class Ints:
    """A computed list of integers."""

    size: int


TURNS = {
    **dict.fromkeys([(3, None), (3, FIRST), (3, LAST)], (0, 2, 1)),
    (4, FIRST): (0, 2, 3, 1),
    (4, LAST): (0, 3, 1, 2),
}
"""How tensors of a rank get from the layout that they are written in to the other one."""

Tensor = tuple[int, ...] | Ints | Array | None
"""A shape stands for a computed float tensor, an array for a constant, None for an input that is left out."""

SHAPES = [(2, 3, 5), (2, 4, 4), (3, 3, 3), (2, 1, 5), (2, 5, 1)]
"""Two sizes that differ, two that do not (nothing may be told from a size), the batch likewise, and one of size one."""

IMAGES = [(1, 2, 3, 5), (3, 2, 3, 5), (1, 4, 4, 4), (3, 4, 4, 4), (3, 3, 3, 3)]
"""The same with two spatial axes, which are read as `[N, C, H, W]` and as `[N, H, W, C]`."""


def build_op(
    op_type: str, attributes: dict[str, Any], *inputs: Tensor, outputs: int = 1, dtype: Any = None, opset: int = OPSET
) -> ir.Node:
    """A model of one op, whose node is returned; its computed inputs are of the given type."""
    build = GraphBuilder(opset)
    values = [_input(build, f"x{index}", given, dtype or np.float32) for index, given in enumerate(inputs)]
    for index, output in enumerate(build.ops(op_type, *values, outputs=outputs, **attributes)):
        build.output(output, f"y{index}")
    build.graph.meta["model"] = build.model
    return build.graph[0]


def _input(build: GraphBuilder, name: str, given: Tensor, dtype: Any) -> ir.Value | None:
    if given is None:
        return None
    if isinstance(given, Ints):
        return build.input(name, given.size, dtype=np.int64)
    return build.input(name, *given, dtype=dtype) if isinstance(given, tuple) else build.constant(given)


def check_rule(
    op_type: str,
    attributes: dict[str, Any],
    *inputs: Tensor,
    outputs: int = 1,
    dtype: Any = None,
    opset: int = OPSET,
    tolerance: float = 0.0,
    written: Orientation | None = None,
) -> ir.Node:
    """The op computes the same in the other layout, with its inputs transposed and its outputs transposed back.

    Bitwise, unless a tolerance is given. Tensors of rank 4 are taken for what `written` says. Returns the node as it is
    then.
    """
    node = build_op(op_type, attributes, *inputs, outputs=outputs, dtype=dtype, opset=opset)
    assert node.graph is not None
    return check_move(node.graph.meta["model"], tolerance, written)


def check_images(
    op_type: str, attributes: dict[str, Any], *inputs: Tensor, only: Orientation | None = None, **options: Any
) -> None:
    """The same with tensors of rank 4, read in either layout; or in the only one from which the rule lets go."""
    for written in (FIRST, LAST):
        if only in (None, written):
            check_rule(op_type, attributes, *inputs, written=written, **options)
    ruling = ruling_of(build_op(op_type, attributes, *inputs, **{k: v for k, v in options.items() if k != "tolerance"}))
    assert isinstance(ruling, Free)
    assert ruling.only is only


def check_move(model: ir.Model, tolerance: float = 0.0, written: Orientation | None = None) -> ir.Node:
    """The first node of a model runs in the other layout, and the model computes the same."""
    check(model)
    feeds = feeds_of(model)
    wanted = run(model, feeds)
    node = model.graph[0]
    move(model.graph, node, written)
    check(model)
    for found, expected in zip(run(model, feeds), wanted, strict=True):
        assert difference(found, expected) <= tolerance
    return node


def move(graph: ir.Graph, node: ir.Node, written: Orientation | None = None) -> None:
    """Applies the edit of the node's rule, between Transposes."""
    ruling = ruling_of(node)
    assert isinstance(ruling, Free), ruling
    before = Builder(graph, "before", before=node)
    swap = Swap(before, rank_in(node), written)
    for index in oriented_inputs(node):
        value = node.inputs[index]
        node.replace_input_with(index, before.op("Transpose", value, perm=TURNS[rank_of(value), written]))
    ruling.edit(swap)
    infer_outputs(node, graph.opset_imports)
    after = Builder(graph, "after", after=node)
    for output in oriented_outputs(node):
        turned = after.op("Transpose", output, perm=np.argsort(TURNS[rank_of(output), written]).tolist())
        replace_value(graph, output, turned, keep=turned.producer())


def reason(op_type: str, attributes: dict[str, Any], *inputs: Tensor, outputs: int = 1) -> str:
    """Why the rule pins an op."""
    return reason_of(build_op(op_type, attributes, *inputs, outputs=outputs))


def reason_of(node: ir.Node) -> str:
    ruling = ruling_of(node)
    assert isinstance(ruling, Pinned), ruling
    return ruling.reason


def ints(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


def floats(*shape: int) -> Array:
    """Numbers that all differ, so that no order can be mistaken for another."""
    return (1 + np.arange(np.prod(shape, dtype=int)).reshape(shape) / 7).astype(np.float32)
