"""Multiply, Maximum and Minimum, which in Keras 3 leave out what the masks of their inputs leave out."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.merging import elementwise, of_one_rank
from ovprep.frontends.keras.layers.registry import layer

Masks = Sequence[ir.Value | None]

_OPS = {"Maximum": "Max", "Minimum": "Min", "Multiply": "Mul"}


@layer("Maximum", "Minimum", "Multiply")
def masked_elementwise(layer: Layer, *inputs: ir.Value, mask: Masks | None = None) -> ir.Value | tuple[ir.Value, ...]:
    """As `elementwise`, with a mask `[N, W]` or none for each input `[N, W, C]`."""
    if mask is None:
        return elementwise(layer, *inputs)
    if not isinstance(mask, list) or len(mask) != len(inputs):
        raise layer.unsupported(f"merges {len(inputs)} tensors with masks that are not as many")
    values = of_one_rank(layer, inputs)
    masks = [None if one is None else _spread(layer, one, value) for one, value in zip(mask, inputs, strict=True)]
    return (_product if layer.spec.class_name == "Multiply" else _extreme)(layer, values, masks)


def _spread(layer: Layer, mask: ir.Value, value: ir.Value) -> ir.Value:
    """`[N, W]` to `[N, W, 1]`."""
    if len(layer.shape(mask)) != 2 or len(layer.shape(value)) != 3:
        raise layer.unsupported("merges tensors with masks that are not of the ranks 3 and 2")
    return layer.build.op("Unsqueeze", mask, layer.build.ints(2, name="axes"))


def _product(layer: Layer, values: Sequence[ir.Value], masks: Masks) -> ir.Value:
    """A masked factor is one, and where all are masked, the product is zero (keras.layers.Multiply, 3.15)."""
    build = layer.build
    one, zero = (layer.constant(np.full((1, 1, 1), number), "number") for number in (1, 0))
    product, anywhere = None, None
    for value, mask in zip(values, masks, strict=True):
        factor = value if mask is None else build.op("Where", mask, value, one)
        product = factor if product is None else build.op("Mul", product, factor)
        if mask is not None:
            anywhere = mask if anywhere is None else build.op("Or", anywhere, mask)
    assert product is not None
    return product if None in masks or anywhere is None else build.op("Where", anywhere, product, zero)


def _extreme(layer: Layer, values: Sequence[ir.Value], masks: Masks) -> ir.Value:
    """What is masked is replaced by what it is compared with (keras.layers.Maximum and Minimum, 3.15)."""
    build, (result, *others), (kept, *rest) = layer.build, values, masks
    for value, mask in zip(others, rest, strict=True):
        other = value if mask is None else build.op("Where", mask, value, result)
        result = result if kept is None else build.op("Where", kept, result, other)
        kept = None if mask is None or kept is None else build.op("Or", kept, mask)
        result = build.op(_OPS[layer.spec.class_name], result, other)
    return result
