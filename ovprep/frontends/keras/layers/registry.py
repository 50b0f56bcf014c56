"""The table of layer rules, and what a rule is given."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.network import LayerConfig
from ovprep.frontends.keras.weights import Array, LayerWeights
from ovprep.graph.builder import Builder


class Layer:
    """One call of a layer, as its rule sees it: the configuration, the weights, and a builder for the nodes."""

    def __init__(self, spec: LayerConfig, weights: LayerWeights, build: Builder) -> None:
        _require_float32(spec)
        self.spec = spec
        self.build = build
        self._weights = weights

    @property
    def channels_first(self) -> bool:
        """Whether the layer's tensors are NCW."""
        return bool(self.get("data_format") == "channels_first")

    def get(self, key: str, default: Any = None) -> Any:
        """An entry of the configuration; the default also where the entry is null."""
        value = self.spec.config.get(key)
        return default if value is None else value

    def number(self, key: str, default: float | None = None) -> float:
        """A numeric entry; Keras 3 stores some of them as {"class_name": "__numpy__", "config": {"value": …}}."""
        value = self.get(key, default)
        if isinstance(value, Mapping):
            value = value.get("config", {}).get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.invalid(key)
        return float(value)

    def whole(self, key: str, default: int | None = None) -> int:
        """An entry that is one integer, or a list of one."""
        value = self.get(key, default)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.invalid(key)
        return value

    def pair(self, key: str) -> tuple[int, int]:
        """An entry that is one integer for both ends, or a list of two."""
        value = self.get(key)
        if isinstance(value, int):
            return value, value
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, int) for item in value):
            raise self.invalid(key)
        return value[0], value[1]

    def take(self, **shapes: tuple[int, ...]) -> dict[str, Array]:
        """The layer's weights; see `LayerWeights.take`."""
        return self._weights.take(**shapes)

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

    def unsupported(self, what: str) -> UnsupportedError:
        """The error for something that the layer may hold but no rule covers."""
        return UnsupportedError(f"Layer {self.spec} {what}, which ovprep does not handle.")


LayerRule = Callable[..., ir.Value | tuple[ir.Value, ...]]
RULES: dict[str, LayerRule] = {}


def layer(*class_names: str) -> Callable[[LayerRule], LayerRule]:
    """Registers a rule: a function of the `Layer` and its input values that emits nodes and returns the output."""

    def register(rule: LayerRule) -> LayerRule:
        for name in class_names:
            RULES[name] = rule
        return rule

    return register


def rule_for(spec: LayerConfig) -> LayerRule:
    """The rule of a layer. Raises UnsupportedError, naming the layer, its class and its place, where there is none."""
    rule = RULES.get(spec.class_name)
    if rule is None:
        raise UnsupportedError(
            f"Layer {spec} is of a class that ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    return rule


def _require_float32(spec: LayerConfig) -> None:
    policy = spec.config.get("dtype") or "float32"
    name = policy.get("config", {}).get("name") if isinstance(policy, Mapping) else policy
    if name != "float32":
        raise UnsupportedError(
            f"Layer {spec} computes in {name}; ovprep converts float32 models. Save the model with the float32 policy."
        )
