"""The names of open axes."""

import onnx


def name_batch(graph: onnx.GraphProto) -> None:
    """Calls the open first axis of the inputs "batch" wherever it stands, and gives every other open axis a name.

    Outputs keep the names that inputs have too; inference finds the others again where it can.
    """
    initializers = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initializers]
    batch = {_first_symbol(value) for value in inputs} - {None}
    known = {dim.dim_param for value in inputs for dim in value.type.tensor_type.shape.dim}
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value"):
                continue
            if axis == 0 or dim.dim_param in batch:
                dim.dim_param = "batch"
            elif not dim.dim_param:
                dim.dim_param = f"{value.name}_{axis}"
    for value in graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in batch:
                dim.dim_param = "batch"
            elif dim.dim_param not in known:
                dim.ClearField("dim_param")


def _first_symbol(value: onnx.ValueInfoProto) -> str | None:
    dims = value.type.tensor_type.shape.dim
    return dims[0].dim_param or None if dims else None
