"""What a graph costs and how far it sees: parameters, multiply-accumulates, receptive field."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.op_types import RECURRENT
from ovprep.graph.shapes import dims_of, rank_of


@dataclass(frozen=True)
class ReceptiveField:
    """How many samples of the input one step of the deepest spatial tensor sees, and by how many the steps advance."""

    samples: int
    hop: Fraction


def count_parameters(graph: ir.Graph) -> int:
    """Number of floating-point scalars among the initialisers."""
    arrays = [array_of(value) for value in graph.initializers.values()]
    return sum(array.size for array in arrays if array is not None and array.dtype.kind == "f")


def macs_of(node: ir.Node) -> int:
    """Multiply-accumulates of a node whose shapes are known; elementwise work counts for none."""
    if node.op_type == "Conv":
        return _elements(node.outputs[0]) * math.prod(_shape(node.inputs[1])[1:])
    if node.op_type == "ConvTranspose":
        return _elements(node.inputs[0]) * math.prod(_shape(node.inputs[1])[1:])
    if node.op_type in ("MatMul", "Gemm"):
        return _elements(node.outputs[0]) * _inner_size(node)
    if node.op_type in RECURRENT:
        steps_and_batch = math.prod(_shape(node.inputs[0])[:2])
        return steps_and_batch * (math.prod(_shape(node.inputs[1])) + math.prod(_shape(node.inputs[2])))
    return 0


@dataclass(frozen=True)
class _Reach:
    """How far apart the first and the last sample are that a step sees, before rounding, and the hop between steps."""

    reach: Fraction = Fraction(0)
    hop: Fraction = Fraction(1)


def receptive_field(graph: ir.Graph) -> ReceptiveField | None:
    """The receptive field over time of the convolutions and poolings of a graph, None where it has none.

    Araujo, Norris, Sim, "Computing receptive fields of convolutional neural networks", Distill 2019: each layer adds
    (kernel - 1) * dilation times the product of the strides before it; one that upsamples by a factor adds as a
    convolution over its finer steps would. Reductions, recurrence and Flatten see everything, and end the count.
    Where a layer downsamples what another has upsampled, this is an upper bound.
    """
    reaches: dict[ir.Value, _Reach] = {}
    widest = None
    for node in graph:
        sources = [reaches[value] for value in node.inputs if value in reaches]
        before = max(sources, key=lambda seen: seen.reach, default=_Reach())
        after = _seen_by(node, before)
        for output in node.outputs:
            if _is_sequence(output):
                reaches[output] = after
        if after != before and (widest is None or after.reach >= widest.reach):
            widest = after
    return None if widest is None else ReceptiveField(1 + math.floor(widest.reach), widest.hop)


def _is_sequence(value: ir.Value) -> bool:
    """Whether it has one spatial axis: rank 3, or rank 4 with an axis of size one before the length."""
    return rank_of(value) == 3 or (rank_of(value) == 4 and 1 in dims_of(value)[1:3])


def _seen_by(node: ir.Node, before: _Reach) -> _Reach:
    if not _is_sequence(node.outputs[0]):
        return before
    if node.op_type == "Resize":
        factor = _factor_of(node)
        return _Reach(before.reach + _reach_of_resize(node, factor) * before.hop, before.hop / factor)
    if node.op_type not in ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"):
        return before
    kernel = (ints_of(node, "kernel_shape") or _shape(node.inputs[1])[2:])[-1]
    stride = (ints_of(node, "strides") or (1,))[-1]
    reach = (kernel - 1) * (ints_of(node, "dilations") or (1,))[-1]
    if node.op_type == "ConvTranspose":  # its taps stand on the finer steps of its output
        hop = before.hop / stride
        return _Reach(before.reach + reach * hop, hop)
    return _Reach(before.reach + reach * before.hop, before.hop * stride)


def _factor_of(node: ir.Node) -> Fraction:
    """By how much a Resize makes time longer, from its scales, or else from its shapes."""
    scales = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    if scales is not None and scales.size:
        factors = [Fraction(float(scale)).limit_denominator(1000) for scale in np.ravel(scales)]
    else:
        before, after = _shape(node.inputs[0]), _shape(node.outputs[0])
        factors = [Fraction(new, old) for old, new in zip(before, after, strict=True)]
    return next((factor for factor in factors if factor != 1), Fraction(1))


def _reach_of_resize(node: ir.Node, factor: Fraction) -> Fraction:
    """In steps of its input: a sample is repeated over its finer steps, or drawn out to its neighbours."""
    mode = node.attributes.get_string("mode", "nearest")
    if factor == 1 or (mode == "nearest" and factor < 1):
        return Fraction(0)
    if mode == "nearest":
        return 1 - 1 / factor
    width = 2 if mode == "linear" else 4
    if factor < 1:
        return Fraction(width - 1)
    # Steps that fall on samples take nothing of the neighbours.
    coordinates = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    on_samples = coordinates == "asymmetric" or factor.numerator % 2 == 1
    return width - (2 if on_samples else 1) / factor


def _inner_size(node: ir.Node) -> int:
    return _shape(node.inputs[0])[0 if node.op_type == "Gemm" and int_of(node, "transA", 0) else -1]


def _shape(value: ir.Value | None) -> tuple[int, ...]:
    return () if value is None or value.shape is None else tuple(dim or 1 for dim in dims_of(value))


def _elements(value: ir.Value | None) -> int:
    return 0 if value is None or value.shape is None else math.prod(_shape(value))
