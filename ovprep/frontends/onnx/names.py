"""The names of open axes."""

import re
from collections.abc import Collection, Sequence

import onnx

from ovprep.interface import BATCH

"""What all of ovprep calls an open batch axis."""

_NO_NAME = re.compile(r"(unk__\d+|\?|None)?")
"""No name, or one that a converter drew where TensorFlow has none, another for each axis."""

_NO_BATCH = re.compile(r"(seq|time|len).*|length|frames|steps|t|w|size_\d+", re.IGNORECASE)
"""Names of lengths, which stand first in sequences with time first; `size_3` is what `--dynamic` calls other axes."""

_Dims = Sequence[int | str]


def name_batch(graph: onnx.GraphProto, weights: Collection[str] = ()) -> None:
    """Calls the batch "batch" wherever it stands, and gives every open axis without a name one.

    The batch is what its name says is the batch, on whichever axis: [seq_len, batch_size, 4]. Where none does, it is
    the open first axis that all inputs share which have one, [N, C, W] and [N, F] beside a state [1, N, H], unless its
    name is that of a length. Where these have several names, or one input has the name twice ([N, N]), nothing tells
    which axis is the batch, and all keep their names. `weights` are no inputs, though they are listed as such.

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
                dim.dim_param = BATCH if is_batch else dim.dim_param or f"{value.name}_{axis}"
                known.add(dim.dim_param)
    for value in graph.output:
        if value.name in inputs:
            value.CopyFrom(inputs[value.name])
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param and dim.dim_param in batch:
                dim.dim_param = BATCH
            elif dim.dim_param not in known:
                dim.ClearField("dim_param")


def _batch_names(inputs: Sequence[_Dims]) -> set[str]:
    """All names of the batch; the empty one where it has none, as first axis."""
    said = {name for dims in inputs for name in _said_in(dims)}
    firsts = {dims[0] for dims in inputs if not _said_in(dims) and dims and isinstance(dims[0], str)}
    firsts = {name for name in firsts if not _NO_BATCH.fullmatch(name)}
    others = {name for name in firsts if not _NO_NAME.fullmatch(name)}
    names = said | (firsts - others) if said else firsts
    several = len(others) > 1 and not said
    twice = any(sum(dim in names and (axis == 0 or dim != "") for axis, dim in enumerate(dims)) > 1 for dims in inputs)
    return set() if several or twice else names


def _said_in(dims: _Dims) -> list[str]:
    """The first name of an input that speaks of the batch."""
    return [dim for dim in dims if isinstance(dim, str) and BATCH in dim.lower()][:1]


def _dims(value: onnx.ValueInfoProto) -> _Dims:
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims]
