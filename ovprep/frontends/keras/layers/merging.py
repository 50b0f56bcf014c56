"""Layers of several inputs: Concatenate, and the elementwise ones."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.registry import Layer, layer

_OPS = {"Add": "Add", "Average": "Add", "Maximum": "Max", "Minimum": "Min", "Multiply": "Mul", "Subtract": "Sub"}


@layer("Concatenate")
def concatenate(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Along `axis`, which counts the batch."""
    ranks = _ranks(layer, inputs)
    if min(ranks) < max(ranks):
        raise ModelError(f"Layer {layer.spec} concatenates tensors of the ranks {ranks}.")
    return layer.build.op("Concat", *inputs, axis=layer.axis(ranks[0]))


@layer("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")
def elementwise(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Pair by pair, from the left; axes of size one are spread, and an average is the sum over the number of inputs."""
    first, *others = _of_one_rank(layer, inputs)
    result = first
    for value in others:
        result = layer.build.op(_OPS[layer.spec.class_name], result, value)
    if layer.spec.class_name == "Average" and others:
        count = np.full((1,) * len(layer.shape(result)), len(inputs))
        result = layer.build.op("Div", result, layer.constant(count, "count"))
    return result


def _of_one_rank(layer: Layer, inputs: Sequence[ir.Value]) -> list[ir.Value]:
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
