"""What a graph costs and how far it sees: parameters, multiply-accumulates, receptive field."""

import math
from dataclasses import dataclass
from fractions import Fraction

import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
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
    if node.op_type in ("LSTM", "GRU", "RNN"):
        steps_and_batch = math.prod(_shape(node.inputs[0])[:2])
        return steps_and_batch * (math.prod(_shape(node.inputs[1])) + math.prod(_shape(node.inputs[2])))
    return 0


def receptive_field(graph: ir.Graph) -> ReceptiveField | None:
    """The receptive field over time of the convolutions and poolings of a graph, None where it has none.

    Araujo, Norris, Sim, "Computing receptive fields of convolutional neural networks", Distill 2019: each layer adds
    (kernel - 1) * dilation times the product of the strides before it. Reductions, recurrence and Flatten see
    everything, and end the count.
    """
    fields: dict[ir.Value, ReceptiveField] = {}
    widest = None
    for node in graph:
        sources = [fields[value] for value in node.inputs if value in fields]
        before = max(sources, key=lambda field: field.samples, default=ReceptiveField(1, Fraction(1)))
        after = _seen_by(node, before)
        for output in node.outputs:
            if rank_of(output) == 3:
                fields[output] = after
        if after != before and (widest is None or after.samples >= widest.samples):
            widest = after
    return widest


def _seen_by(node: ir.Node, before: ReceptiveField) -> ReceptiveField:
    if rank_of(node.outputs[0]) != 3:
        return before
    if node.op_type == "Resize":
        scales = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
        factor = (
            Fraction(float(max(scales))).limit_denominator(1000) if scales is not None and scales.size else Fraction(1)
        )
        return ReceptiveField(before.samples, before.hop / factor)
    if node.op_type not in ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"):
        return before
    kernel = (ints_of(node, "kernel_shape") or _shape(node.inputs[1])[2:])[-1]
    stride = (ints_of(node, "strides") or (1,))[-1]
    reach = (kernel - 1) * (ints_of(node, "dilations") or (1,))[-1]
    if node.op_type == "ConvTranspose":  # a step of the output sees every stride-th tap of the kernel
        return ReceptiveField(before.samples + math.ceil(reach // stride * before.hop), before.hop / stride)
    return ReceptiveField(before.samples + math.ceil(reach * before.hop), before.hop * stride)


def _inner_size(node: ir.Node) -> int:
    return _shape(node.inputs[0])[0 if node.op_type == "Gemm" and int_of(node, "transA", 0) else -1]


def _shape(value: ir.Value | None) -> tuple[int, ...]:
    return () if value is None or value.shape is None else tuple(dim or 1 for dim in dims_of(value))


def _elements(value: ir.Value | None) -> int:
    return 0 if value is None or value.shape is None else math.prod(_shape(value))
