"""Flatten, whose order of values is absorbed by the weights of the Dense layers behind it."""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.orientation import FIRST, LAST, RANKS, Orientation
from ovprep.layout.rules.elementwise import UNARY
from ovprep.layout.rules.registry import Free, Pinned, Ruling, Swap, rule

Absorb = Callable[[Swap], None]


@rule("Flatten")
def flatten(node: ir.Node) -> Ruling:
    """`[N, A, B]` to `[N, A*B]`: the other order permutes the rows of every weight that reads the result.

    Feature `a * B + b` becomes feature `b * A + a`; likewise with the three axes of an image.
    """
    source, output = node.inputs[0], node.outputs[0]
    if source is None or rank_of(source) not in RANKS or rank_of(output) != 2 or not _keeps_batch(node):
        return Pinned("reshapes across the layout's axes")
    dims = tuple(dim for dim in dims_of(source)[1:] if dim is not None)
    if len(dims) < len(dims_of(source)) - 1:
        return Pinned("flattens an open axis")
    if sum(dim != 1 for dim in dims) < 2:
        return Free(lambda swap: None)  # one order of values only
    edits = _absorb(output, dims)
    if isinstance(edits, str):
        reason = f"flattens, and {edits}"
        only = _one_order_from(dims)
        return Pinned(reason) if only is None else Free(lambda swap: None, only=only, otherwise=reason)

    def edit(swap: Swap) -> None:
        for change in edits:
            change(swap)

    return Free(edit)


def _one_order_from(dims: tuple[int, ...]) -> Orientation | None:
    """The layout of an image of one channel, whose values have the same order in both."""
    return FIRST if dims[0] == 1 else LAST if dims[-1] == 1 else None


def _keeps_batch(node: ir.Node) -> bool:
    source = node.inputs[0]
    assert source is not None
    batch, *rest = dims_of(source)
    if node.op_type == "Flatten":
        return int_of(node, "axis", 1) in (1, -len(rest))
    target = array_of(node.inputs[1])
    if target is None:
        return False
    sizes = [dim for dim in rest if dim is not None]
    features = math.prod(sizes) if len(sizes) == len(rest) else None
    head, tail = int(target[0]), int(target[1])
    return (head in (0, batch) and tail in (-1, features)) or (head == -1 and tail == features)


def _absorb(value: ir.Value, dims: tuple[int, ...]) -> list[Absorb] | str:
    """Edits that let all readers of flattened dims take the features in the new order, or why that cannot be."""
    if value.is_graph_output():
        return "the flattened values are an output of the model"
    edits: list[Absorb] = []
    for user, index in value.uses():
        found = _absorb_in(user, index, dims)
        if isinstance(found, str):
            return found
        edits += found
    return edits


def _absorb_in(node: ir.Node, index: int, dims: tuple[int, ...]) -> list[Absorb] | str:
    if node.op_type in UNARY:
        return _absorb(node.outputs[0], dims)
    if node.op_type == "Clip" and index == 0:
        return _absorb(node.outputs[0], dims)
    if (
        rank_of(node.outputs[0]) == 2
        and node.op_type in ("Add", "Div", "Mul", "Sub")
        and array_of(node.inputs[1 - index]) is not None
    ):
        behind = _absorb(node.outputs[0], dims)
        return behind if isinstance(behind, str) else [_permute_features(node, 1 - index, dims, axis=-1), *behind]
    if node.op_type == "BatchNormalization" and all(array_of(value) is not None for value in node.inputs[1:]):
        behind = _absorb(node.outputs[0], dims)
        statistics = [_permute_features(node, place, dims, axis=0) for place in range(1, len(node.inputs))]
        return behind if isinstance(behind, str) else [*statistics, *behind]
    weights = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.op_type == "MatMul" and index == 0 and weights is not None and weights.ndim == 2:
        return [_permute_features(node, 1, dims, axis=0)]
    if node.op_type == "Gemm" and index == 0 and weights is not None and not int_of(node, "transA", 0):
        return [_permute_features(node, 1, dims, axis=1 if int_of(node, "transB", 0) else 0)]
    return f"{node.op_type} reads their order"


def _permute_features(node: ir.Node, index: int, dims: tuple[int, ...], axis: int) -> Absorb:
    def edit(swap: Swap) -> None:
        array = array_of(node.inputs[index])
        assert array is not None
        if array.ndim and array.shape[axis] == math.prod(dims):
            turned = np.take(array, swap.order(dims), axis=axis)
            node.replace_input_with(index, swap.build.constant(turned, "reordered"))

    return edit
