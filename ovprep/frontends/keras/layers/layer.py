"""What a layer rule is given: the configuration, the weights, and a builder for the nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.layers.entries import Entries
from ovprep.frontends.keras.layers.scene import Scene
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.weights import Array, LayerWeights, WeightStore
from ovprep.frontends.keras.weights_archive import container_names
from ovprep.graph.builder import Builder

_ONLY = ("layer", "cell")
"""Attributes under which a layer keeps all its weights, so that `.h5` needs no name to find them."""

EmitModel = Callable[[LayerConfig, WeightStore, Sequence[ir.Value]], Sequence[ir.Value]]
"""Emits a model inside a layer, given its configuration, its weights and its inputs."""


class Layer(Entries):
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
        super().__init__(spec)
        self.build = build
        self.scene = scene
        self._weights = weights
        self._emit_model = emit_model
        self._took = False

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

    def warn(self, what: str) -> None:
        """Tells the user something about this layer, once."""
        self.scene.warnings.append(f"Layer {self.spec} {what}")


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
