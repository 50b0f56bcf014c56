"""Reads what TensorFlow wrote: SavedModel folders, frozen graphs, TFLite files."""

from pathlib import Path
from typing import Literal

from ovprep.errors import ModelError
from ovprep.frontends.onnx import graph_of
from ovprep.frontends.source import Source, sha256_of
from ovprep.frontends.tensorflow.export import export
from ovprep.graph.cost import count_parameters
from ovprep.graph.interface import interface_of
from ovprep.options import ReadOptions


def read_saved_model(path: Path, options: ReadOptions) -> Source:
    """Reads a SavedModel folder.

    Raises ModelError where it is damaged, OptionError where a signature must be chosen, UnsupportedError for what
    tf2onnx does not export.
    """
    if not (path / "saved_model.pb").is_file():
        what = "empty" if not any(path.iterdir()) else "not a SavedModel: it has no saved_model.pb"
        raise ModelError(f"{path} is a folder, and {what}.")
    return _read("saved-model", path, options, "tensorflow")


def read_frozen_graph(path: Path, options: ReadOptions) -> Source:
    """Reads a `.pb` file with a GraphDef: its placeholders are the inputs, what no operation takes the outputs."""
    return _read("frozen-pb", path, options, "tensorflow")


def read_tflite(path: Path, options: ReadOptions) -> Source:
    """Reads a TFLite file."""
    return _read("tflite", path, options, "tflite")


def _read(kind: str, path: Path, options: ReadOptions, runtime: Literal["tensorflow", "tflite"]) -> Source:
    if path.is_file() and path.stat().st_size == 0:
        raise ModelError(f"{path} is empty.")
    exported = export(kind, path, options)
    graph = graph_of(exported.proto, path)
    return Source(
        path=path,
        format=kind,
        framework=exported.framework,
        runtime=runtime,
        sha256=sha256_of(path),
        interface=interface_of(graph),
        parameters=count_parameters(graph.graph),
        graph=graph,
        options=options,
    )
