"""The tables of rules: one for each class of layer, one for each operation of `keras.ops` between layers."""

import inspect
from collections.abc import Callable

import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.network import LayerConfig

LayerRule = Callable[..., ir.Value | tuple[ir.Value, ...]]
RULES: dict[str, LayerRule] = {}
OPERATIONS: dict[str, LayerRule] = {}
"""By the names of the classes in `keras.ops`, some of which are names of layers, too."""


def layer(*class_names: str) -> Callable[[LayerRule], LayerRule]:
    """Registers a rule: a function of the `Layer` and its input values that emits nodes and returns the output."""

    def register(rule: LayerRule) -> LayerRule:
        for name in class_names:
            RULES[name] = rule
        return rule

    return register


def operation(*class_names: str) -> Callable[[LayerRule], LayerRule]:
    """Registers the rule of an operation: it is given the arguments of the call as they are, tensors as values."""

    def register(rule: LayerRule) -> LayerRule:
        for name in class_names:
            OPERATIONS[name] = rule
        return rule

    return register


def operation_for(spec: LayerConfig) -> LayerRule:
    """The rule of an operation. Raises UnsupportedError, naming it, where there is none."""
    rule = OPERATIONS.get(spec.class_name)
    if rule is None:
        raise UnsupportedError(
            f"Layer {spec} is an operation of {spec.module or 'Keras'} that ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    return rule


def options_of(rule: LayerRule) -> frozenset[str]:
    """The options of a call that a rule takes: its keyword-only parameters."""
    parameters = inspect.signature(rule).parameters.values()
    return frozenset(one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY)


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
    _, *parameters = inspect.signature(rule).parameters.values()
    tensors = [one for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    several = any(tensor.kind is inspect.Parameter.VAR_POSITIONAL for tensor in tensors)
    required = [tensor for tensor in tensors if tensor.kind is not inspect.Parameter.VAR_POSITIONAL]
    if number < len(required) or (not several and number > len(required)):
        raise ModelError(f"Layer {spec} takes {len(required)} tensor, but is given {number}.")
