"""Adds nodes to a graph, each with its output's shape and type known at once."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import ArrayLike

from ovprep.graph.names import unique_name

OPSET = 21
"""The canonical opset: the newest that ONNX Runtime and OpenVINO's frontend both carry in full."""
IR_VERSION = 10

# Shape-carrying constants (targets of Reshape, pads, axes, scales) are handed to inference by value; weights are not.
_SHAPE_DATA_LIMIT = 64
_SHAPE_TYPES = (ir.DataType.INT64, ir.DataType.FLOAT)

# Ops that onnx defines as functions, without an inference of their own.
_SHAPE_OF_INPUT = frozenset({"GroupNormalization", "MeanVarianceNormalization"})


def new_model(name: str, opset: int = OPSET) -> ir.Model:
    """An empty model with the canonical opset."""
    graph = ir.Graph([], [], nodes=[], opset_imports={"": opset}, name=name)
    return ir.Model(graph, ir_version=IR_VERSION, producer_name="ovprep")


def infer_outputs(node: ir.Node, opsets: dict[str, int]) -> None:
    """Sets shape and type of the node's outputs, as the ONNX specification has them.

    An operator without a registered schema keeps unknown outputs. Raises onnx.shape_inference.InferenceError where the
    inputs do not fit the operator.
    """
    version = opsets.get(node.domain, 1)
    if not onnx.defs.has(node.op_type, version, node.domain):
        return
    if node.op_type in _SHAPE_OF_INPUT and node.inputs[0] is not None:
        node.outputs[0].type, node.outputs[0].shape = node.inputs[0].type, node.inputs[0].shape
        return
    schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    for value in node.inputs:
        if value is None:
            continue
        if value.name is None or value.type is None:
            return  # as behind an op of a domain that nothing is known of
        types[value.name] = _type_proto(value)
        constant = value.const_value
        if constant is not None and constant.size <= _SHAPE_DATA_LIMIT and constant.dtype in _SHAPE_TYPES:
            data[value.name] = ir.to_proto(constant)
    found = onnx.shape_inference.infer_node_outputs(
        schema,
        ir.to_proto(node),
        types,
        data,
        opset_imports=[onnx.helper.make_opsetid(domain, number) for domain, number in opsets.items()],
    )
    for output in node.outputs:
        if output.name in found:
            output.type = ir.serde.deserialize_type_proto_for_type(found[output.name])
            output.shape = ir.serde.deserialize_type_proto_for_shape(found[output.name])


def _type_proto(value: ir.Value) -> onnx.TypeProto:
    proto = onnx.TypeProto()
    if value.type is not None:
        ir.serde.serialize_type_into(proto, value.type)
    if value.shape is not None:
        ir.serde.serialize_shape_into(proto, value.shape)
    return proto


class Builder:
    """Appends nodes to a graph, or inserts them before or after a given node.

    `scope` names what the nodes come from (a Keras layer, a pass); node names start with it.
    """

    def __init__(
        self, graph: ir.Graph, scope: str = "", *, before: ir.Node | None = None, after: ir.Node | None = None
    ) -> None:
        self.graph = graph
        self.before = before
        self.after = after
        self.scope = scope

    def op(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Adds a node with one output and returns that output; attributes that are None are left out."""
        return self.ops(op_type, *inputs, outputs=1, **attributes)[0]

    def ops(self, op_type: str, *inputs: ir.Value | None, outputs: int, **attributes: Any) -> tuple[ir.Value, ...]:
        """Adds a node with several outputs and returns them."""
        given = {key: value for key, value in attributes.items() if value is not None}
        name = unique_name(self.graph, f"{self.scope}/{op_type}" if self.scope else op_type)
        present = list(inputs)
        while present and present[-1] is None:
            present.pop()
        node = ir.node(op_type, present, attributes=given, num_outputs=outputs, name=name)
        for index, output in enumerate(node.outputs):
            output.name = name if index == 0 else f"{name}:{index}"
        self._insert(node)
        infer_outputs(node, self.graph.opset_imports)
        return tuple(node.outputs)

    def _insert(self, node: ir.Node) -> None:
        if self.after is not None:
            self.graph.insert_after(self.after, node)
            self.after = node
        elif self.before is not None:
            self.graph.insert_before(self.before, node)
        else:
            self.graph.append(node)

    def constant(self, array: ArrayLike, name: str = "constant") -> ir.Value:
        """Adds an initialiser. Arrays keep their type; give float32 for weights, int64 for shapes."""
        contiguous = np.ascontiguousarray(array).reshape(np.shape(array))
        unique = unique_name(self.graph, f"{self.scope}/{name}" if self.scope else name)
        tensor = ir.tensor(contiguous, name=unique)
        value = ir.val(unique, const_value=tensor)
        self.graph.register_initializer(value)
        return value

    def ints(self, *numbers: int, name: str = "ints") -> ir.Value:
        """Adds a rank-1 int64 initialiser."""
        return self.constant(np.array(numbers, np.int64), name)
