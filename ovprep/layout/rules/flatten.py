"""Flatten, whose order of values is absorbed by the weights of the Dense layers behind it."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.constants import array_of, int_of
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.rules.elementwise import UNARY
from ovprep.layout.rules.registry import RANK, Free, Pinned, Ruling, Swap, rule

Absorb = Callable[[Swap], None]
Order = NDArray[np.int64]


@rule("Reshape", "Flatten")
def flatten(node: ir.Node) -> Ruling:
    """`[N, A, B]` to `[N, A*B]`: the other order permutes the rows of every weight that reads the result.

    Feature `a * B + b` becomes feature `b * A + a`.
    """
    output = node.outputs[0]
    if rank_of(node.inputs[0]) != RANK or rank_of(output) != 2 or not _keeps_batch(node):
        return Pinned("reshapes across the layout's axes")
    source = node.inputs[0]
    assert source is not None
    _, first, second = dims_of(source)
    if first is None or second is None:
        return Pinned("flattens an open axis")
    if 1 in (first, second):
        return Free(lambda swap: None)  # one order of values only
    order = np.arange(first * second).reshape(first, second).T.ravel()
    edits = _absorb(output, order)
    if isinstance(edits, str):
        return Pinned(f"flattens, and {edits}")

    def edit(swap: Swap) -> None:
        for change in edits:
            change(swap)

    return Free(edit)


def _keeps_batch(node: ir.Node) -> bool:
    source = node.inputs[0]
    assert source is not None
    if node.op_type == "Flatten":
        return int_of(node, "axis", 1) in (1, 1 - RANK)
    target = array_of(node.inputs[1])
    if target is None:
        return False
    batch, first, second = dims_of(source)
    features = None if first is None or second is None else first * second
    head, tail = int(target[0]), int(target[1])
    return (head in (0, batch) and tail in (-1, features)) or (head == -1 and tail == features)


def _absorb(value: ir.Value, order: Order) -> list[Absorb] | str:
    """Edits that let all readers of a flattened value take its features in the given order, or why that cannot be."""
    if value.is_graph_output():
        return "the flattened values are an output of the model"
    edits: list[Absorb] = []
    for user, index in value.uses():
        found = _absorb_in(user, index, order)
        if isinstance(found, str):
            return found
        edits += found
    return edits


def _absorb_in(node: ir.Node, index: int, order: Order) -> list[Absorb] | str:
    if node.op_type in UNARY:
        return _absorb(node.outputs[0], order)
    if node.op_type == "Clip" and index == 0:
        return _absorb(node.outputs[0], order)
    if (
        rank_of(node.outputs[0]) == 2
        and node.op_type in ("Add", "Div", "Mul", "Sub")
        and array_of(node.inputs[1 - index]) is not None
    ):
        behind = _absorb(node.outputs[0], order)
        return behind if isinstance(behind, str) else [_permute_features(node, 1 - index, order, axis=-1), *behind]
    weights = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.op_type == "MatMul" and index == 0 and weights is not None and weights.ndim == 2:
        return [_permute_features(node, 1, order, axis=0)]
    if node.op_type == "Gemm" and index == 0 and weights is not None and not int_of(node, "transA", 0):
        return [_permute_features(node, 1, order, axis=1 if int_of(node, "transB", 0) else 0)]
    return f"{node.op_type} reads their order"


def _permute_features(node: ir.Node, index: int, order: Order, axis: int) -> Absorb:
    def edit(swap: Swap) -> None:
        array = array_of(node.inputs[index])
        assert array is not None
        if array.ndim and array.shape[axis] == order.size:
            node.replace_input_with(index, swap.build.constant(np.take(array, order, axis=axis), "reordered"))

    return edit
