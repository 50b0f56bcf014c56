"""Turns a Keras file into a graph: walks the calls of its layers and lets the rule of each layer emit its nodes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.files import open_keras
from ovprep.frontends.keras.layers import Layer, rule_for
from ovprep.frontends.keras.network import MODEL_CLASSES, Call, LayerConfig, Network, TensorRef, parse_model
from ovprep.frontends.keras.weights import WeightStore
from ovprep.frontends.source import Source, sha256_of
from ovprep.graph.builder import Builder, new_model
from ovprep.graph.interface import interface_of

Values = dict[TensorRef, ir.Value]

_MAX_DEPTH = 20
"""Models inside models inside models: deeper than any real one, shallow enough for the stack."""


def read_keras(path: Path) -> Source:
    """Reads a `.h5` or `.keras` file.

    Raises ModelError where the file is damaged or not consistent, UnsupportedError for what no rule covers.
    """
    with open_keras(path) as file:
        architecture = file.architecture
        network = parse_model(str(architecture.get("class_name")), architecture.get("config", {}))
        model = new_model(network.name)
        _Reader(model.graph, network, file.weights, depth=0).read_model()
        return Source(
            path=path,
            format=file.format,
            framework=f"keras {file.version}",
            runtime="keras",
            sha256=sha256_of(path),
            interface=interface_of(model),
            graph=model,
        )


class _Reader:
    """Emits one network into a graph; a model inside the model is read by a reader of its own."""

    def __init__(self, graph: ir.Graph, network: Network, weights: WeightStore, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise UnsupportedError(f"The model nests models more than {_MAX_DEPTH} deep.")
        self.graph = graph
        self.network = network
        self.weights = weights.bind([(layer.name, layer.class_name) for layer in network.layers.values()])
        self.depth = depth

    def read_model(self) -> None:
        """Emits the network with inputs and outputs of its own."""
        feeds = [self._input(self.network.layers[ref.layer]) for ref in self.network.inputs]
        self.graph.inputs.extend(feeds)
        outputs = self.emit(feeds)
        _name_outputs(self.graph, [ref.layer for ref in self.network.outputs], outputs)

    def emit(self, feeds: Sequence[ir.Value]) -> list[ir.Value]:
        """Emits the network's nodes, given the values of its inputs; returns the values of its outputs."""
        if len(feeds) != len(self.network.inputs):
            raise ModelError(
                f"The model {self.network.name!r} has {len(self.network.inputs)} inputs but is given {len(feeds)}."
            )
        values: Values = dict(zip(self.network.inputs, feeds, strict=True))
        for call in self.network.calls:
            layer = self.network.layers[call.layer]
            if layer.class_name == "InputLayer":
                self._require_fed(layer, values)
                continue
            arguments = _resolve(call.arguments, values, layer)
            for index, value in enumerate(self._call(layer, call, arguments)):
                values[TensorRef(call.layer, call.index, index)] = value
        return [_lookup(ref, values, "the model's output") for ref in self.network.outputs]

    def _call(self, layer: LayerConfig, call: Call, arguments: Sequence[Any]) -> Sequence[ir.Value]:
        inputs = [value for value in _flatten(arguments) if isinstance(value, ir.Value)]
        if layer.class_name in MODEL_CLASSES:
            inner = parse_model(layer.class_name, layer.config)
            reader = _Reader(self.graph, inner, self.weights.nested(layer.name), self.depth + 1)
            return reader.emit(inputs)
        _refuse_options(layer, call.options)
        rule = rule_for(layer)
        build = Builder(self.graph, layer.name)
        result = rule(Layer(layer, self.weights.layer(layer.name), build), *inputs)
        return result if isinstance(result, tuple) else (result,)

    def _require_fed(self, layer: LayerConfig, values: Values) -> None:
        if TensorRef(layer.name, 0, 0) not in values:
            raise ModelError(f"The input {layer.name!r} is not among the model's inputs.")

    def _input(self, layer: LayerConfig) -> ir.Value:
        config = layer.config
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if not isinstance(shape, list) or not all(dim is None or isinstance(dim, int) for dim in shape):
            raise ModelError(f"The input {layer.name!r} has no shape that ovprep can read: {shape!r}.")
        dtype = config.get("dtype") or "float32"
        if not isinstance(dtype, str) or dtype not in ("float32", "int32", "int64"):
            raise UnsupportedError(f"The input {layer.name!r} is of type {dtype}; ovprep converts float32 models.")
        several = len(self.network.inputs) > 1
        dims = [
            _open_dim(axis, layer.name if several else "") if dim is None else dim for axis, dim in enumerate(shape)
        ]
        return ir.val(layer.name, dtype=ir.DataType.from_numpy(np.dtype(dtype)), shape=dims)


def _open_dim(axis: int, prefix: str) -> str:
    if axis == 0:
        return "batch"
    return f"{prefix}_time" if prefix else "time"


def _name_outputs(graph: ir.Graph, names: Sequence[str], outputs: Sequence[ir.Value]) -> None:
    """Gives each output of the graph the name of the layer that it comes from, as Keras does."""
    taken = {value.name for value in graph.inputs}
    for name, value in zip(names, outputs, strict=True):
        own = value
        if value.is_graph_input() or value.is_graph_output():
            own = Builder(graph, name).op("Identity", value)
        unique = name if name not in taken else f"{name}_output"
        taken.add(unique)
        own.name = unique
        graph.outputs.append(own)


def _resolve(argument: Any, values: Values, layer: LayerConfig) -> Any:
    if isinstance(argument, TensorRef):
        return _lookup(argument, values, str(layer))
    if isinstance(argument, (list, tuple)):
        return [_resolve(item, values, layer) for item in argument]
    return argument


def _lookup(ref: TensorRef, values: Values, wanted_by: str) -> ir.Value:
    if ref not in values:
        raise ModelError(f"Layer {wanted_by} takes output {ref.tensor} of {ref.layer!r}, which does not exist.")
    return values[ref]


def _flatten(arguments: Any) -> Sequence[Any]:
    if isinstance(arguments, (list, tuple)):
        return [leaf for item in arguments for leaf in _flatten(item)]
    return [arguments]


def _refuse_options(layer: LayerConfig, options: Mapping[str, Any]) -> None:
    """Options of a call that would change the result, such as a mask, must not be dropped in silence."""
    given = sorted(name for name, value in options.items() if value not in (None, False))
    if given:
        raise UnsupportedError(f"Layer {layer} is called with {', '.join(given)}, which ovprep does not handle.")
