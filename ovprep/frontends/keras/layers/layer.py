"""What a layer rule is given: the configuration, the weights, and a builder for the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError, UnsupportedError
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.weights import Array, LayerWeights
from ovprep.graph.builder import Builder

_LARGEST_FLOAT = float(np.finfo(np.float32).max)


@dataclass
class Scene:
    """What all layers of one file share while it is read."""

    warnings: list[str] = field(default_factory=list)


class Layer:
    """One call of a layer, as its rule sees it: the configuration, the weights, and a builder for the nodes."""

    def __init__(self, spec: LayerConfig, weights: LayerWeights, build: Builder, scene: Scene) -> None:
        _require_float32(spec)
        self.spec = spec
        self.build = build
        self.scene = scene
        self._weights = weights
        self._took = False

    @property
    def channels_first(self) -> bool:
        """Whether the layer's tensors are NCW."""
        return self.choice("data_format", ("channels_last", "channels_first")) == "channels_first"

    def get(self, key: str, default: Any = None) -> Any:
        """An entry of the configuration; the default also where the entry is null."""
        value = self.spec.config.get(key)
        return default if value is None else value

    def number(self, key: str, default: float | None = None) -> float:
        """A numeric entry; Keras 3 stores some of them as {"class_name": "__numpy__", "config": {"value": …}}."""
        value = self.get(key, default)
        if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
            value = value["config"].get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LARGEST_FLOAT:
            raise self.invalid(key)
        return float(value)

    def whole(self, key: str, default: int | None = None, *, least: int | None = None) -> int:
        """An entry that is one integer, or a list of one; `least` is the smallest that makes sense."""
        value = self.get(key, default)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not is_whole(value) or (least is not None and value < least):
            raise self.invalid(key)
        return int(value)

    def wholes(self, key: str, number: int, default: int | None = None, *, least: int | None = None) -> tuple[int, ...]:
        """An entry that is a list of so many integers, or one that stands for all of them."""
        value = self.get(key, default)
        items = value if isinstance(value, list) else [value] * number
        if len(items) == 1:
            items = items * number
        if len(items) != number or not all(is_whole(item) and (least is None or item >= least) for item in items):
            raise self.invalid(key)
        return tuple(items)

    def axis(self, rank: int) -> int:
        """The entry `axis` of a tensor of that rank, counted from the front; the last one where there is no entry."""
        axis = self.whole("axis", -1)
        if not -rank <= axis < rank:
            raise self.invalid("axis")
        return axis % rank

    def flag(self, key: str, default: bool) -> bool:
        """An entry that is true or false; Keras takes, and stores, 1 and 0 as well."""
        value = self.get(key, default)
        if not isinstance(value, bool) and not (isinstance(value, int) and value in (0, 1)):
            raise self.invalid(key)
        return bool(value)

    def choice(self, key: str, words: Sequence[str]) -> str:
        """An entry that is one of the words, in any case; the first of them where there is no entry."""
        value = self.get(key, words[0])
        if not isinstance(value, str) or value.lower() not in words:
            raise self.invalid(key)
        return value.lower()

    def pair(self, key: str) -> tuple[int, int]:
        """An entry that is one integer, zero or more, for both ends, or a list of two."""
        value = self.get(key, [1, 1])
        both = value if isinstance(value, list) else [value, value]
        if len(both) != 2 or not all(is_whole(item) and item >= 0 for item in both):
            raise self.invalid(key)
        return both[0], both[1]

    def stores(self, weight: str) -> bool:
        """Whether the file has a weight of that name; false where it has no names."""
        return weight in (self._weights.names or ())

    def take(self, **shapes: tuple[int, ...]) -> dict[str, Array]:
        """The layer's weights; see `LayerWeights.take`."""
        self._took = True
        return self._weights.take(**shapes)

    def inner(self, key: str, attribute: str, *, prefix: str | None = None, **changes: Any) -> "Layer":
        """The layer that stands under an entry of the configuration, with some of its own entries changed.

        Keras keeps it as `attribute`. With a prefix it has a name of its own, by which `.h5` has its weights.
        """
        stated = self.get(key)
        config = stated.get("config") if isinstance(stated, Mapping) else None
        if not isinstance(stated, Mapping) or not isinstance(config, Mapping):
            raise self.invalid(key)
        name = str(config.get("name", key))
        if prefix is not None:
            name = prefix + name.removeprefix("forward_")
        spec = LayerConfig(name, str(stated.get("class_name")), {**config, **changes}, self.spec.position)
        self._took = True
        weights = self._weights.part(attribute, None if attribute == "layer" else name)
        return Layer(spec, weights, Builder(self.build.graph, f"{self.build.scope}/{name}"), self.scene)

    def leave_out_counter(self) -> None:
        """Forgets the last weight where it is one whole number, which counts what training has seen."""
        weights = self._weights
        if weights.arrays and not weights.arrays[-1].shape and weights.arrays[-1].dtype.kind in "iu":
            names = None if weights.names is None else weights.names[:-1]
            self._weights = replace(weights, names=names, arrays=weights.arrays[:-1], folders=weights.folders[:-1])

    def expect_no_more_weights(self) -> None:
        """Raises ModelError where the file stores weights for a layer whose rule took none."""
        if not self._took:
            self.take()

    def constant(self, array: Any, name: str) -> ir.Value:
        """Adds an initialiser in float32."""
        return self.build.constant(np.asarray(array, np.float32), name)

    def size(self, value: ir.Value, axis: int) -> int:
        """The size of an axis that the layer must know. Raises UnsupportedError where it is open."""
        dim = self.shape(value)[axis]
        if dim is None:
            raise UnsupportedError(f"Layer {self.spec} needs the size of axis {axis} of its input, which is open.")
        return dim

    def shape(self, value: ir.Value) -> tuple[int | None, ...]:
        """The shape of a value, None where an axis is open."""
        if value.shape is None:
            raise UnsupportedError(f"Layer {self.spec} takes a tensor of unknown rank.")
        return tuple(dim if isinstance(dim, int) else None for dim in value.shape)

    def expect_rank(self, value: ir.Value, rank: int) -> None:
        """Raises ModelError unless the value has the rank that the layer works on."""
        if len(self.shape(value)) != rank:
            raise ModelError(f"Layer {self.spec} takes rank {rank}, but is given {list(self.shape(value))}.")

    def invalid(self, key: str) -> ModelError:
        """The error for an entry of the configuration that makes no sense."""
        return ModelError(f"Layer {self.spec} has {key}={self.spec.config.get(key)!r}, which makes no sense.")

    def warn(self, what: str) -> None:
        """Tells the user something about this layer, once."""
        self.scene.warnings.append(f"Layer {self.spec} {what}")

    def unsupported(self, what: str) -> UncoveredError:
        """The error for something that the layer may hold but no rule covers."""
        return UncoveredError(f"Layer {self.spec} {what}, which ovprep does not handle.")


def is_whole(value: Any) -> bool:
    """Whether a value from JSON is an integer of a size that a tensor may have."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31


def _require_float32(spec: LayerConfig) -> None:
    policy = spec.config.get("dtype") or "float32"
    inner = policy.get("config") if isinstance(policy, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else policy
    if name != "float32":
        raise UnsupportedError(
            f"Layer {spec} computes in {name}; ovprep converts float32 models. Save the model with the float32 policy."
        )
