"""What the rules write with: the tensors made so far, and layers with names and weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.naming import Names, base_name, names_of_inputs, valid
from ovprep.errors import MissingDependencyError, UnsupportedError
from ovprep.graph.constants import Array, array_of, ints_of
from ovprep.graph.shapes import dims_of

Tensor = Any
"""A `keras.KerasTensor`, for which there are no types."""


class Writer:
    """Writes one graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self.keras = keras = _keras()
        self.layers, self.ops = keras.layers, keras.ops
        self._tensors: dict[ir.Value, Tensor] = {}
        self._outputs = {value: valid(str(value.name)) for value in graph.outputs}
        self.inputs = names_of_inputs(graph)
        self.names = Names({*self.inputs.values(), *self._outputs.values()})
        self._named: set[str] = set()
        self._seen: dict[int, Any] = {}

    def set(self, value: ir.Value, tensor: Tensor) -> None:
        """Notes the tensor of a value."""
        self._tensors[value] = tensor

    def of(self, value: ir.Value | None) -> Tensor | Array:
        """The tensor of a computed value, or the array of a constant."""
        array = array_of(value)
        return array if array is not None or value is None else self._tensors[value]

    def first(self, node: ir.Node) -> Tensor:
        """The tensor that a node works on; refuses a constant, which no Keras layer takes."""
        return self.tensor(node, 0)

    def tensor(self, node: ir.Node, index: int) -> Tensor:
        """The tensor of an input that must be computed."""
        if array_of(node.inputs[index]) is not None:
            raise self.refusal(node, "works on a constant")
        return self.of(node.inputs[index])

    def array(self, node: ir.Node, index: int, what: str) -> Array:
        """A constant that a node must have as its input number `index`."""
        array = array_of(node.inputs[index]) if index < len(node.inputs) else None
        if array is None:
            raise self.refusal(node, f"has {what} that are not constant")
        return array

    def optional(self, node: ir.Node, index: int, what: str) -> Array | None:
        """A constant that a node may have."""
        if index >= len(node.inputs) or node.inputs[index] is None:
            return None
        return self.array(node, index, what)

    def ints(self, node: ir.Node, name: str, index: int) -> tuple[int, ...]:
        """Integers that a node must have as an attribute or as a constant."""
        found = ints_of(node, name, index)
        if found is None:
            raise self.refusal(node, f"has {name} that are not constant")
        return found

    def layer(
        self,
        node: ir.Node,
        kind: str,
        x: Tensor,
        weights: Sequence[Array] = (),
        suffix: str = "",
        inner: bool = False,
        **config: Any,
    ) -> Tensor:
        """What a new layer makes of a tensor, or of several.

        The layer that makes an output of the model has the output's name; one that is `inner` is not the node's last.
        A suffix is for those that only help.
        """
        made = getattr(self.layers, kind)(name=self.name(node, suffix, inner), **self.precision(x), **config)
        return self.call(made, x, weights)

    def precision(self, x: Tensor) -> dict[str, str]:
        """The type that a layer computes in, where it is not Keras' own: else it would cast what it is given."""
        kind = str((x[0] if isinstance(x, (list, tuple)) else x).dtype)
        return {"dtype": kind} if kind in ("float16", "float64") else {}

    def call(self, layer: Any, x: Tensor, weights: Sequence[Array] = (), **inputs: Any) -> Tensor:
        """What a layer makes of a tensor, once it has its weights."""
        result = layer(x, **inputs)
        if weights:
            layer.set_weights([np.ascontiguousarray(array) for array in weights])
        return result

    def name(self, node: ir.Node, suffix: str = "", inner: bool = False) -> str:
        """A name for a layer that is made of a node."""
        output = next((self._outputs[value] for value in node.outputs if value in self._outputs), None)
        if output is not None and not inner and output not in self._named:
            self._named.add(output)
            return output
        return self.names.take(f"{base_name(node)}_{suffix}" if suffix else base_name(node))

    def name_operations(self, node: ir.Node, tensors: Sequence[Tensor]) -> None:
        """Gives the operations that were made of a node its name; those that Keras makes up may be a layer's too."""
        waiting = [tensor for tensor in tensors if hasattr(tensor, "_keras_history")]
        final = True
        while waiting:
            history = waiting.pop()._keras_history
            operation = history.operation
            if id(operation) in self._seen:
                continue
            self._seen[id(operation)] = operation
            if not isinstance(operation, self.layers.Layer):
                operation.name = self.name(node) if final else self.names.take(f"{base_name(node)}_{operation.name}")
            final = False
            waiting += operation._inbound_nodes[history.node_index].input_tensors

    def named_output(self, value: ir.Value) -> Tensor:
        """An output of the model, by the name that it had."""
        if array_of(value) is not None:
            raise UnsupportedError(f"Output {value.name!r} is a constant, which a Keras model cannot give; remove it.")
        tensor: Tensor = self.of(value)
        name = self._outputs[value]
        if tensor._keras_history.operation.name == name:
            return tensor
        free = self.names.take(name) if name in self._named else name
        self._named.add(name)
        return self.layers.Identity(name=free, **self.precision(tensor))(tensor)

    def refusal(self, node: ir.Node, why: str) -> UnsupportedError:
        """The sentence for a node that has no equal in Keras; `why` follows its name."""
        return UnsupportedError(
            f"{node.op_type} node {node.name!r} {why}, for which ovprep has no exact Keras layer; "
            "convert the model to OpenVINO or ONNX, or change the node."
        )


def _keras() -> Any:
    """Keras 3. Raises MissingDependencyError without it."""
    try:
        import keras
    except ImportError as error:
        raise MissingDependencyError(
            f"Keras does not load ({error}), so no Keras model can be written; install keras and tensorflow."
        ) from error
    if not hasattr(keras, "ops"):
        raise MissingDependencyError(f"Keras {keras.__version__} has no keras.ops; install Keras 3.")
    return keras


def shape_of(value: ir.Value | None) -> tuple[int | None, ...]:
    """The shape of a value, which the passes have found."""
    assert value is not None
    return dims_of(value)
