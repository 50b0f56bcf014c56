"""The tables of rules: one for each class of layer, one for each operation of `keras.ops` between layers."""

import inspect
from collections.abc import Callable

import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError
from ovprep.frontends.keras.network import LayerConfig

LayerRule = Callable[..., ir.Value | tuple[ir.Value, ...]]
RULES: dict[str, LayerRule] = {}
OPERATIONS: dict[str, LayerRule] = {}
"""By the names of the classes in `keras.ops`, some of which are names of layers, too."""

CUSTOM: dict[str, LayerRule] = {}
"""Rules of users for classes that are not Keras', by their names, with or without a package ("my_package>Scale")."""


def layer(*class_names: str) -> Callable[[LayerRule], LayerRule]:
    """Registers a rule: a function of the `Layer` and its input values that emits nodes and returns the output."""

    def register(rule: LayerRule) -> LayerRule:
        for name in class_names:
            RULES[name] = rule
        return rule

    return register


def keras_layer(*class_names: str) -> Callable[[LayerRule], LayerRule]:
    """Registers a user's rule for a custom layer; see docs/plugins.md.

    A name with a package ("my_package>Scale") stands for that class alone, one without for a class of any package. A
    rule never replaces one of ovprep's for a layer of Keras itself.
    """

    def register(rule: LayerRule) -> LayerRule:
        for name in class_names:
            CUSTOM[name] = rule
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
    """The rule of an operation. Raises UncoveredError, naming it, where there is none."""
    rule = OPERATIONS.get(spec.class_name)
    if rule is None:
        raise UncoveredError(
            f"Layer {spec} is an operation of {spec.module or 'Keras'} that ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    return rule


def options_of(rule: LayerRule) -> frozenset[str]:
    """The options of a call that a rule takes: its keyword-only parameters."""
    parameters = inspect.signature(rule).parameters.values()
    return frozenset(one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY)


def rule_for(spec: LayerConfig) -> LayerRule:
    """The rule of a layer. Raises UncoveredError, naming the layer, its class and its place, where there is none."""
    rule = None if spec.is_custom else RULES.get(spec.class_name)
    rule = rule or _custom_rule(spec)
    if rule is None:
        raise UncoveredError(
            f"Layer {spec} is of a class that ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    return rule


def _custom_rule(spec: LayerConfig) -> LayerRule | None:
    """The user's rule for a class; `.h5` has the package in front of its name, `.keras` beside it."""
    names = (spec.registered_name, spec.class_name, spec.class_name.rpartition(">")[2])
    return next((CUSTOM[name] for name in names if name in CUSTOM), None)


def require_inputs(rule: LayerRule, spec: LayerConfig, number: int) -> None:
    """Raises ModelError where a rule does not take that number of tensors."""
    _, *parameters = inspect.signature(rule).parameters.values()
    tensors = [one for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    several = any(tensor.kind is inspect.Parameter.VAR_POSITIONAL for tensor in tensors)
    if not several and number != len(tensors):
        raise ModelError(f"Layer {spec} takes {len(tensors)} tensor, but is given {number}.")
