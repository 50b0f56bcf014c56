"""The architecture in a Keras file: which layers there are, and which calls of them make the model.

Sequential and Functional models both become a `Network`; nothing is built or executed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.calls import Call, parse_call, refs_in
from ovprep.frontends.keras.calls import TensorRef as TensorRef

MODEL_CLASSES = ("Functional", "Sequential", "Model")

FUNCTION_CLASSES = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
"""Layers of Keras 2 that stand for one function of TensorFlow."""

_OPERATIONS = "keras.ops"

OPERATION_CLASSES: set[str] = set()
"""Classes of operations that have a rule; the table of rules enters them here."""


_OWN_PACKAGES = ("", "builtins", "keras", "tf_keras", "tensorflow")


def is_custom(class_name: str, module: str, registered_name: str) -> bool:
    """Whether a class was registered under the name of a package, or comes from a module that is not Keras'."""
    return ">" in class_name or ">" in registered_name or module.split(".")[0] not in _OWN_PACKAGES


@dataclass(frozen=True)
class LayerConfig:
    """A layer as it stands in the file. `position` counts from 1, as a person would.

    `module` is where Keras 3 has the class, and `registered_name` the name with its package ("my_package>Scale") that a
    custom class was registered under; both are empty where the file does not say.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    position: int
    module: str = ""
    registered_name: str = ""

    @property
    def is_custom(self) -> bool:
        """Whether the file says that the class is not one of Keras', whatever its name."""
        return is_custom(self.class_name, self.module, self.registered_name)

    @property
    def is_operation(self) -> bool:
        """Whether this is an operation of `keras.ops` on tensors, which has a name like a layer's but no weights."""
        return self.module.startswith(("keras.src.ops", _OPERATIONS))

    @property
    def is_function(self) -> bool:
        """Whether this is a function, which is given the arguments of its call as they are, not tensors alone."""
        return self.is_operation or self.class_name in FUNCTION_CLASSES

    def __str__(self) -> str:
        return f"{self.name!r} ({self.class_name}, layer {self.position})"


@dataclass(frozen=True)
class Network:
    """A model's layers and the calls between them, in an order in which they can be computed."""

    name: str
    layers: Mapping[str, LayerConfig]
    calls: tuple[Call, ...]
    inputs: tuple[TensorRef, ...]
    outputs: tuple[TensorRef, ...]


def parse_model(class_name: str, config: Mapping[str, Any] | Sequence[Any]) -> Network:
    """Reads the configuration of a model.

    Raises ModelError where it is not consistent, UnsupportedError where the model is neither Sequential nor Functional.
    """
    try:
        if class_name == "Sequential":
            return _parse_sequential(config)
        if class_name in MODEL_CLASSES and isinstance(config, Mapping) and "layers" in config:
            return _parse_functional(config)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError) as error:
        raise ModelError(f"The model's configuration is not complete: {type(error).__name__} {error}.") from error
    raise UnsupportedError(
        f"The model is a {class_name}, whose computation is Python code that the file does not hold. "
        "ovprep reads Sequential and Functional models; export this one with model.export(folder), and convert that."
    )


def _layer_config(entry: Mapping[str, Any], position: int) -> LayerConfig:
    config = entry["config"]
    name = str(entry.get("name") or config["name"])
    class_name = str(entry["class_name"])
    if isinstance(config, list) and class_name in MODEL_CLASSES:
        config = {"layers": config}  # as Keras wrote a Sequential model until 2.2
    if not name or not name.isprintable() or not isinstance(config, Mapping):
        raise ModelError(f"Layer {position} of the model has no name or no configuration that ovprep can read.")
    module, registered_name = (str(entry.get(key) or "") for key in ("module", "registered_name"))
    if not module and _looks_like_operation(class_name, config, entry.get("inbound_nodes")):
        module = _OPERATIONS
    return LayerConfig(name, class_name, config, position, module, registered_name)


def _looks_like_operation(class_name: str, config: Mapping[str, Any], nodes: Any) -> bool:
    """An `.h5` file of Keras 3 does not say where a class is from, and `Add` is a layer as well as an operation.

    Every layer of Keras 3 states whether it is trainable; no operation does, and no input.
    """
    if class_name not in OPERATION_CLASSES:  # it may be a layer of somebody's own, which states what it likes
        return False
    written_by_keras_3 = isinstance(nodes, list) and bool(nodes) and isinstance(nodes[0], Mapping)
    return written_by_keras_3 and "trainable" not in config


def _layers_by_name(entries: Sequence[Mapping[str, Any]]) -> dict[str, LayerConfig]:
    layers: dict[str, LayerConfig] = {}
    for position, entry in enumerate(entries, 1):
        layer = _layer_config(entry, position)
        if layer.name in layers:
            raise ModelError(f"The model has two layers with the name {layer.name!r}.")
        layers[layer.name] = layer
    return layers


def _parse_sequential(config: Mapping[str, Any] | Sequence[Any]) -> Network:
    entries = config["layers"] if isinstance(config, Mapping) else config
    name = str(config.get("name", "sequential")) if isinstance(config, Mapping) else "sequential"
    layers = _layers_by_name(entries)
    if not layers:
        raise ModelError("The Sequential model has no layers.")
    first = next(iter(layers.values()))
    if first.class_name != "InputLayer":
        layers = {**_implied_input(first, config), **layers}
    calls = []
    previous: TensorRef | None = None
    for layer in layers.values():
        calls.append(Call(layer.name, 0, (previous,) if previous else (), {}))
        previous = TensorRef(layer.name, 0, 0)
    assert previous is not None
    return Network(name, layers, tuple(calls), (TensorRef(calls[0].layer, 0, 0),), (previous,))


