"""Brings a model to the canonical opset."""

from functools import partial
from pathlib import Path
from typing import Any

import onnx
import onnx.inliner
import onnx.version_converter
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx.checking import check, first_line
from ovprep.frontends.onnx.functions import inline_typed, nodes_of, write_defaults
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


def name_domain(proto: onnx.ModelProto) -> None:
    """Writes the domain of ONNX's own ops as runtimes know it: empty, where it is spelled out."""
    if not any(entry.domain == "ai.onnx" for entry in proto.opset_import):
        return
    named = (proto, *proto.functions)
    for entry in (entry for holder in named for entry in holder.opset_import if entry.domain == "ai.onnx"):
        entry.domain = ""
    bodies = (node for function in proto.functions for node in function.node)
    for node in (*nodes_of(proto.graph), *bodies):
        if node.domain == "ai.onnx":
            node.domain = ""


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
        proto = _without_newer_ops(proto)
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
    while newer := {node.op_type for node in nodes_of(proto.graph) if _is_newer(node, version)} - done:
        for node in nodes_of(proto.graph):
            if node.op_type in newer and _is_newer(node, version):
                options = onnx.defs.get_schema(node.op_type, version).attributes.values()
                write_defaults(node, [option.default_value for option in options if option.default_value.name])
        functions = [("", op_type) for op_type in newer]
        inline = partial(onnx.inliner.inline_selected_functions, function_ids=functions, inline_schema_functions=True)
        proto = inline_typed(proto, inline)
        done |= newer
    return proto


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
