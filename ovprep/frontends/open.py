"""Finds the frontend for a file."""

from pathlib import Path

from ovprep.errors import ModelError, OptionError
from ovprep.frontends.fixed_inputs import with_values
from ovprep.frontends.formats import KERAS_SUFFIXES, is_saved_model
from ovprep.frontends.source import Source
from ovprep.options import ReadOptions


def read_model(path: Path, options: ReadOptions | None = None) -> Source:
    """Reads a model file, or a SavedModel folder, of any format that ovprep knows, by its name.

    Raises ModelError where there is no such file, or its format is not known; OptionError where the model cannot have
    what the options ask for; else as the format's reader does.
    """
    options = options or ReadOptions()
    if not path.exists():
        raise ModelError(f"There is no file {path}.")
    if options.opened and path.suffix.lower() != ".onnx":
        raise OptionError(
            "Only axes of ONNX files can be opened; leave them open where this model is built or exported."
        )
    _require_use(path, options)
    source = _read(path, options)
    return with_values(source, options.values) if options.values else source


def _require_use(path: Path, options: ReadOptions) -> None:
    """Raises OptionError for what this format has no use for: nothing that is asked for is ignored."""
    if options.weights is not None and path.suffix.lower() not in KERAS_SUFFIXES:
        raise OptionError(f"{path} has weights of its own; --weights is for an architecture alone (.json).")
    if options.signature is not None and not is_saved_model(path):
        raise OptionError(f"--signature chooses among those of a SavedModel folder, which {path} is not; leave it out.")


def _read(path: Path, options: ReadOptions) -> Source:
    suffix = path.suffix.lower()
    if is_saved_model(path):
        from ovprep.frontends.tensorflow.reader import read_saved_model

        return read_saved_model(path if path.is_dir() else path.parent, options)
    if suffix in KERAS_SUFFIXES:
        from ovprep.frontends.tensorflow.fallback import read_keras_or_fall_back

        return read_keras_or_fall_back(path, options)
    if suffix == ".onnx":
        from ovprep.frontends.onnx import read_onnx

        return read_onnx(path, options.opened)
    if suffix in (".pb", ".tflite"):
        from ovprep.frontends.tensorflow import reader

        return (reader.read_tflite if suffix == ".tflite" else reader.read_frozen_graph)(path, options)
    raise ModelError(
        f"{path} has a name that ovprep does not know; "
        "it reads .h5, .keras, .onnx, .tflite and .pb files, and SavedModel folders."
    )
