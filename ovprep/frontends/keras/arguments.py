"""What a layer is called with: tensors, and options that change what it does."""

from collections.abc import Mapping
from typing import Any

import onnx_ir as ir

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.layers.registry import LayerRule, options_of
from ovprep.frontends.keras.network import LayerConfig, TensorRef

Values = dict[TensorRef, ir.Value]


def resolve(argument: Any, values: Values, layer: LayerConfig) -> Any:
    """The argument with the value of each tensor in it. Raises ModelError where there is no such tensor."""
    if isinstance(argument, TensorRef):
        return lookup(argument, values, str(layer))
    if isinstance(argument, (list, tuple)):
        return [resolve(item, values, layer) for item in argument]
    if isinstance(argument, slice):
        return slice(*(resolve(item, values, layer) for item in (argument.start, argument.stop, argument.step)))
    if isinstance(argument, Mapping):
        return {key: resolve(item, values, layer) for key, item in argument.items()}
    return argument


def lookup(ref: TensorRef, values: Values, wanted_by: str) -> ir.Value:
    """The value of a tensor. Raises ModelError where no layer gives it."""
    if ref not in values:
        raise ModelError(f"Layer {wanted_by} takes output {ref.tensor} of {ref.layer!r}, which does not exist.")
    return values[ref]


def tensors_in(arguments: Any, layer: LayerConfig) -> list[ir.Value]:
    """The tensors among the arguments of a call, in order; anything else must not be dropped in silence."""
    if isinstance(arguments, (list, tuple)):
        # What is behind an argument that is left out would be taken for it.
        places = [place for place, item in enumerate(arguments) if item is not None]
        if places and places[-1] >= len(places):
            raise UnsupportedError(f"Layer {layer} is called with None before a tensor, which ovprep does not handle.")
        return [value for item in arguments for value in tensors_in(item, layer)]
    if arguments is None:
        return []
    if not isinstance(arguments, ir.Value):
        raise UnsupportedError(f"Layer {layer} is called with {arguments!r}, which ovprep does not handle.")
    return [arguments]


def options_for(rule: LayerRule | None, layer: LayerConfig, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call that the rule takes, which are its keyword-only parameters.

    Raises UnsupportedError for any other that would change the result, such as a mask: it must not be dropped.
    """
    given = {name: value for name, value in options.items() if not _says_nothing(value)}
    known = options_of(rule) if rule is not None else frozenset()
    if strange := sorted(given.keys() - known):
        raise UnsupportedError(f"Layer {layer} is called with {', '.join(strange)}, which ovprep does not handle.")
    return given


def _says_nothing(option: Any) -> bool:
    """None or false; a model with several inputs is called with a list of masks that are all None."""
    if isinstance(option, list):
        return all(map(_says_nothing, option))
    return option is None or option is False
