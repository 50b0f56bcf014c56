"""Finds the frontend for a file."""

from pathlib import Path

from ovprep.errors import ModelError
from ovprep.frontends.source import Source
from ovprep.options import ReadOptions

KERAS_SUFFIXES = (".h5", ".hdf5", ".json", ".keras")


def read_model(path: Path, options: ReadOptions | None = None) -> Source:
    """Reads a model file of any format that ovprep knows, by its name.

    Raises ModelError where there is no such file, or its format is not known; else as the format's reader does.
    """
    if not path.exists():
        raise ModelError(f"There is no file {path}.")
    if path.is_dir():
        raise ModelError(f"{path} is a folder, and not a SavedModel: it has no saved_model.pb.")
    suffix = path.suffix.lower()
    if suffix in KERAS_SUFFIXES:
        from ovprep.frontends.keras.reader import read_keras

        return read_keras(path, options or ReadOptions())
    if suffix == ".onnx":
        from ovprep.frontends.onnx import read_onnx

        return read_onnx(path)
    raise ModelError(f"{path} has a name that ovprep does not know; it reads .h5, .keras and .onnx files.")
