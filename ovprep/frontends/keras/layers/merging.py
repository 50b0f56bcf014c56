"""Layers of several inputs: Concatenate, Dot, and the elementwise ones."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.normalization import unit_length
from ovprep.frontends.keras.layers.registry import layer

_OPS = {"Add": "Add", "Average": "Add", "Maximum": "Max", "Minimum": "Min", "Multiply": "Mul", "Subtract": "Sub"}


@layer("Concatenate")
def concatenate(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Along `axis`, which counts the batch."""
    ranks = _ranks(layer, inputs)
    if min(ranks) < max(ranks):
        raise ModelError(f"Layer {layer.spec} concatenates tensors of the ranks {ranks}.")
    return layer.build.op("Concat", *inputs, axis=layer.axis(ranks[0]))


@layer("Add", "Average", "Subtract")
def elementwise(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Pair by pair, from the left; axes of size one are spread, and an average is the sum over the number of inputs."""
    first, *others = of_one_rank(layer, inputs)
    result = first
    for value in others:
        result = layer.build.op(_OPS[layer.spec.class_name], result, value)
    if layer.spec.class_name == "Average" and others:
        count = np.full((1,) * len(layer.shape(result)), len(inputs))
        result = layer.build.op("Div", result, layer.constant(count, "count"))
    return result


@layer("Dot")
def dot(layer: Layer, x: ir.Value, y: ir.Value) -> ir.Value:
    """Sums of products along one axis of each: `[N, A, K]` and `[N, B, K]` give `[N, A, B]`; axes may be missing.

    Two vectors give `[N, 1]`. `normalize` brings both to length one along that axis first.
    """
    build, ranks = layer.build, _ranks(layer, (x, y))
    if not set(ranks) <= {2, 3}:
        raise layer.unsupported(f"multiplies tensors of the ranks {ranks}")
    axes = _dot_axes(layer, ranks)
    if layer.flag("normalize", False):
        x, y = (unit_length(layer, value, [axis], 1e-7) for value, axis in zip((x, y), axes, strict=True))
    if ranks[0] == 2:
        rows = build.op("Unsqueeze", x, build.ints(1, name="axes"))
    else:
        rows = x if axes[0] == 2 else build.op("Transpose", x, perm=(0, 2, 1))
    if ranks[1] == 2:
        columns = build.op("Unsqueeze", y, build.ints(2, name="axes"))
    else:
        columns = y if axes[1] == 1 else build.op("Transpose", y, perm=(0, 2, 1))
    product = build.op("MatMul", rows, columns)
    if 2 not in ranks:
        return product
    return build.op("Squeeze", product, build.ints(1 if ranks[0] == 2 else 2, name="axes"))


def _dot_axes(layer: Layer, ranks: Sequence[int]) -> list[int]:
    """The axis of each tensor, counted from the front; never the batch."""
    axes = layer.get("axes")
    both = axes if isinstance(axes, list) else [axes, axes]
    if len(both) != 2 or not all(is_whole(axis) for axis in both):
        raise layer.invalid("axes")
    if any(not -rank <= axis < rank or not axis % rank for axis, rank in zip(both, ranks, strict=True)):
        raise layer.invalid("axes")
    return [axis % rank for axis, rank in zip(both, ranks, strict=True)]


def of_one_rank(layer: Layer, inputs: Sequence[ir.Value]) -> list[ir.Value]:
    """Axes that a tensor lacks are put behind its batch, as Keras does; the op itself would put them before it."""
    ranks = _ranks(layer, inputs)
    missing = [range(1, 1 + max(ranks) - rank) for rank in ranks]
    return [
        layer.build.op("Unsqueeze", value, layer.build.ints(*axes, name="axes")) if axes else value
        for value, axes in zip(inputs, missing, strict=True)
    ]


def _ranks(layer: Layer, inputs: Sequence[ir.Value]) -> list[int]:
    if not inputs:
        raise ModelError(f"Layer {layer.spec} merges tensors, but is given none.")
    return [len(layer.shape(value)) for value in inputs]
