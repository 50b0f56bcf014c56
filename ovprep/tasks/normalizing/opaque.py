"""A Keras model that no rule reads, as a graph of one op: its interface is known, what it computes is not."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.files import open_keras
from ovprep.frontends.source import Source, sha256_of_all
from ovprep.graph.builder import new_model
from ovprep.graph.interface import interface_of
from ovprep.graph.names import unique_name
from ovprep.options import ReadOptions

DOMAIN = "keras"


def opaque_source(path: Path, model: Any, reading: ReadOptions) -> Source:
    """The source of a live model that was loaded from the file."""
    with open_keras(path, reading.weights) as file:
        kind, version = file.format, file.version
    graph = _opaque_graph(model)
    return Source(
        path=path,
        format=kind,
        framework=f"keras {version}",
        runtime="keras",
        sha256=sha256_of_all(path, reading.weights),
        interface=interface_of(graph),
        parameters=model.count_params(),
        graph=graph,
        options=reading,
    )


def _opaque_graph(model: Any) -> ir.Model:
    made = new_model(model.name)
    graph = made.graph
    graph.opset_imports[DOMAIN] = 1
    for tensor in model.inputs:
        graph.inputs.append(_value(tensor.name, tensor))
    node = ir.Node(DOMAIN, "Model", graph.inputs, num_outputs=len(model.outputs), name=model.name)
    graph.append(node)
    for value, tensor in zip(node.outputs, model.outputs, strict=True):
        like = _value(tensor._keras_history.operation.name, tensor)
        value.name = unique_name(graph, str(like.name))
        value.type, value.shape = like.type, like.shape
        graph.outputs.append(value)
    return made


def _value(name: str, tensor: Any) -> ir.Value:
    dims = [
        ir.SymbolicDim("batch" if axis == 0 else f"{name}_{axis}") if size is None else size
        for axis, size in enumerate(tensor.shape)
    ]
    return ir.val(name, dtype=ir.DataType.from_numpy(np.dtype(str(tensor.dtype))), shape=ir.Shape(dims))
