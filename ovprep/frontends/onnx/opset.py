"""Brings a model to the canonical opset."""

from pathlib import Path

import onnx
import onnx.version_converter
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx.messages import first_line
from ovprep.graph.builder import OPSET, Builder
from ovprep.graph.constants import array_of

_OLDEST_OPSET = 18
"""Since opset 18 reductions take their axes as an input, as the passes write them."""

_BROADCASTING_SLOPES = 7
"""Since opset 7 the slope of a PRelu broadcasts from the right; before, it was one number for each channel."""


def opset_of(proto: onnx.ModelProto) -> int:
    """The version of ONNX's own ops that the model is written in."""
    return next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1)


def to_canonical_opset(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model with its opset raised.

    Raises UnsupportedError where that cannot be, and the passes cannot live with the opset that it has.
    """
    opset = opset_of(proto)
    if opset >= OPSET:
        return proto
    try:
        return onnx.version_converter.convert_version(proto, OPSET)
    except (RuntimeError, onnx.version_converter.ConvertError) as error:
        if opset < _OLDEST_OPSET:
            raise UnsupportedError(
                f"{path} has opset {opset}, which cannot be raised to {OPSET} ({first_line(error)}). "
                f"Export it with opset {_OLDEST_OPSET} or newer."
            ) from error
    return proto


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
