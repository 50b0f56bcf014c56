"""Writes the whole graph as a Functional model."""

import re
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ovprep.emit.keras import rules  # noqa: F401  (fills the table)
from ovprep.emit.keras.registry import EMITTERS
from ovprep.emit.keras.writer import Writer
from ovprep.errors import UnsupportedError
from ovprep.graph.shapes import dims_of

if TYPE_CHECKING:
    import keras


def write_keras(model: ir.Model, name: str = "model") -> "keras.Model":
    """A `keras.Model` with the graph's inputs and outputs, in their order, and one layer or operation for each node.

    Raises UnsupportedError where Keras has no equal of a node.
    """
    writer = Writer(model.graph)
    inputs = [value for value in model.graph.inputs if not value.is_initializer()]
    for value in inputs:
        writer.set(value, _input(writer, value))
    for node in model.graph:
        made = _emitted(writer, node)
        tensors = made if isinstance(made, (list, tuple)) else [made]
        writer.name_operations(node, tensors)
        for value, tensor in zip(node.outputs, tensors, strict=False):
            writer.set(value, tensor)
    outputs = [writer.named_output(value) for value in model.graph.outputs]
    return writer.keras.Model(
        [writer.of(value) for value in inputs] if len(inputs) > 1 else writer.of(inputs[0]),
        outputs if len(outputs) > 1 else outputs[0],
        name=re.sub(r"\W+", "_", name) or "model",
    )


def _emitted(writer: Writer, node: ir.Node) -> Any:
    emit = EMITTERS.get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))
    if emit is None:
        raise writer.refusal(node, "is of a kind")
    try:
        return emit(writer, node)
    except (TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnsupportedError(f"Keras has no equal of {node.op_type} node {node.name!r}: {reason}") from error


def _input(writer: Writer, value: ir.Value) -> Any:
    if value.dtype is None or value.shape is None:
        raise UnsupportedError(f"Input {value.name!r} has no known type and rank, which Keras asks for.")
    dtype = value.dtype.numpy().name
    return writer.keras.Input(batch_shape=dims_of(value), dtype=dtype, name=writer.inputs[value])
