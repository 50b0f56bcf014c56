"""Unrolls GRUs that reset before their matrix product, for which OpenVINO's CPU plugin has no fast kernel."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.passes.change import Change, counted

MAX_STEPS = 512
"""Some ten ops a step: more make a model that takes long to compile."""


def unroll_reset_before(model: ir.Model) -> Change | None:
    """Each step in plain ops: 2 to 3 times as fast where batch and length are fixed, but slower where they vary.

    GRU(linear_before_reset=0)
    becomes, for each step, with the input's share computed for all steps at once,
    z, r = Sigmoid(h Rzr + xzr);  n = Tanh((r h) Rh + xh);  h = n + z (h - n)

    The equations are those of ONNX. Measured: OpenVINO 2026.4.1, 48 units, 64 steps (`scripts/bench zoo`).
    """
    graph = model.graph
    done = []
    for node in list(graph):
        if _fits(node):
            _unroll(graph, node)
            done.append(str(node.name))
    remove_unused(graph)
    if not done:
        return None
    return Change(f"unrolled {counted(len(done), 'GRU')} that reset before the matrix product", tuple(done))


def _fits(node: ir.Node) -> bool:
    if node.op_type != "GRU" or int_of(node, "linear_before_reset", 0) or int_of(node, "layout", 0):
        return False
    unusual = {"activations", "clip", "activation_alpha", "activation_beta"} & node.attributes.keys() - _usual(node)
    if unusual or node.attributes.get_string("direction", "forward") == "bidirectional":
        return False
    x, weights = node.inputs[0], [_input(node, index) for index in (1, 2)]
    lengths = _input(node, 4)
    if x is None or rank_of(x) != 3 or lengths is not None or any(array_of(value) is None for value in weights):
        return False
    bias, dims = _input(node, 3), dims_of(x)
    return (bias is None or array_of(bias) is not None) and None not in dims and (dims[0] or 0) <= MAX_STEPS


def _usual(node: ir.Node) -> set[str]:
    """Attributes that state what is so without them."""
    stated = node.attributes.get("activations")
    return {"activations"} if stated is not None and tuple(stated.as_strings()) == ("Sigmoid", "Tanh") else set()


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _unroll(graph: ir.Graph, node: ir.Node) -> None:
    """Replaces the outputs: all steps `[T, 1, N, H]`, and the last one `[1, N, H]`."""
    build = Builder(graph, str(node.name), before=node)
    w, r = (np.asarray(array_of(node.inputs[index]))[0].T for index in (1, 2))  # [C, 3H] and [H, 3H], z r h
    units = r.shape[0]
    stored = _input(node, 3)
    halves = np.zeros((2, 3 * units), w.dtype) if stored is None else np.asarray(array_of(stored)).reshape(2, -1)
    gates, new = _shares(build, node.inputs[0], w, halves.sum(axis=0), units)
    r_gates, r_new = build.constant(r[:, : 2 * units], "r_gates"), build.constant(r[:, 2 * units :], "r_new")
    h = _input(node, 5) or build.constant(np.zeros((1, dims_of(gates[0])[1] or 1, units), w.dtype), "start")
    steps: list[ir.Value] = []
    backwards = node.attributes.get_string("direction", "forward") == "reverse"
    for x_gates, x_new in list(zip(gates, new, strict=True))[:: -1 if backwards else 1]:
        both = build.op("Sigmoid", build.op("Add", build.op("MatMul", h, r_gates), x_gates))
        z, reset = build.ops("Split", both, outputs=2, axis=2, num_outputs=2)
        n = build.op("Tanh", build.op("Add", build.op("MatMul", build.op("Mul", reset, h), r_new), x_new))
        h = build.op("Add", n, build.op("Mul", z, build.op("Sub", h, n)))
        steps.append(h)
    if node.outputs[0].uses() or node.outputs[0].is_graph_output():
        joined = build.op("Concat", *(steps[::-1] if backwards else steps), axis=0)
        replace_value(graph, node.outputs[0], build.op("Unsqueeze", joined, build.ints(1, name="axes")))
    if len(node.outputs) > 1:
        replace_value(graph, node.outputs[1], h)


def _shares(
    build: Builder, x: ir.Value | None, w: Array, bias: Array, units: int
) -> tuple[tuple[ir.Value, ...], tuple[ir.Value, ...]]:
    """What the input gives to the gates, `[1, N, 2H]`, and to the new state, `[1, N, H]`, of each step."""
    assert x is not None
    count = dims_of(x)[0] or 1
    product = build.op("MatMul", x, build.constant(w, "w"))
    share = build.op("Add", product, build.constant(bias.reshape(1, 1, -1), "bias"))
    sizes = build.ints(2 * units, units, name="split")
    gates, new = build.ops("Split", share, sizes, outputs=2, axis=2)
    if count == 1:
        return (gates,), (new,)
    return (
        build.ops("Split", gates, outputs=count, axis=0, num_outputs=count),
        build.ops("Split", new, outputs=count, axis=0, num_outputs=count),
    )
