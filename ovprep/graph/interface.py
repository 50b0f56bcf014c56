"""Reads a model's interface off its graph."""

import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.graph.indices import rows_indexed
from ovprep.graph.levels import level_of
from ovprep.interface import Dim, Interface, Port


def port_of(value: ir.Value, layout: str | None = None) -> Port:
    """The port of a graph input or output; axes whose meaning is not given are "?" in its layout.

    Raises UnsupportedError where the graph does not say what rank or type the value has.
    """
    if value.shape is None or value.dtype is None or value.name is None:
        raise UnsupportedError(f"The model does not say what shape {value.name!r} has.")
    dims = tuple(_dim(dim, f"{value.name}_{axis}") for axis, dim in enumerate(value.shape))
    rows = rows_indexed(value) if value.is_graph_input() else None
    level = level_of(value) if value.is_graph_input() else None
    return Port(value.name, value.dtype.numpy().name, dims, layout or "?" * len(dims), rows, level)


def interface_of(model: ir.Model) -> Interface:
    """The interface of a model whose layouts are not known."""
    graph = model.graph
    return Interface(tuple(port_of(value) for value in graph.inputs), tuple(port_of(value) for value in graph.outputs))


def _dim(dim: int | ir.SymbolicDim, otherwise: str) -> Dim:
    return dim if isinstance(dim, int) else str(dim.value or otherwise)
