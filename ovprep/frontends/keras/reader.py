"""Turns a Keras file into a graph: walks the calls of its layers and lets the rule of each layer emit its nodes."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnx.checker
import onnx.shape_inference
import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.arguments import Values, lookup, options_for, resolve, tensors_in
from ovprep.frontends.keras.files import KerasFile, open_keras
from ovprep.frontends.keras.layers.entries import is_whole
from ovprep.frontends.keras.layers.layer import EmitModel, Layer
from ovprep.frontends.keras.layers.masking import called, without_idle_mask
from ovprep.frontends.keras.layers.registry import require_inputs, rule_for
from ovprep.frontends.keras.layers.scene import Mask, Scene
from ovprep.frontends.keras.legacy import major_of, modernize
from ovprep.frontends.keras.network import MODEL_CLASSES, LayerConfig, Network, TensorRef, parse_model
from ovprep.frontends.keras.operations import operation_for
from ovprep.frontends.keras.weights import MAX_ELEMENTS, LayerWeights, WeightStore
from ovprep.frontends.source import Source, sha256_of_all
from ovprep.graph.builder import Builder, new_model
from ovprep.graph.edit import remove_unused
from ovprep.graph.interface import interface_of
from ovprep.graph.names import unique_name
from ovprep.graph.origin import remember_layer, remember_tap
from ovprep.options import ReadOptions

_INPUT_TYPES = {
    "float32": ir.DataType.FLOAT,
    "int32": ir.DataType.INT32,
    "int64": ir.DataType.INT64,
    "bool": ir.DataType.BOOL,
}

_MAX_DEPTH = 20
"""Models inside models inside models: deeper than any real one, shallow enough for the stack."""


def read_keras(path: Path, options: ReadOptions | None = None) -> Source:
    """Reads a `.h5` or `.keras` file, or an architecture (`.json`) with the weights that the options name.

    Raises ModelError where the file is damaged or not consistent, UnsupportedError for what no rule covers.
    """
    reading = options or ReadOptions()
    scene = Scene(whole_layers=reading.whole_layers)
    with open_keras(path, reading.weights) as file:
        try:
            model, parameters = _read_model(file, scene)
        except RecursionError as error:
            raise UnsupportedError(f"{path} nests its configuration too deeply.") from error
        return Source(
            path=path,
            format=file.format,
            framework=f"keras {file.version}",
            runtime="keras",
            sha256=sha256_of_all(path, reading.weights),
            interface=interface_of(model),
            parameters=parameters,
            graph=model,
            warnings=tuple(dict.fromkeys(scene.warnings)),
            options=reading,
        )


def _read_model(file: KerasFile, scene: Scene) -> tuple[ir.Model, int]:
    """The graph, and the number of the model's parameters as Keras counts them."""
    architecture = modernize(file.architecture, file.version)
    network = parse_model(str(architecture.get("class_name")), architecture.get("config", {}))
    scene.old = major_of(file.version) < 3
    model = new_model(network.name)
    reader = _Reader(model.graph, network, file.weights, scene, depth=0)
    reader.read_model()
    remove_unused(model.graph)  # shapes that were computed, but are known
    return model, sum(reader.parameters.values())


