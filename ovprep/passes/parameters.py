"""Gives parameters the names and the layouts that they have in PyTorch's modules."""

import re

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import Array, array_of, int_of, set_int
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.names import names_in
from ovprep.graph.parameters import LAYER, LINEAR, NAMED, LayerNames, parameters_of, places_of
from ovprep.graph.shapes import rank_of
from ovprep.passes.change import Change, counted

_NAMED = re.compile(r"(?P<layer>.+)\.(weight|bias|running_mean|running_var|gamma|beta|W|R|B)")
_PART = re.compile(r"(?!recurrent_)(?P<part>\w+)_kernel(_\d+)?")
"""Kernels of a layer that has several, as `depthwise_kernel`."""


def note_layers(model: ir.Model) -> Change | None:
    """Notes in each node that has parameters of which layer it is; the graph stays as it is.

    It must run before the layout is placed, which makes constants anew and a convolution of a Dense. Two calls of one
    layer have one name; of two layers with one name, the second gets a number.
    """
    names = LayerNames()
    for node in model.graph:
        node.metadata_props.pop(LAYER, None)  # of a file that was normalised before
    for node in model.graph:
        if LAYER in node.metadata_props:
            continue  # the bias of a Dense
        parameters = parameters_of(node)
        if not parameters:
            continue
        bias = _bias_behind(node) if node.op_type == "MatMul" else None
        if bias is not None:
            parameters["bias"] = _constant_of(bias)
        node.metadata_props[LAYER] = names.take(_layer_name(node, bias), parameters)
        if node.op_type == "MatMul":
            node.metadata_props[LINEAR] = "yes"
        if bias is not None:
            bias.metadata_props[LAYER] = node.metadata_props[LAYER]
    return None


def write_linears(model: ir.Model) -> Change | None:
    """A Dense has its weights as `[out, in]`, and its bias with them, where ONNX has an op for that.

    x [N, C] -> MatMul(w [C, F]) -> Add(b [1, F])
    becomes
    x [N, C] -> Gemm(w [F, C], b [F], transB=1)

    x [N, C, W] -> Conv(w [F, C, 1]) -> Add(b [1, F, 1])
    becomes
    x [N, C, W] -> Conv(w [F, C, 1], b [F])
    """
    graph = model.graph
    written = []
    for node in list(graph):
        flat = node.op_type == "MatMul" and bool(places_of(node)) and rank_of(node.inputs[0]) == 2
        pointwise = node.op_type == "Conv" and LINEAR in node.metadata_props
        upright = node.op_type == "Gemm" and bool(places_of(node)) and not int_of(node, "transB", 0)
        if not (flat or pointwise or upright):
            continue
        build = Builder(graph, str(node.name), before=node)
        bias = None if upright else _bias_behind(node)
        if not pointwise:
            node.op_type = "Gemm"
            set_int(node, "transB", 1)
            node.replace_input_with(1, build.constant(parameters_of(node)["weight"].T, "weights"))
        if bias is not None:
            node.resize_inputs(3)
            node.replace_input_with(2, build.constant(np.ravel(_constant_of(bias)), "bias"))
            replace_value(graph, bias.outputs[0], node.outputs[0])
        written.append(str(node.name))
    remove_unused(graph)
    return Change(f"wrote {counted(len(written), 'Dense layer')} as PyTorch does", tuple(written)) if written else None


def name_parameters(model: ir.Model) -> Change | None:
    """Calls parameters as the `state_dict` of a module does: `conv.weight`, `norm.running_mean`; it must run last."""
    graph = model.graph
    named: dict[str, tuple[ir.Value, Array]] = {}
    for node in graph:
        for parameter, index in places_of(node).items():
            layer = node.metadata_props.setdefault(LAYER, _layer_name(node, None))
            name, array = f"{layer}.{parameter}", parameters_of(node)[parameter]
            if name not in named or not np.array_equal(named[name][1], array):
                named[name] = Builder(graph).constant(array, name), array
            node.replace_input_with(index, named[name][0])
    remove_unused(graph)
    taken = set(names_in(graph))
    for name, (value, _) in named.items():
        if name not in taken:  # any more
            value.name = name
    model.metadata_props[NAMED] = "pytorch"
    return Change(f"named {counted(len(named), 'parameter')} as PyTorch does", tuple(named)) if named else None


def _bias_behind(node: ir.Node) -> ir.Node | None:
    """The Add that alone reads a Dense, with one number for each of its features."""
    uses = list(node.outputs[0].uses())
    user, index = uses[0] if len(uses) == 1 and not node.outputs[0].is_graph_output() else (None, 0)
    if user is None or user.op_type != "Add" or user.graph is not node.graph or len(node.inputs) > 2:
        return None
    array, weights, rank = array_of(user.inputs[1 - index]), array_of(node.inputs[1]), rank_of(node.outputs[0])
    if array is None or weights is None or rank is None or array.ndim > rank:
        return None
    axis, features = (1, weights.shape[0]) if node.op_type == "Conv" else (rank - 1, weights.shape[-1])
    full = (1,) * (rank - array.ndim) + array.shape
    return user if full == tuple(features if place == axis else 1 for place in range(rank)) else None


def _constant_of(node: ir.Node) -> Array:
    return next(array for value in node.inputs if (array := array_of(value)) is not None)


def _layer_name(node: ir.Node, bias: ir.Node | None) -> str:
    """`encoder.conv` for `encoder.conv.weight`, as PyTorch names it, or `encoder/conv/kernel`; else by the node."""
    values = [node.inputs[index] for index in places_of(node).values()] + list(bias.inputs if bias else ())
    names = [str(value.name) for value in values if value is not None and value.is_initializer()]
    for name in names:
        if found := _NAMED.fullmatch(name):
            return _valid(found["layer"])
    scope, _, last = names[0].rpartition("/")
    if scope in ("", node.name):  # a constant that a pass has made
        scope = re.sub(rf"/{node.op_type}(_\d+)?$", "", str(node.name))
    part = _PART.fullmatch(last)
    return _valid(f"{scope}/{part['part']}" if part else scope)


def _valid(path: str) -> str:
    """A path of attributes of modules: `encoder/conv-1` is `encoder.conv_1`."""
    parts = [re.sub(r"\W", "_", part) for part in re.split(r"[/.]", path)]
    return ".".join(part for part in parts if part) or "layer"
