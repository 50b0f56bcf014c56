"""Fixed axes of a model's inputs, left open instead."""

import math
from collections.abc import Iterable, Mapping, Sequence

import onnx
import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.graph.builder import infer_outputs
from ovprep.options import OpenAxis

_BATCH = 3
"""A size for an open batch, to see whether the ops let it be."""
_LONGER = 64
"""By how much another open axis is made longer; twice its size, it would fit where multiples alone do."""


def open_axes(proto: onnx.ModelProto, axes: Iterable[OpenAxis]) -> None:
    """Leaves axes open in the declarations of a model; all that was inferred from their sizes is forgotten."""
    inputs = {value.name: value.type.tensor_type.shape for value in proto.graph.input}
    for axis in axes:
        inputs[axis.input].dim[axis.axis].dim_param = axis.name
    for value in proto.graph.output:
        if value.name not in inputs:
            for dim in value.type.tensor_type.shape.dim:
                dim.Clear()
    del proto.graph.value_info[:]


def require_open(model: ir.Model, axes: Sequence[OpenAxis]) -> None:
    """Raises OptionError, with the op that is in the way, where the model works for some sizes alone.

    `model` has these axes open and its shapes folded; it is used up.
    """
    spare = model.clone()
    others = {axis.name: _BATCH if axis.name == "batch" else axis.size + _LONGER for axis in axes}
    node = _in_the_way(model, others)
    if node is None:
        return
    doubled = {axis.name: 2 * axis.size for axis in axes}
    if _in_the_way(spare, doubled) is None:
        fits, fails = (", ".join(map(str, sizes.values())) for sizes in (doubled, others))
        works = f"for some sizes alone, such as {fits}, and not for {fails}; export it for the one that you need"
    else:
        works = "for the size that the model was exported with alone; export it with these axes open"
    raise OptionError(f"The axes {', '.join(others)} cannot be opened: {node.name!r} ({node.op_type}) works {works}.")


def _in_the_way(model: ir.Model, sizes: Mapping[str, int]) -> ir.Node | None:
    """The first op that does not take what it is given where open axes of the inputs have these sizes."""
    for value in model.graph.inputs:
        dims = value.shape or ()
        value.shape = ir.Shape([dim if isinstance(dim, int) else sizes.get(str(dim.value), dim) for dim in dims])
    for node in model.graph:
        try:
            infer_outputs(node, model.graph.opset_imports)
        except onnx.shape_inference.InferenceError:
            return node
        if node.op_type == "Reshape" and _counts(node.inputs[0]) not in (None, _counts(node.outputs[0])):
            return node
    return None


def _counts(value: ir.Value | None) -> int | None:
    """How many elements a value has, None where that is not known."""
    if value is None or value.shape is None:
        return None
    dims = [dim for dim in value.shape if isinstance(dim, int)]
    return math.prod(dims) if len(dims) == len(value.shape) else None
