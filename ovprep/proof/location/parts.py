"""Single ops of a graph, and groups of them, as models of their own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.workers.arrays import Array

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir


class Parts:
    """A graph taken apart. Its ops have names, each its own."""

    def __init__(self, model: "ir.Model") -> None:
        """Raises UnsupportedError for a graph with more weights than fit into one message."""
        import onnx_ir as ir

        from ovprep.graph.storage import is_large

        if is_large(model):
            raise UnsupportedError("The graph is too large to be taken apart.")
        self._proto = ir.to_proto(model)
        graph = self._proto.graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = tuple(value.name for value in graph.input if value.name not in self._constants)
        self.nodes: Sequence[onnx.NodeProto] = graph.node
        self._by_name: dict[str, onnx.NodeProto] = {}
        for node in graph.node:
            if not node.name or node.name in self._by_name:
                node.name = node.output[0]
            self._by_name[node.name] = node
        self._places = {name: place for place, name in enumerate(self._by_name)}
        self._makers = {output: node.name for node in graph.node for output in node.output if output}

    def op_type(self, name: str) -> str:
        """The type of the op with this name."""
        return str(self._by_name[name].op_type)

    def maker(self, tensor: str) -> str | None:
        """The name of the op that makes a tensor; None for an input of the graph."""
        return self._makers.get(tensor)

    def gives(self, name: str) -> list[str]:
        """Names of the tensors that an op makes."""
        return [output for output in self._by_name[name].output if output]

    def place(self, name: str) -> int:
        """How many ops stand before the op with this name."""
        return self._places[name]

    def needs(self, name: str) -> list[str]:
        """Names of the tensors that an op takes, those that its branches take among them; constants left out."""
        taken = dict.fromkeys(_taken([self._by_name[name]]))
        return [one for one in taken if one not in self._constants]

    def model(
        self, names: Sequence[str], inputs: Mapping[str, Array], outputs: Mapping[str, Array | None]
    ) -> "onnx.ModelProto":
        """The ops with these names as a model, with the types of these arrays; an output of None has no type."""
        from onnx import helper

        nodes = [node for node in self.nodes if node.name in set(names)]
        taken = set(_taken(nodes))
        constants = [tensor for name, tensor in self._constants.items() if name in taken]
        given = [_typed(name, array) for name, array in inputs.items()]
        made = [_typed(name, array) for name, array in outputs.items()]
        graph = helper.make_graph(nodes, "op", given, made, constants)
        model = helper.make_model(graph, opset_imports=self._proto.opset_import, ir_version=self._proto.ir_version)
        model.functions.extend(self._proto.functions)
        return model

    def run(self, name: str, inputs: Mapping[str, Array], *, double: bool) -> dict[str, Array]:
        """The outputs of one op by name, in float64 or at the precision of its inputs.

        Raises UnsupportedError where `onnx.reference` does not carry it out in this form.
        """
        import onnx_ir as ir

        from ovprep.proof.reference.double import DoubleReference

        made = dict.fromkeys(self.gives(name))
        model = self.model([name], inputs, made)
        if double:
            outputs = DoubleReference(ir.from_proto(model)).run(list(inputs.values()))
        else:
            outputs = _in_its_own_precision(model, inputs)
        return dict(zip(made, outputs, strict=True))


def _typed(name: str, array: Array | None) -> Any:
    from onnx import ValueInfoProto, helper

    if array is None:
        return ValueInfoProto(name=name)
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _taken(nodes: Sequence["onnx.NodeProto"]) -> Iterator[str]:
    """Names that nodes take from outside: not what they make themselves, nor what their branches do."""
    made: set[str] = {""}
    for node in nodes:
        yield from (name for name in node.input if name not in made)
        for attribute in node.attribute:
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                own = {value.name for value in (*body.input, *body.initializer)}
                yield from (name for name in _taken(body.node) if name not in own and name not in made)
        made |= set(node.output)


def as_float32(array: Array) -> Array:
    """The array with float64 as float32."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _in_its_own_precision(model: "onnx.ModelProto", inputs: Mapping[str, Array]) -> list[Array]:
    from onnx.reference import ReferenceEvaluator

    from ovprep.proof.reference import ops as reference_ops
    from ovprep.proof.reference import recurrences

    try:
        outputs: Any = ReferenceEvaluator(model, new_ops=[*reference_ops.OPERATORS, *recurrences.OPERATORS]).run(
            None, dict(inputs)
        )
    # It raises what its NumPy code raises.
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise UnsupportedError(f"The op cannot be run: {error}") from error
    return [np.asarray(array) for array in outputs]
