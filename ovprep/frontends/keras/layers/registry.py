"""The tables of rules: one for each class of layer, one for each operation of `keras.ops` between layers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import onnx_ir as ir

from ovprep.errors import ModelError, UncoveredError
from ovprep.frontends.keras.calls import parse_argument
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.network import OPERATION_CLASSES, LayerConfig

LayerRule = Callable[..., ir.Value | tuple[ir.Value, ...]]
Rule = TypeVar("Rule", bound=LayerRule)
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


def operation(*class_names: str) -> Callable[[Rule], Rule]:
    """Registers the rule of an operation, a function of the `Layer` and the operation's arguments by their Keras names.

    Those of its constructor and those of its call are one list; tensors come as values, the rest as it stands.
    """

    def register(rule: Rule) -> Rule:
        for name in class_names:
            OPERATIONS[name] = rule
            OPERATION_CLASSES.add(name)
        return rule

    return register


def operation_for(spec: LayerConfig) -> LayerRule:
    """The rule of an operation, to be called with the arguments of its call.

    Raises UncoveredError, naming it, where there is none.
    """
    rule = OPERATIONS.get(spec.class_name)
    if rule is None:
        raise UncoveredError(
            f"Layer {spec} is an operation of {spec.module or 'Keras'} that ovprep cannot convert. "
            "Replace it, or export the model to ONNX and convert that."
        )
    constructor = {key: parse_argument(value) for key, value in spec.config.items() if key != "name"}

    def call(layer: Layer, *arguments: Any, **options: Any) -> ir.Value | tuple[ir.Value, ...]:
        return call_bound(rule, layer, arguments, {**options, **(constructor if spec.is_operation else {})})

    return call


def call_bound(
    rule: LayerRule, layer: Layer, arguments: Sequence[Any], options: Mapping[str, Any]
) -> ir.Value | tuple[ir.Value, ...]:
    """Calls the rule of an operation.

    Raises UnsupportedError for an option that it does not have, ModelError where it lacks an argument.
    """
    signature = inspect.signature(rule)
    if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()):
        strange = {name: value for name, value in options.items() if name not in signature.parameters}
        if says := [name for name, value in strange.items() if value is not None and value is not False]:
            raise layer.unsupported(f"is called with {', '.join(sorted(says))}")
        options = {name: value for name, value in options.items() if name not in strange}
    try:
        bound = signature.bind(layer, *arguments, **options)
    except TypeError as error:
        raise ModelError(f"Layer {layer.spec} is called with arguments that do not fit it: {error}.") from error
    return rule(*bound.args, **bound.kwargs)


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
    required = [tensor for tensor in tensors if tensor.kind is not inspect.Parameter.VAR_POSITIONAL]
    if number < len(required) or (not several and number > len(required)):
        raise ModelError(f"Layer {spec} takes {len(required)} tensor, but is given {number}.")
