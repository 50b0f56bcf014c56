"""Reads what TensorFlow wrote: SavedModel folders, frozen graphs, TFLite files."""

from pathlib import Path
from typing import Literal

from ovprep.errors import ModelError
from ovprep.frontends.onnx import graph_of
from ovprep.frontends.source import Source, sha256_of
from ovprep.frontends.tensorflow.dynamic_range import without_rounding_on_the_way
from ovprep.frontends.tensorflow.export import export
from ovprep.graph.cost import count_parameters
from ovprep.graph.interface import interface_of
from ovprep.options import ReadOptions

Kind = Literal["saved-model", "frozen-pb", "tflite", "keras"]

_RUNTIMES: dict[Kind, Literal["tensorflow", "tflite", "keras"]] = {
    "saved-model": "tensorflow",
    "frozen-pb": "tensorflow",
    "tflite": "tflite",
    "keras": "keras",
}


def read_saved_model(path: Path, options: ReadOptions) -> Source:
    """Reads a SavedModel folder.

    Raises ModelError where it is damaged, OptionError where a signature must be chosen, UnsupportedError for what
    tf2onnx does not export.
    """
    if not (path / "saved_model.pb").is_file():
        raise ModelError(f"{path} is a folder, and not a SavedModel: it has no saved_model.pb.")
    return read_exported("saved-model", path, options)


def read_frozen_graph(path: Path, options: ReadOptions) -> Source:
    """Reads a `.pb` file with a GraphDef: its placeholders are the inputs, what no operation takes the outputs."""
    return read_exported("frozen-pb", path, options)


def read_tflite(path: Path, options: ReadOptions) -> Source:
    """Reads a TFLite file."""
    return read_exported("tflite", path, options)


def read_exported(kind: Kind, path: Path, options: ReadOptions) -> Source:
    """Reads whatever the exporter knows; see `export`."""
    if path.is_file() and path.stat().st_size == 0:
        raise ModelError(f"{path} is empty.")
    exported = export(kind, path, options)
    graph = graph_of(exported.proto, path)
    if kind == "tflite":
        without_rounding_on_the_way(graph.graph)
    return Source(
        path=path,
        format=kind,
        framework=exported.framework,
        runtime=_RUNTIMES[kind],
        sha256=sha256_of(path),
        interface=interface_of(graph),
        parameters=count_parameters(graph.graph) if exported.parameters is None else exported.parameters,
        graph=graph,
        options=options,
    )
