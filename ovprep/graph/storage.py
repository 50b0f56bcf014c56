"""Models as files, whatever their size: protobuf holds less than 2 GiB, so larger weights go into a file beside it."""

from pathlib import Path

import onnx
import onnx.external_data_helper
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only

LARGEST_MESSAGE = 2**31 - 2**26
"""Bytes of weights that still fit into one file: protobuf ends at 2 GiB, and the graph needs some of it."""


def data_file_of(path: Path) -> Path:
    """Where the weights of a large model go: `model.onnx.data` beside `model.onnx`."""
    return path.with_name(f"{path.name}.data")


def data_bytes(path: Path) -> int:
    """Size of the files beside an ONNX file that hold weights of its main graph; of what is no ONNX file, 0."""
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        return 0  # whoever loads it will say so
    outside = [one for one in proto.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    files = {path.parent / onnx.external_data_helper.ExternalDataInfo(tensor).location for tensor in outside}
    return sum(file.stat().st_size for file in files)


def is_large(model: ir.Model) -> bool:
    """Whether the weights do not fit into one file with the graph."""
    return not fits_in_message(weight_bytes(model))


def fits_in_message(size: int) -> bool:
    """Whether one message of protobuf can hold weights of so many bytes, and a graph."""
    return size <= LARGEST_MESSAGE


def weight_bytes(model: ir.Model) -> int:
    """Size of all weights."""
    values = [value for graph in model.graphs() for value in graph.initializers.values()]
    return sum(value.const_value.nbytes for value in values if value.const_value is not None)


def save_model(model: ir.Model, path: Path) -> None:
    """Writes the model to an ONNX file; a large one with its weights in `data_file_of` it."""
    ir.save(model, path, external_data=data_file_of(path).name if is_large(model) else None)
