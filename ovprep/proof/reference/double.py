"""The yardstick: the canonical graph in float64.

Every float in the graph (initialisers, constants, declared types, targets of casts) is raised to double, and the graph
is run by `onnx.reference.ReferenceEvaluator`, with the operators of `reference_ops` and `recurrences` in place of its
own. What remains between this run and a float32 run of the same graph is what rounding does to this very model.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.workers.arrays import Array

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

_FLOAT_KINDS = ("FLOAT", "FLOAT16", "BFLOAT16")
_SOFTMAX_OPSET = 13  # before it, Softmax flattened to two axes
_TYPE_ATTRIBUTES = {"Cast": "to", "EyeLike": "dtype", "SequenceEmpty": "dtype"}


class DoubleReference:
    """A graph ready to be run in float64."""

    def __init__(self, model: "ir.Model") -> None:
        """Prepares the run. Raises UnsupportedError for an operator that the evaluator does not have."""
        import onnx_ir as ir

        from ovprep.graph.storage import is_large, weight_bytes

        if is_large(model):
            gigabytes = weight_bytes(model) / 1e9
            raise UnsupportedError(f"The graph cannot be run in float64: it has {gigabytes:.1f} GB of weights.")
        proto = ir.to_proto(model)
        _refuse_wrong_forms(proto)
        self._evaluator = _evaluator(raised_to_double(proto))

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Outputs in float64, in the graph's own order, for inputs in the graph's own order and layouts.

        Raises UnsupportedError where the evaluator does not carry out an operator in the form it has here.
        """
        raised = [_raised_array(array) for array in inputs]
        try:
            outputs = _run(self._evaluator, dict(zip(self._evaluator.input_names, raised, strict=True)))
        # The evaluator raises what its NumPy code raises: any of these means that this graph is beyond it.
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise UnsupportedError(f"The graph cannot be run in float64: {error}") from error
        return [np.asarray(array) for array in outputs]


def _run(evaluator: Any, feeds: dict[str, Array]) -> Sequence[Array]:
    """The evaluator's own run, which keeps every tensor to the end, but where nothing looks back at them.

    For half a minute of speech that would be gigabytes.
    """
    nodes = evaluator.rt_nodes_
    if any(node.need_context() or node.has_linked_attribute for node in nodes):
        outputs: Sequence[Array] = evaluator.run(None, feeds)
        return outputs
    kept = {"", *evaluator.rt_inits_, *evaluator.output_names}
    last = {name: number for number, node in enumerate(nodes) for name in node.input}
    values = {"": None, **evaluator.rt_inits_, **feeds}
    for number, node in enumerate(nodes):
        given = node.run(*[values[name] for name in node.input])
        values.update(zip(node.output, given, strict=False))
        for name in set(node.input) - kept:
            if last[name] == number:
                del values[name]
    return [values[name] for name in evaluator.output_names]


def _evaluator(proto: "onnx.ModelProto") -> Any:
    from onnx.reference import ReferenceEvaluator

    from ovprep.proof.reference import ops as reference_ops
    from ovprep.proof.reference import recurrences

    try:
        return ReferenceEvaluator(proto, new_ops=[*reference_ops.OPERATORS, *recurrences.OPERATORS])
    except (RuntimeError, TypeError, ValueError, LookupError) as error:
        raise UnsupportedError(f"The graph cannot be run in float64: {error}") from error


def _refuse_wrong_forms(model: "onnx.ModelProto") -> None:
    """Raises UnsupportedError for what onnx 1.23 computes wrongly and `reference_ops` does not replace."""
    opset = next((entry.version for entry in model.opset_import if not entry.domain), 0)
    for node in model.graph.node:
        if node.op_type in ("Softmax", "LogSoftmax", "Hardmax") and opset < _SOFTMAX_OPSET:
            raise UnsupportedError(f"The graph cannot be run in float64: {node.op_type} of opset {opset}.")


def raised_to_double(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """A copy of the model in which every float32, float16 and bfloat16 is a float64."""
    import onnx

    raised = onnx.ModelProto()
    raised.CopyFrom(model)
    _raise_graph(raised.graph)
    for function in raised.functions:
        for node in function.node:
            _raise_node(node)
    return raised


def _raise_graph(graph: "onnx.GraphProto") -> None:
    for tensor in graph.initializer:
        _raise_tensor(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor_type = value.type.tensor_type
        tensor_type.elem_type = _raised_type(tensor_type.elem_type)
    for node in graph.node:
        _raise_node(node)


def _raise_node(node: "onnx.NodeProto") -> None:
    import onnx

    for attribute in node.attribute:
        for tensor in _tensors(attribute):
            _raise_tensor(tensor)
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            _raise_graph(graph)
        if attribute.name == _TYPE_ATTRIBUTES.get(node.op_type):
            attribute.i = _raised_type(attribute.i)
        if node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
            number = attribute.f if attribute.name == "value_float" else list(attribute.floats)
            tensor = onnx.numpy_helper.from_array(np.array(number, np.float64))
            attribute.CopyFrom(onnx.helper.make_attribute("value", tensor))


def _tensors(attribute: "onnx.AttributeProto") -> Iterator["onnx.TensorProto"]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors


def _raise_tensor(tensor: "onnx.TensorProto") -> None:
    import onnx

    if _raised_type(tensor.data_type) != tensor.data_type:
        array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _raised_type(code: int) -> int:
    import onnx

    kinds = onnx.TensorProto.DataType
    return int(kinds.Value("DOUBLE")) if code in [kinds.Value(kind) for kind in _FLOAT_KINDS] else code


def _raised_array(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
