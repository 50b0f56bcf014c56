"""Functions that a model brings along, written out where they are called."""

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import onnx.inliner
import onnx.version_converter

from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx.checking import first_line


def inline_functions(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model without functions of its own; those of another opset are brought to the model's.

    Raises UnsupportedError for one that cannot be.
    """
    if not proto.functions:
        return proto
    functions = {(function.domain, function.name): function for function in proto.functions}
    for node in (*nodes_of(proto.graph), *(node for function in proto.functions for node in function.node)):
        function = functions.get((node.domain, node.op_type))
        if function is not None:
            write_defaults(node, function.attribute_proto)
    try:
        inlined = inline_typed(proto, lambda typed: onnx.inliner.inline_local_functions(typed, convert_version=True))
    except (RuntimeError, onnx.shape_inference.InferenceError, onnx.version_converter.ConvertError) as error:
        raise UnsupportedError(f"{path} has functions that cannot be written out: {first_line(error)}.") from error
    for node in nodes_of(inlined.graph):
        if (node.domain, node.op_type) in functions:
            raise UnsupportedError(f"{path} has a function {node.op_type!r} of an opset that cannot be converted.")
    return inlined


def inline_typed(proto: onnx.ModelProto, inline: Callable[[onnx.ModelProto], onnx.ModelProto]) -> onnx.ModelProto:
    """Inlines a model with all types at hand: the inliner asks for those of operands, and does not look at weights."""
    typed = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    count, listed = len(typed.graph.input), {value.name for value in typed.graph.input}
    for tensor in typed.graph.initializer:
        if tensor.name not in listed:
            typed.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    inlined = inline(typed)
    del inlined.graph.input[count:]
    return inlined


def write_defaults(node: onnx.NodeProto, defaults: "list[onnx.AttributeProto]") -> None:
    """Gives a node the attributes that it leaves to their defaults; bodies refer to them, and the inliner does not."""
    given = {attribute.name for attribute in node.attribute}
    node.attribute.extend(attribute for attribute in defaults if attribute.name not in given)


def nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those in branches and bodies among them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from nodes_of(inner)
