"""Ops of ONNX Runtime's own, which its optimiser writes, as the ops of ONNX that they stand for.

What is not here stays as it is, for OpenVINO to take or to refuse. Their definitions:
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.edit import replace_value

DOMAIN = "com.microsoft"

_GELU = 20
"""The opset that Gelu came with; models that could not be raised to it keep what they have."""

Rule = Callable[[Builder, ir.Node], ir.Value | None]

_RULES: dict[str, Rule] = {}


def write_out(graph: ir.Graph) -> None:
    """Replaces the ops that have a rule, and forgets the domain where none of its ops is left."""
    if graph.opset_imports.get("", 0) < _GELU:
        return
    for node in list(graph):
        rule = _RULES.get(node.op_type) if node.domain == DOMAIN else None
        if rule is None or any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
            continue
        made = rule(Builder(graph, str(node.name), before=node), node)
        if made is not None:
            replace_value(graph, node.outputs[0], made)
            graph.remove(node, safe=True)
    if all(node.domain != DOMAIN for node in graph.all_nodes()):
        graph.opset_imports.pop(DOMAIN, None)


def _rule(op_type: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        _RULES[op_type] = function
        return function

    return register


@_rule("Gelu")
def _gelu(build: Builder, node: ir.Node) -> ir.Value:
    return build.op("Gelu", node.inputs[0])


@_rule("BiasGelu")
def _bias_gelu(build: Builder, node: ir.Node) -> ir.Value:
    return build.op("Gelu", build.op("Add", *node.inputs))


@_rule("FastGelu")
def _fast_gelu(build: Builder, node: ir.Node) -> ir.Value:
    x = build.op("Add", *node.inputs) if _has(node, 1) else node.inputs[0]
    return build.op("Gelu", x, approximate="tanh")


@_rule("QuickGelu")
def _quick_gelu(build: Builder, node: ir.Node) -> ir.Value | None:
    """`x * sigmoid(alpha * x)`."""
    (x,) = node.inputs
    if x is None or x.dtype is None:
        return None
    alpha = build.constant(np.array(_number(node, "alpha", 1.702), x.dtype.numpy()), "alpha")
    return build.op("Mul", x, build.op("Sigmoid", build.op("Mul", x, alpha)))


@_rule("FusedConv")
def _fused_conv(build: Builder, node: ir.Node) -> ir.Value | None:
    """`activation(Conv(x, w, b) + z)`."""
    x, w, b, z = (*node.inputs, None, None)[:4]
    own = {name: attribute for name, attribute in node.attributes.items() if not name.startswith("activation")}
    summed = build.op("Conv", x, w, b, **own)
    return _activated(build, node, summed if z is None else build.op("Add", summed, z))


@_rule("FusedGemm")
def _fused_gemm(build: Builder, node: ir.Node) -> ir.Value | None:
    """`activation(Gemm(a, b, c))`."""
    own = {name: attribute for name, attribute in node.attributes.items() if not name.startswith("activation")}
    return _activated(build, node, build.op("Gemm", *node.inputs, **own))


@_rule("SkipLayerNormalization")
def _skip_layer_normalization(build: Builder, node: ir.Node) -> ir.Value:
    """`LayerNormalization(x + skip + bias)`, over the last axis."""
    x, skip, gamma, beta, bias = (*node.inputs, None, None)[:5]
    summed = build.op("Add", x, skip)
    summed = summed if bias is None else build.op("Add", summed, bias)
    return build.op("LayerNormalization", summed, gamma, beta, epsilon=_number(node, "epsilon", 1e-12))


_ACTIVATIONS = {
    "": (),
    "HardSigmoid": ("alpha", "beta"),
    "LeakyRelu": ("alpha",),
    "Relu": (),
    "Sigmoid": (),
    "Tanh": (),
}


def _activated(build: Builder, node: ir.Node, x: ir.Value) -> ir.Value | None:
    attribute = node.attributes.get("activation")
    name = "" if attribute is None else attribute.as_string()
    if name not in _ACTIVATIONS:
        return None
    if not name:
        return x
    given = node.attributes.get("activation_params")
    numbers = list(given.as_floats()) if given is not None else []
    numbers += [_number(node, f"activation_{key}", np.nan) for key in _ACTIVATIONS[name][len(numbers) :]]
    options = {key: number for key, number in zip(_ACTIVATIONS[name], numbers, strict=False) if not np.isnan(number)}
    return build.op(name, x, **options)


def _has(node: ir.Node, index: int) -> bool:
    return len(node.inputs) > index and node.inputs[index] is not None


def _number(node: ir.Node, name: str, default: float) -> float:
    attribute = node.attributes.get(name)
    return default if attribute is None else float(attribute.as_float())