def _implied_input(first: LayerConfig, config: Mapping[str, Any] | Sequence[Any]) -> dict[str, LayerConfig]:
    """A Sequential model may state its input shape in its first layer, or only where it was built."""
    shape = first.config.get("batch_input_shape") or first.config.get("batch_shape")
    if shape is None and isinstance(config, Mapping):
        shape = config.get("build_input_shape")
    if shape is None:
        raise ModelError(
            "The Sequential model was saved before it had an input shape; call it once, then save it again."
        )
    name = f"{first.name}_input"
    return {name: LayerConfig(name, "InputLayer", {"name": name, "batch_shape": shape}, 0)}


def _parse_functional(config: Mapping[str, Any]) -> Network:
    entries = config["layers"]
    layers = _layers_by_name(entries)
    calls = []
    for entry, layer in zip(entries, layers.values(), strict=True):
        nodes = entry.get("inbound_nodes") or [[]]
        calls += [parse_call(layer.name, index, node) for index, node in enumerate(nodes)]
    inputs = tuple(refs_in(_refs(config["input_layers"])))
    outputs = tuple(refs_in(_refs(config["output_layers"])))
    for ref in (*inputs, *outputs):
        if ref.layer not in layers:
            raise ModelError(f"The model gives or takes a tensor of {ref.layer!r}, which it does not have.")
    for ref in inputs:
        if layers[ref.layer].class_name != "InputLayer" or inputs.count(ref) > 1:
            raise ModelError(f"The model names {ref.layer!r} as an input, but it is no InputLayer, or is named twice.")
    listed = any(isinstance(node, list) and node for entry in entries for node in entry.get("inbound_nodes") or [])
    if listed:
        calls, outputs = _counted_from_zero(calls, outputs, layers)
    else:
        # Keras 3 counts the calls of a Functional model inside from one, but in the arguments of a call from zero.
        inside = {name for name, layer in layers.items() if layer.class_name in ("Functional", "Model")}
        outputs = tuple(replace(ref, call=ref.call - 1) if ref.layer in inside else ref for ref in outputs)
    return Network(str(config.get("name", "model")), layers, _in_order(calls, layers), inputs, outputs)


def _counted_from_zero(
    calls: Sequence[Call], outputs: Sequence[TensorRef], layers: Mapping[str, LayerConfig]
) -> tuple[list[Call], tuple[TensorRef, ...]]:
    """Keras 1 and 2 count the calls of most models inside from one, since building the model was a call as well.

    All calls in a file are taken by something, so a model whose first call nothing takes is one of those.
    """
    taken = [*outputs, *(ref for call in calls for ref in call.tensors())]
    first = {name: min((ref.call for ref in taken if ref.layer == name), default=0) for name in _models(layers)}

    def moved(value: Any) -> Any:
        if isinstance(value, TensorRef):
            return replace(value, call=value.call - 1) if first.get(value.layer) == 1 else value
        if isinstance(value, (list, tuple)):
            return type(value)(moved(item) for item in value)
        if isinstance(value, Mapping):
            return {key: moved(item) for key, item in value.items()}
        return value

    moved_calls = [replace(call, arguments=moved(call.arguments), options=moved(call.options)) for call in calls]
    return moved_calls, moved(tuple(outputs))


def _models(layers: Mapping[str, LayerConfig]) -> list[str]:
    return [name for name, layer in layers.items() if layer.class_name in MODEL_CLASSES]


def _refs(value: Any) -> Any:
    """`input_layers` and `output_layers`: one [name, call, tensor], a list of them, or a dictionary of them."""
    if isinstance(value, Mapping):
        return [_refs(value[key]) for key in sorted(value)]
    if len(value) == 3 and isinstance(value[0], str) and not isinstance(value[1], (str, list)):
        return TensorRef(value[0], int(value[1]), int(value[2]))
    return [_refs(item) for item in value]


def _in_order(calls: Sequence[Call], layers: Mapping[str, LayerConfig]) -> tuple[Call, ...]:
    """The calls sorted so that each comes after what it takes; linear in their number."""
    waiting: dict[tuple[str, int], int] = {}
    takers: dict[tuple[str, int], list[Call]] = {}
    ready: list[Call] = []
    for call in calls:
        sources = {(ref.layer, ref.call) for ref in call.tensors()}
        for layer, _ in sources:
            if layer not in layers:
                raise ModelError(f"Layer {call.layer!r} takes its input from {layer!r}, which the model does not have.")
        waiting[call.layer, call.index] = len(sources)
        for source in sources:
            takers.setdefault(source, []).append(call)
        if not sources:
            ready.append(call)
    ordered: list[Call] = []
    while len(ordered) < len(ready):
        call = ready[len(ordered)]
        ordered.append(call)
        for taker in takers.get((call.layer, call.index), ()):
            waiting[taker.layer, taker.index] -= 1
            if waiting[taker.layer, taker.index] == 0:
                ready.append(taker)
    if len(ordered) < len(calls):
        stuck = next(call for call in calls if waiting[call.layer, call.index])
        raise ModelError(f"Layer {stuck.layer!r} waits for a tensor that no layer gives.")
    return tuple(ordered)
