"""What no rule covers: Keras itself loads the model in a child process, and tf2onnx exports all of it.

Loading a model this way can run code. What the file itself carries, and functions of TensorFlow that may do more than
compute, run with `allow_code` alone; custom classes come from the modules that the user names, never from where the
file says that they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovprep.errors import ModelError, UncoveredError, UnsupportedError
from ovprep.frontends.keras.files import open_keras
from ovprep.frontends.keras.harmless import harmful_call
from ovprep.frontends.keras.network import is_custom
from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from ovprep.frontends.tensorflow.reader import read_exported
from ovprep.loading.plugins import load_plugins
from ovprep.options import ReadOptions

_CODE = ("function", "output_shape", "mask")
"""Entries of a Lambda's configuration that may hold code."""


def read_keras_or_fall_back(path: Path, options: ReadOptions) -> Source:
    """Reads a Keras file by rules; where they do not cover a layer, as far as the options allow, by Keras itself.

    Raises what `read_keras` raises, OptionError for a plugin that cannot be imported, and UnsupportedError where the
    fallback needs a permission, or does not come to an end either.
    """
    load_plugins(options.plugins)
    try:
        return read_keras(path, options)
    except UncoveredError as error:
        with open_keras(path, options.weights) as file:
            version, architecture = file.version, file.architecture
        _require_permission(path, architecture, options)
        return _fall_back(path, options, version, error)


def _fall_back(path: Path, options: ReadOptions, version: str, reason: UncoveredError) -> Source:
    try:
        source = read_exported("keras", path, options)
    except (ModelError, UnsupportedError) as error:
        raise UnsupportedError(f"{reason} Keras and tf2onnx did not convert the model either: {error}") from error
    what = str(reason).partition(". ")[0].rstrip(".")  # without the advice
    warning = f"No rule covers the model, so that Keras loaded it and tf2onnx exported it whole: {what}."
    return replace(source, framework=f"keras {version}", warnings=(*source.warnings, warning))


def _require_permission(path: Path, architecture: Mapping[str, Any], options: ReadOptions) -> None:
    """Raises UnsupportedError where the model needs code that nobody has allowed or named."""
    for entry in _objects_in(architecture):
        name = _name_of(entry)
        if _carries_code(entry) and not options.allow_code:
            raise UnsupportedError(
                f"Layer {name!r} of {path} is Python code that the file carries, and that Keras would run. "
                "If you trust the file, and only then, allow that with --allow-code."
            )
        if (harmful := harmful_call(entry)) and not options.allow_code:
            raise UnsupportedError(
                f"Layer {name!r} of {path} makes Keras call {harmful}, which may do more than compute. "
                "If you trust the file, and only then, allow that with --allow-code."
            )
        named = (str(entry.get(key) or "") for key in ("class_name", "module", "registered_name"))
        if is_custom(*named) and not options.plugins:
            raise UnsupportedError(
                f"Layer {name!r} of {path} is of the class {entry['class_name']}, which is not one of Keras'. Name the "
                "Python module that defines it, or that has a rule for it, with --plugin."
            )


def _objects_in(architecture: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All serialised objects in a configuration: models, layers, and what layers have been given."""
    waiting: list[Any] = [architecture]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, Mapping):
            waiting += reversed(list(value.values()))
            if isinstance(value.get("class_name"), str):
                yield value


def _name_of(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    named = config if isinstance(config, Mapping) and "name" in config else entry
    return str(named.get("name") or entry["class_name"])


def _carries_code(entry: Mapping[str, Any]) -> bool:
    """A Lambda whose function is bytecode: an object of its own in Keras 3, a list that begins with it in Keras 2."""
    config = entry.get("config")
    if entry["class_name"] != "Lambda" or not isinstance(config, Mapping):
        return bool(entry["class_name"] == "__lambda__")
    held = [config[key] for key in _CODE if config.get(key)]
    # An output shape is a list of numbers, or bytecode and what it needs.
    return any(isinstance(one, list) and isinstance(one[0], str) for one in held) or any(
        isinstance(one, Mapping) and one.get("class_name") == "__lambda__" for one in held
    )
