"""What a conversion was asked for, so that its report can say how to make it again."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from ovprep.options import InterfaceOptions
from ovprep.report.document import plain


def asked_of(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options among the arguments of a function that say something else than its defaults, as JSON has them.

    Arrays and the like, which have no place there, are left out.
    """
    nothing: tuple[Any, ...] = (None, [], {}, plain(InterfaceOptions()))
    asked = {}
    for name, parameter in signature(function).parameters.items():
        value = plain(given[name])
        option = parameter.kind is parameter.KEYWORD_ONLY and name != "on_progress"
        if option and _is_json(value) and value not in nothing and value != plain(parameter.default):
            asked[name] = value
    return asked


def _is_json(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return all(map(_is_json, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, (str, int, float))
