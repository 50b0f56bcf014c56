"""The tables of rules: one for each class of layer, one for each operation of `keras.ops` between layers."""

import inspect
from collections.abc import Callable

import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.network import LayerConfig

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


def require_inputs(rule: LayerRule, spec: LayerConfig, number: int) -> None:
    """Raises ModelError where a rule does not take that number of tensors."""
    _, *tensors = inspect.signature(rule).parameters.values()
    several = any(tensor.kind is inspect.Parameter.VAR_POSITIONAL for tensor in tensors)
    if not several and number != len(tensors):
        raise ModelError(f"Layer {spec} takes {len(tensors)} tensor, but is given {number}.")
