"""Writes the canonical graph as an ONNX file."""

from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only

from ovprep.errors import OutputError
from ovprep.graph.storage import data_file_of, save_model

PRODUCER = "ovprep"


def require_onnx_place(path: Path) -> None:
    """Raises OutputError unless the path is that of a new `.onnx` file, or of one that ovprep wrote.

    So must be the file for the weights of a large model, which goes beside it.
    """
    if path.suffix.lower() != ".onnx":
        raise OutputError(f"{path} is no name for an ONNX file; let it end in .onnx.")
    if not path.exists():
        if data_file_of(path).exists():
            raise OutputError(f"{data_file_of(path)} exists, where weights may go. Choose another place with --output.")
        return
    try:
        ours = path.is_file() and onnx.load(str(path), load_external_data=False).producer_name == PRODUCER
    except (DecodeError, UnicodeDecodeError, OSError):
        ours = False
    if not ours:
        raise OutputError(f"{path} exists, and ovprep did not write it. Choose another place with --output.")


def save_onnx(model: ir.Model, path: Path, version: str) -> None:
    """Writes the model, weights included, with ovprep as its producer; large ones as `save_model` does."""
    model.producer_name, model.producer_version = PRODUCER, version
    save_model(model, path)
