"""The calls of layers as they stand in a file: which tensors and other values a layer is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_CONSTANT = "_CONSTANT_VALUE"
_ARRAY_TYPES = ("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


@dataclass(frozen=True)
class TensorRef:
    """The output number `tensor` of the call number `call` of a layer."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True)
class Call:
    """One call of a layer. `arguments` and `options` hold TensorRefs where the file has tensors."""

    layer: str
    index: int
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    def tensors(self) -> Iterator[TensorRef]:
        """All tensors that the call takes, in order."""
        yield from refs_in([self.arguments, list(self.options.values())])


def refs_in(value: Any) -> Iterator[TensorRef]:
    """The tensors in an argument, in order."""
    if isinstance(value, TensorRef):
        yield value
    elif isinstance(value, slice):
        yield from refs_in([value.start, value.stop, value.step])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs_in(item)


def parse_call(layer: str, index: int, node: Any) -> Call:
    """A node of Keras 3 has arguments; one of Keras 1 and 2 is a list of tensors, the options behind the first."""
    if isinstance(node, Mapping):
        return Call(layer, index, tuple(parse_argument(node["args"])), parse_argument(node.get("kwargs", {})))
    if node and isinstance(node[0], str):
        node = [node]  # as functions of TensorFlow have it, where a list of one tensor is not that tensor
    tensors = [_parse_first_argument(ref) for ref in node]
    first = _first_ref(node)
    options = first[3] if len(first) > 3 else {}
    arguments: tuple[Any, ...] = () if not tensors else (tensors[0],) if len(tensors) == 1 else (tensors,)
    return Call(layer, index, arguments, _parse_old_argument(options))


def parse_argument(value: Any) -> Any:
    """An argument as Keras 3 writes it: a tensor, an array, a slice, an ellipsis, or what JSON has."""
    if isinstance(value, list):
        return [parse_argument(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__keras_tensor__":
        layer, call, tensor = value["config"]["keras_history"]
        return TensorRef(str(layer), int(call), int(tensor))
    if kind in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
        if config["dtype"] not in _ARRAY_TYPES:
            raise ValueError(f"array of type {config['dtype']!r}")
        return np.array(config["value"], config["dtype"])
    if kind == "__slice__" and isinstance(config, Mapping):
        return slice(*(parse_argument(config.get(key)) for key in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    return {key: parse_argument(item) for key, item in value.items()}


def _first_ref(node: Any) -> Any:
    while node and isinstance(node[0], list):
        node = node[0]
    return node


def _parse_first_argument(value: Any) -> Any:
    """[layer, call, tensor, options], or ["_CONSTANT_VALUE", -1, value, options], or lists of such."""
    if isinstance(value[0], list):
        return [_parse_first_argument(item) for item in value]
    if value[0] == _CONSTANT:
        return _parse_old_argument(value[2])
    return TensorRef(str(value[0]), int(value[1]), int(value[2]))


def _parse_old_argument(value: Any) -> Any:
    """An argument as Keras 2 writes it: [layer, call, tensor] for a tensor, a mapping for a slice."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and all(type(number) is int for number in value[1:]):
            return TensorRef(value[0], value[1], value[2])
        return [_parse_old_argument(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__ellipsis__":
        return Ellipsis
    if value.keys() == {"start", "stop", "step"}:
        return slice(*(_parse_old_argument(value[key]) for key in ("start", "stop", "step")))
    return {key: _parse_old_argument(item) for key, item in value.items()}
