"""Products of matrices and tensors."""

import string
from typing import Any

import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import operation
from ovprep.frontends.keras.operations.operands import (
    FLOAT,
    axes_in,
    common_type,
    tensor,
    whole,
    wholes,
)


def _factors(layer: Layer, *operands: Any) -> list[ir.Value]:
    """As floats; a constant keeps its rank, which says how it is multiplied."""
    if common_type(layer, *operands) != FLOAT:
        raise layer.unsupported("multiplies matrices of integers")
    return [tensor(layer, operand, FLOAT) for operand in operands]


@operation("Matmul")
def matmul(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """Along the last axis of the first and the last but one of the second; other axes spread, as in NumPy."""
    return layer.build.op("MatMul", *_factors(layer, x1, x2))


@operation("Dot")
def dot(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """As matmul, but all axes of the second beside all axes of the first; a number scales."""
    factors = _factors(layer, x1, x2)
    ranks = [len(layer.shape(factor)) for factor in factors]
    if 0 in ranks:
        return layer.build.op("Mul", *factors)
    if ranks[1] <= 2:
        return layer.build.op("MatMul", *factors)
    return tensordot(layer, x1, x2, [[-1], [-2]])


@operation("Tensordot")
def tensordot(layer: Layer, x1: Any, x2: Any, axes: Any = 2) -> ir.Value:
    """Sums of products along pairs of axes: so many at the end of the first and the start of the second, or named."""
    factors = _factors(layer, x1, x2)
    ranks = [len(layer.shape(factor)) for factor in factors]
    if isinstance(axes, (list, tuple)) and len(axes) == 2:
        pairs = [axes_in(layer, list(wholes(layer, one, "axes")), rank) for one, rank in zip(axes, ranks, strict=True)]
    else:
        number = whole(layer, axes, "axes")
        pairs = [tuple(range(ranks[0]))[ranks[0] - number :], tuple(range(number))]
    if len(pairs[0]) != len(pairs[1]) or len(pairs[0]) > min(ranks) or sum(ranks) > len(string.ascii_lowercase):
        raise layer.unsupported(f"multiplies tensors of the ranks {ranks} along {axes!r}")
    letters = string.ascii_lowercase
    first, second = list(letters[: ranks[0]]), list(letters[ranks[0] : sum(ranks)])
    for mine, others in zip(*pairs, strict=True):
        second[others] = first[mine]
    summed = {first[axis] for axis in pairs[0]}
    kept = [letter for letter in (*first, *second) if letter not in summed]
    return layer.build.op("Einsum", *factors, equation=f"{''.join(first)},{''.join(second)}->{''.join(kept)}")


@operation("Einsum")
def einsum(layer: Layer, *operands: Any, subscripts: Any) -> ir.Value:
    """Einstein's notation, as in NumPy."""
    if not isinstance(subscripts, str) or not set(subscripts) <= {*string.ascii_letters, *"., ->"}:
        raise layer.unsupported(f"multiplies by {subscripts!r}")
    return layer.build.op("Einsum", *_factors(layer, *operands), equation=subscripts.replace(" ", ""))


@operation("Outer")
def outer(layer: Layer, x1: Any, x2: Any) -> ir.Value:
    """Each with each, all axes of a tensor in one."""
    flat = [
        layer.build.op("Reshape", factor, layer.build.ints(*shape, name="shape"))
        for factor, shape in zip(_factors(layer, x1, x2), ((-1, 1), (1, -1)), strict=True)
    ]
    return layer.build.op("Mul", *flat)
