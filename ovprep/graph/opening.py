"""Fixed axes of a model's inputs, left open instead."""

import math
from collections.abc import Iterable

import onnx
import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.graph.builder import infer_outputs
from ovprep.options import OpenAxis

_PROBE = (3, 64)
"""A size for an open batch, and by how much another open axis is made longer, to see whether the ops let them be."""


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


def require_open(model: ir.Model, axes: Iterable[OpenAxis]) -> None:
    """Raises OptionError, with the op that is in the way, where the model works for the sizes that it had alone.

    `model` has these axes open and its shapes folded; it is used up.
    """
    sizes = {axis.name: _PROBE[0] if axis.name == "batch" else axis.size + _PROBE[1] for axis in axes}
    for value in model.graph.inputs:
        dims = value.shape or ()
        value.shape = ir.Shape([dim if isinstance(dim, int) else sizes.get(str(dim.value), dim) for dim in dims])
    for node in model.graph:
        try:
            infer_outputs(node, model.graph.opset_imports)
            fits = node.op_type != "Reshape" or _counts(node.inputs[0]) in (None, _counts(node.outputs[0]))
        except onnx.shape_inference.InferenceError:
            fits = False
        if not fits:
            raise OptionError(
                f"The axes {', '.join(sizes)} cannot be opened: {node.name!r} ({node.op_type}) works for the size that "
                "the model was exported with alone; export it with these axes open."
            )


def _counts(value: ir.Value | None) -> int | None:
    """How many elements a value has, None where that is not known."""
    if value is None or value.shape is None:
        return None
    dims = [dim for dim in value.shape if isinstance(dim, int)]
    return math.prod(dims) if len(dims) == len(value.shape) else None
