"""The names of open axes."""

import re
from collections.abc import Collection, Sequence

import onnx

_BATCH = "batch"
"""What all of ovprep calls an open batch axis."""

_NO_NAME = re.compile(r"(unk__\d+|\?|None)?")
"""No name, or one that a converter drew where TensorFlow has none, another for each axis."""

_Dims = Sequence[int | str]


def name_batch(graph: onnx.GraphProto, weights: Collection[str] = ()) -> None:
    """Calls the batch "batch" wherever it stands, and gives every open axis without a name one.

    The batch is the open first axis that all inputs share which have one: [N, C, W] and [N, F], beside a state
    [1, N, H]; or those of them whose name says so. Where these have several names, or the name stands further behind as
    well ([T, T]), nothing tells which axis is the batch, and all keep their names. `weights` are no inputs, though they
    are listed as such.

    Outputs keep the names that inputs have too; inference finds the others again where it can.
    """
    constants = {tensor.name for tensor in graph.initializer} | set(weights)
    inputs = {value.name: value for value in graph.input if value.name not in constants}
    batch = _batch_names([_dims(value) for value in inputs.values()])
    known = set()
    for value in inputs.values():
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                is_batch = dim.dim_param in batch and (axis == 0 or dim.dim_param != "")
                dim.dim_param = _BATCH if is_batch else dim.dim_param or f"{value.name}_{axis}"
                known.add(dim.dim_param)
    for value in graph.output:
        if value.name in inputs:
            value.CopyFrom(inputs[value.name])
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param and dim.dim_param in batch:
                dim.dim_param = _BATCH
            elif dim.dim_param not in known:
                dim.ClearField("dim_param")


def _batch_names(inputs: Sequence[_Dims]) -> set[str]:
    """All names of the batch; the empty one where it has none, as first axis."""
    with_one = [dims for dims in inputs if dims and isinstance(dims[0], str)]
    firsts = {str(dims[0]) for dims in with_one}
    said = {name for name in firsts if "batch" in name.lower()}
    others = {name for name in firsts - said if not _NO_NAME.fullmatch(name)}
    if said:
        firsts -= others
    several = len(others) > 1 and not said
    further_behind = any(dim in firsts - {""} for dims in with_one for dim in dims[1:])
    taken = _BATCH not in firsts and any(_BATCH in dims for dims in inputs)
    return set() if several or further_behind or taken else firsts


def _dims(value: onnx.ValueInfoProto) -> _Dims:
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims]
