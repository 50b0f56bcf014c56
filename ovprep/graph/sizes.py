"""A graph with its open axes given sizes."""

from collections.abc import Mapping

import onnx_ir as ir

from ovprep.graph.builder import infer_outputs


def with_sizes(model: ir.Model, sizes: Mapping[str, int]) -> ir.Model:
    """A copy of the model whose open input axes have the given sizes, and all shapes inferred from these.

    Raises KeyError for an open axis that is not among the sizes.
    """
    fixed = model.clone()
    for value in fixed.graph.inputs:
        if value.shape is not None:
            value.shape = ir.Shape([dim if isinstance(dim, int) else sizes[str(dim.value)] for dim in value.shape])
    for node in fixed.graph:
        infer_outputs(node, fixed.graph.opset_imports)
    return fixed
