"""Brings a model to the canonical opset."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnx.inliner
import onnx.version_converter
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx.checking import check, first_line
from ovprep.graph.builder import OPSET, Builder
from ovprep.graph.constants import array_of

_OLDEST_OPSET = 18
"""Since opset 18 reductions take their axes as an input, as the passes write them."""

_BROADCASTING_SLOPES = 7
"""Since opset 7 the slope of a PRelu broadcasts from the right; before, it was one number for each channel."""


_REFUSALS = (
    RuntimeError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    onnx.version_converter.ConvertError,
)


def opset_of(proto: onnx.ModelProto) -> int:
    """The version of ONNX's own ops that the model is written in."""
    return next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1)


def to_canonical_opset(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model with its opset raised, or lowered where nothing in it needs a newer one.

    Raises UnsupportedError where an older opset cannot be raised, and the passes cannot live with it.
    """
    opset = opset_of(proto)
    if opset > OPSET:
        return _lowered(proto)
    if opset == OPSET:
        return proto
    try:
        return onnx.version_converter.convert_version(proto, OPSET)
    except _REFUSALS as error:
        if opset < _OLDEST_OPSET:
            raise UnsupportedError(
                f"{path} has opset {opset}, which cannot be raised to {OPSET} ({first_line(error)}). "
                f"Export it with opset {_OLDEST_OPSET} or newer."
            ) from error
    return proto


def _lowered(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the canonical opset, and in its own where an op, or an option of one, has no equal there."""
    try:
        proto = _without_newer_ops(
            onnx.shape_inference.infer_shapes(proto, data_prop=True)
        )  # bodies tell less of shapes
        lowered = onnx.version_converter.convert_version(proto, OPSET)
        check(lowered)  # the converter leaves newer options alone
    except _REFUSALS:
        return proto
    return lowered


def _without_newer_ops(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the ops that the canonical opset lacks written out, as ONNX defines them by older ones.

    RMSNormalization, Attention, RotaryEmbedding, Swish and others; bodies may hold more of them.
    """
    version = opset_of(proto)
    done: set[str] = set()
    while newer := {node.op_type for node in _nodes_of(proto.graph) if _is_newer(node, version)} - done:
        # The inliner asks for the types of all operands, and finds those of inputs alone.
        count, listed = len(proto.graph.input), {value.name for value in proto.graph.input}
        for tensor in proto.graph.initializer:
            if tensor.name not in listed:
                proto.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        for node in _nodes_of(proto.graph):
            if node.op_type in newer and _is_newer(node, version):
                _write_defaults(node, version)
        functions = [("", op_type) for op_type in newer]
        proto = onnx.inliner.inline_selected_functions(proto, functions, inline_schema_functions=True)
        del proto.graph.input[count:]
        done |= newer
    return proto


def _write_defaults(node: onnx.NodeProto, version: int) -> None:
    """Gives a node the attributes that it leaves to their defaults, which bodies refer to and the inliner forgets."""
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type, version).attributes.items():
        if name not in given and attribute.default_value.name:
            node.attribute.append(attribute.default_value)


def _is_newer(node: onnx.NodeProto, version: int) -> bool:
    """Whether a node is one that the canonical opset does not have, and that is defined by others."""
    if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type, version):
        return False
    schema: Any = onnx.defs.get_schema(node.op_type, version)  # typed in part
    if not (schema.has_function or schema.has_context_dependent_function):
        return False
    if not onnx.defs.has(node.op_type, OPSET):
        return True
    known = onnx.defs.get_schema(node.op_type, OPSET).attributes
    return any(attribute.name not in known for attribute in node.attribute)


def _nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes_of(inner)


def raise_slopes(graph: ir.Graph, opset: int) -> None:
    """Gives slopes of old PRelus the rank that they broadcast with today, which onnx's converter leaves out."""
    if opset >= _BROADCASTING_SLOPES:
        return
    for node in [node for node in graph if node.op_type == "PRelu"]:
        x, slope = node.inputs
        array = array_of(slope)
        if x is None or x.shape is None or array is None or array.ndim != 1 or array.size == 1:
            continue
        build = Builder(graph, str(node.name), before=node)
        node.replace_input_with(1, build.constant(array.reshape(-1, *(1,) * (len(x.shape) - 2)), "slope"))
