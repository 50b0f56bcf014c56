"""What no rule covers: Keras itself loads the model in a child process, and tf2onnx exports it whole."""

from pathlib import Path

from ovprep.frontends.keras.reader import read_keras
from ovprep.frontends.source import Source
from ovprep.options import ReadOptions


def read_keras_or_fall_back(path: Path, options: ReadOptions) -> Source:
    return read_keras(path, options)
