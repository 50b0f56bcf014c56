"""Layers of several inputs: Concatenate, and the elementwise ones."""

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.registry import Layer, layer


@layer("Concatenate")
def concatenate(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Along `axis`, which counts the batch."""
    return layer.build.op("Concat", *inputs, axis=layer.whole("axis", -1) % _common_rank(layer, inputs))


@layer("Add", "Subtract", "Multiply", "Maximum", "Minimum")
def elementwise(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """Pair by pair, from the left; axes of size one are spread."""
    _common_rank(layer, inputs)
    op = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Maximum": "Max", "Minimum": "Min"}[layer.spec.class_name]
    result = inputs[0]
    for value in inputs[1:]:
        result = layer.build.op(op, result, value)
    return result


@layer("Average")
def average(layer: Layer, *inputs: ir.Value) -> ir.Value:
    """The sum, divided by the number of inputs."""
    rank = _common_rank(layer, inputs)
    total = inputs[0]
    for value in inputs[1:]:
        total = layer.build.op("Add", total, value)
    return layer.build.op("Div", total, layer.constant(np.full((1,) * rank, len(inputs)), "count"))


def _common_rank(layer: Layer, inputs: tuple[ir.Value, ...]) -> int:
    if len(inputs) < 2:
        raise ModelError(f"Layer {layer.spec} merges several tensors, but is given {len(inputs)}.")
    ranks = {len(layer.shape(value)) for value in inputs}
    if len(ranks) > 1:
        raise layer.unsupported(f"merges tensors of the ranks {sorted(ranks)}")
    return ranks.pop()
