"""Writes BatchNormalization as what it is at inference: one Mul and one Add."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import rank_of
from ovprep.passes.change import Change, counted


def decompose_batch_norm(model: ir.Model) -> Change | None:
    """Free in either layout, and ready to be folded.

    BatchNormalization(x, scale, bias, mean, var)
    becomes
    Mul(x, scale / sqrt(var + epsilon)) -> Add(bias - mean * scale / sqrt(var + epsilon))
    """
    graph = model.graph
    done = []
    for node in list(graph):
        rank = rank_of(node.inputs[0]) if node.op_type == "BatchNormalization" else None
        arrays = [array_of(value) for value in node.inputs[1:5]] if rank is not None else []
        if rank is None or int_of(node, "training_mode", 0) or any(array is None for array in arrays):
            continue
        scale, bias, mean, variance = (np.asarray(array, np.float64) for array in arrays)
        epsilon = node.attributes.get_float("epsilon", 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        shape = (1, -1) + (1,) * (rank - 2)
        build = Builder(graph, str(node.name), before=node)
        dtype = node.inputs[1].dtype.numpy() if node.inputs[1] is not None and node.inputs[1].dtype else np.float32
        scaled = build.op("Mul", node.inputs[0], build.constant(factor.reshape(shape).astype(dtype), "scale"))
        shift = (bias - mean * factor).reshape(shape).astype(dtype)
        replace_value(graph, node.outputs[0], build.op("Add", scaled, build.constant(shift, "shift")))
        done.append(str(node.name))
    remove_unused(graph)
    return (
        Change(f"wrote {counted(len(done), 'BatchNormalization')} as a Mul and an Add", tuple(done)) if done else None
    )
