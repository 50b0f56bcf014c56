"""What the name of a model file tells; no reader is loaded for it."""

from pathlib import Path
from typing import Literal

KERAS_SUFFIXES = (".h5", ".hdf5", ".json", ".keras")


def is_saved_model(path: Path) -> bool:
    """Whether a path is that of a SavedModel: a folder, or the file with its graph."""
    return path.is_dir() or path.name == "saved_model.pb"


def runtime_of(path: Path) -> Literal["keras", "onnxruntime", "tensorflow", "tflite"]:
    """The runtime of the framework that a file, or a SavedModel folder, is of."""
    suffix = path.suffix.lower()
    if suffix in KERAS_SUFFIXES:
        return "keras"
    return "onnxruntime" if suffix == ".onnx" else "tflite" if suffix == ".tflite" else "tensorflow"