class _Reader:
    """Emits one network into a graph; a model inside the model is read by a reader of its own."""

    def __init__(self, graph: ir.Graph, network: Network, weights: WeightStore, scene: Scene, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise UnsupportedError(f"The model nests models more than {_MAX_DEPTH} deep.")
        self.graph = graph
        self.network = network
        self.weights = weights.bind(
            [(layer.name, layer.class_name) for layer in network.layers.values() if not layer.is_operation]
        )
        self.scene = scene
        self.depth = depth
        self.parameters: dict[str, int] = {}
        """Number of scalars in the weights of each layer that was called, those of inner models under their path."""

    def read_model(self) -> None:
        """Emits the network with inputs and outputs of its own."""
        feeds = [self._input(self.network.layers[ref.layer]) for ref in self.network.inputs]
        if not feeds or not self.network.outputs:
            raise ModelError(f"The model {self.network.name!r} has no {'outputs' if feeds else 'inputs'}.")
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
            arguments = resolve(call.arguments, values, layer)
            options = resolve(call.options, values, layer)
            for index, value in enumerate(self._call(layer, arguments, options)):
                values[TensorRef(call.layer, call.index, index)] = value
                if self.depth == 0:
                    remember_tap(value, f"{layer.name}:{index}" if index else layer.name)
        self.weights.expect_no_strays()
        return [lookup(ref, values, "the model's output") for ref in self.network.outputs]

    def _call(self, layer: LayerConfig, arguments: Sequence[Any], options: Mapping[str, Any]) -> Sequence[ir.Value]:
        remember_layer(self.graph, layer.name, str(layer))
        options = without_idle_mask(layer.class_name, options)
        if layer.class_name in MODEL_CLASSES:
            self.scene.count_call(0)
            inputs = self._with_masks(tensors_in(arguments, layer), options.get("mask"), layer)
            options_for(None, layer, {name: value for name, value in options.items() if name != "mask"})
            return self._emit_model(layer.name)(layer, self.weights.nested(layer.name), inputs)
        if layer.is_function:
            operate = operation_for(layer)
            seen = Layer(layer, LayerWeights(layer.name, (), ()), Builder(self.graph, layer.name), self.scene)
            return self._checked(seen, lambda: operate(seen, *arguments, **options))
        rule = rule_for(layer)
        taken = options_for(rule, layer, options)
        inputs = tensors_in(arguments, layer)
        require_inputs(rule, layer, len(inputs))
        weights = self.weights.layer(layer.name)
        self.parameters[layer.name] = sum(array.size for array in weights.arrays)
        self.scene.count_call(self.parameters[layer.name])
        build = Builder(self.graph, layer.name)
        seen = Layer(layer, weights, build, self.scene, self._emit_model(layer.name))
        return self._checked(seen, lambda: called(rule, seen, inputs, taken), inputs)

    def _emit_model(self, holder: str) -> EmitModel:
        """What emits the model that the layer `holder` is, or has in it."""

        def emit(spec: LayerConfig, weights: WeightStore, inputs: Sequence[ir.Value]) -> Sequence[ir.Value]:
            inner = parse_model(spec.class_name, spec.config)
            reader = _Reader(self.graph, inner, weights, self.scene, self.depth + 1)
            outputs = reader.emit(inputs)
            self.parameters[holder] = 0  # in `.h5`, the weights of the holder are those of the model
            self.parameters |= {f"{holder}/{name}": count for name, count in reader.parameters.items()}
            return outputs

        return emit

    def _with_masks(self, inputs: list[ir.Value], given: Any, layer: LayerConfig) -> list[ir.Value]:
        """The inputs of a model, with the masks behind them that it is called with."""
        masks = given if isinstance(given, list) else [given] * (given is not None)
        if len(masks) > len(inputs):
            raise ModelError(f"Layer {layer} is called with {len(masks)} masks for {len(inputs)} tensors.")
        for value, mask in zip(inputs, masks, strict=False):
            if mask is not None:
                self.scene.masks[value] = _stated(mask, layer)
        return inputs

    def _checked(self, seen: Layer, rule: Callable[[], Any], inputs: Sequence[ir.Value] = ()) -> Sequence[ir.Value]:
        """The values that a rule gives, once they and the weights that it took make sense."""
        try:
            result = rule()
        except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError) as error:
            shapes = ", ".join(f"{list(seen.shape(value))}{_kind(value)}" for value in inputs)
            given = f"its input, which has the shape {shapes}" if shapes else "its arguments"
            raise ModelError(f"Layer {seen.spec} does not fit {given}.") from error
        seen.expect_no_more_weights()
        results = result if isinstance(result, tuple) else (result,)
        for value in results:
            _require_size(value, seen.spec)
        return results

    def _require_fed(self, layer: LayerConfig, values: Values) -> None:
        if TensorRef(layer.name, 0, 0) not in values:
            raise ModelError(f"The input {layer.name!r} is not among the model's inputs.")

    def _input(self, layer: LayerConfig) -> ir.Value:
        config = layer.config
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if not isinstance(shape, list) or not shape or not all(dim is None or is_whole(dim) for dim in shape):
            raise ModelError(f"The input {layer.name!r} has no shape that ovprep can read: {shape!r}.")
        dtype = config.get("dtype") or "float32"
        if not isinstance(dtype, str) or dtype not in _INPUT_TYPES:
            raise UnsupportedError(
                f"The input {layer.name!r} is of type {dtype}; ovprep takes {', '.join(_INPUT_TYPES)}."
            )
        several = len(self.network.inputs) > 1
        value = ir.val(layer.name, dtype=_INPUT_TYPES[dtype], shape=_named(shape, layer.name if several else ""))
        _require_size(value, layer)
        return value


def _stated(mask: Any, layer: LayerConfig) -> Mask:
    if not isinstance(mask, ir.Value):
        raise UnsupportedError(f"Layer {layer} is called with the mask {mask!r}, which ovprep does not handle.")
    return Mask(lambda: mask)


def _named(shape: Sequence[int | None], prefix: str) -> list[int | str]:
    """Names for the open axes of an input. No two have the same one, which would say that they are equally long."""
    time = f"{prefix}_time" if prefix else "time"
    dims: list[int | str] = []
    for axis, dim in enumerate(shape):
        number = 1 + shape[1:axis].count(None)
        name = "batch" if axis == 0 else time if number == 1 else f"{time}_{number}"
        dims.append(name if dim is None else dim)
    return dims


def _name_outputs(graph: ir.Graph, names: Sequence[str], outputs: Sequence[ir.Value]) -> None:
    """Gives each output of the graph the name of the layer that it comes from, as Keras does.

    A second output of one layer gets a number behind its name.
    """
    for name, value in zip(names, outputs, strict=True):
        own = value
        if value.is_graph_input() or value.is_graph_output():
            own = Builder(graph, name).op("Identity", value)
        own.name = unique_name(graph, name)
        graph.outputs.append(own)


def _kind(value: ir.Value) -> str:
    """How a tensor differs from what layers usually take."""
    return "" if value.dtype in (None, ir.DataType.FLOAT) else f" of type {str(value.dtype).lower()}"


def _require_size(value: ir.Value, layer: LayerConfig) -> None:
    """A tensor must hold something, and not so much that nothing could compute it."""
    sizes = [dim for dim in value.shape or () if isinstance(dim, int)]
    if min(sizes, default=1) < 1:
        raise ModelError(f"Layer {layer} gives an empty tensor, with the shape {_shown(value)}.")
    if math.prod(sizes) > MAX_ELEMENTS:
        raise UnsupportedError(f"Layer {layer} gives a tensor that is too large, with the shape {_shown(value)}.")


def _shown(value: ir.Value) -> str:
    return str([dim if isinstance(dim, int) else None for dim in value.shape or ()])
