"""What a layer rule is given: the configuration, the weights, and a builder for the nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError, UnsupportedError
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.weights import Array, LayerWeights, WeightStore
from ovprep.frontends.keras.weights_archive import container_names
from ovprep.graph.builder import Builder

_ONLY = ("layer", "cell")
"""Attributes under which a layer keeps all its weights, so that `.h5` needs no name to find them."""

_MAX_CALLS = 50_000
_MAX_WEIGHTS = 2**29
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


class Mask:
    """A mask of `[N, W]`, false for each step to skip; its nodes are emitted when something asks for it first."""

    def __init__(self, make: Callable[[], ir.Value]) -> None:
        self._make = make
        self._value: ir.Value | None = None

    def value(self) -> ir.Value:
        """The tensor of booleans. Raises UnsupportedError where ovprep cannot compute it."""
        if self._value is None:
            self._value = self._make()
        return self._value


@dataclass
class Scene:
    """What all layers of one file share while it is read."""

    warnings: list[str] = field(default_factory=list)
    masks: dict[ir.Value, Mask] = field(default_factory=dict)
    """The masks behind tensors; see `masking.py`."""
    old: bool = False
    """Whether the file is of Keras 1 or 2."""
    calls: int = 0
    elements: int = 0

    def count_call(self, elements: int) -> None:
        """Counts a call of a layer, and the weights that it puts into the graph.

        Raises UnsupportedError where a small file, with models that call models, has grown beyond any real one.
        """
        self.calls += 1
        self.elements += elements
        if self.calls > _MAX_CALLS:
            raise UnsupportedError(f"The model calls its layers more than {_MAX_CALLS} times.")
        if self.elements > _MAX_WEIGHTS:
            raise UnsupportedError("The model's weights, once for each call, need more than the 2 GiB that ONNX holds.")


EmitModel = Callable[[LayerConfig, WeightStore, Sequence[ir.Value]], Sequence[ir.Value]]
"""Emits a model inside a layer, given its configuration, its weights and its inputs."""


class Layer:
    """One call of a layer, as its rule sees it: the configuration, the weights, and a builder for the nodes."""

    def __init__(
        self,
        spec: LayerConfig,
        weights: LayerWeights,
        build: Builder,
        scene: Scene,
        emit_model: EmitModel | None = None,
    ) -> None:
        if not spec.is_operation:  # whose dtype, where it has one, is that of its output
            _require_float32(spec)
        self.spec = spec
        self.build = build
        self.scene = scene
        self._weights = weights
        self._emit_model = emit_model
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
        spec = self._spec(self.get(key), key)
        if prefix is not None:
            spec = replace(spec, name=prefix + spec.name.removeprefix("forward_"))
        spec = replace(spec, config={**spec.config, **changes})
        return self._holding(spec, attribute, None if attribute in _ONLY else spec.name)

    def inner_list(self, key: str) -> list["Layer"]:
        """The layers in a list under an entry of the configuration, which Keras keeps under the same name."""
        stated = self.get(key)
        if not isinstance(stated, list) or not stated:
            raise self.invalid(key)
        specs = [self._spec(entry, key) for entry in stated]
        folders = container_names((spec.name, spec.class_name) for spec in specs)
        return [self._holding(spec, f"{key}/{folder}", spec.name) for spec, folder in zip(specs, folders, strict=True)]

    def _spec(self, stated: Any, key: str) -> LayerConfig:
        config = stated.get("config") if isinstance(stated, Mapping) else None
        if isinstance(config, list):
            config = {"layers": config}  # as Keras wrote a Sequential model until 2.2
        if not isinstance(stated, Mapping) or not isinstance(config, Mapping):
            raise self.invalid(key)
        name = str(config.get("name", key))
        return LayerConfig(name, str(stated.get("class_name")), config, self.spec.position)

    def _holding(self, spec: LayerConfig, attribute: str, name: str | None) -> "Layer":
        """A layer inside this one, which has its weights; `.h5` finds them by the name, where one is given."""
        self._took = True
        scope = f"{self.build.scope}/{spec.name}"
        weights = self._weights.part(attribute, name)
        return Layer(spec, weights, Builder(self.build.graph, scope), self.scene, self._emit_model)

    def as_model(self, *inputs: ir.Value) -> Sequence[ir.Value]:
        """What the model gives that this layer is, inside another one."""
        assert self._emit_model is not None, "only the reader knows how to emit a model"
        self._took = True
        return self._emit_model(self.spec, self._weights.as_model(), inputs)

    def take_inner(self, **shapes: Mapping[str, tuple[int, ...]]) -> dict[str, dict[str, Array]]:
        """The weights of layers inside this one that the configuration does not state, such as `query=`.

        `.h5` knows them by these names; `.keras` by an attribute, `query_dense` or `_query_dense`.
        """
        self._took = True
        parts = {}
        for name in shapes:
            attribute = f"{name.removeprefix('attention_')}_dense"
            hidden = self._weights.part(f"_{attribute}", name)
            parts[name] = hidden if hidden.arrays else self._weights.part(attribute, name)
        if sum(len(part.arrays) for part in parts.values()) != len(self._weights.arrays):
            raise ModelError(f"Layer {self.spec} stores weights of more layers than {', '.join(shapes)}.")
        return {name: parts[name].take(**wanted) for name, wanted in shapes.items()}

    def leave_out(self, name: str) -> None:
        """Forgets a weight that only training needs; `.keras` has no names, but keeps it apart from inner layers'."""
        weights, stored = self._weights, self._weights.names
        if stored is None or name not in stored:
            return
        kept = [place for place, one in enumerate(stored) if one != name]
        self._weights = replace(
            weights,
            names=tuple(stored[place] for place in kept),
            arrays=tuple(weights.arrays[place] for place in kept),
            folders=tuple(weights.folders[place] for place in kept),
        )

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

    def tensor(self, value: Any, option: str) -> ir.Value:
        """The value of an option of the call that must be a tensor. Raises UnsupportedError for anything else."""
        if not isinstance(value, ir.Value):
            raise self.unsupported(f"is called with {option}={value!r}")
        return value

    def floats(self, value: ir.Value) -> ir.Value:
        """The value in float32, as Keras casts whole numbers that it computes with."""
        return value if value.dtype == ir.DataType.FLOAT else self.build.op("Cast", value, to=int(ir.DataType.FLOAT))

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


_WHOLE_RESULTS = ("Discretization",)
"""Layers whose results are whole numbers, which Keras 2 states as what they compute in."""


def _require_float32(spec: LayerConfig) -> None:
    policy = spec.config.get("dtype") or "float32"
    inner = policy.get("config") if isinstance(policy, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else policy
    if name != "float32" and not (spec.class_name in _WHOLE_RESULTS and name in ("int32", "int64")):
        raise UnsupportedError(
            f"Layer {spec} computes in {name}; ovprep converts float32 models. Save the model with the float32 policy."
        )
