"""A graph with its open axes given sizes."""

from collections.abc import Mapping

import onnx_ir as ir

from ovprep.graph.builder import infer_outputs


def with_sizes(model: ir.Model, sizes: Mapping[str, int]) -> ir.Model:
    """A copy of the model whose open input axes have the given sizes, and all shapes inferred from these.

    Raises KeyError for an open axis that is not among the sizes.
    """
    fixed = model.clone()
    fix_sizes(fixed, sizes)
    return fixed


def fix_sizes(model: ir.Model, sizes: Mapping[str, int], *, rest_open: bool = False) -> None:
    """Gives the open input axes of the model, in place, these sizes, and infers all shapes from them.

    Raises KeyError for an open axis that is not among the sizes, unless `rest_open`.
    """
    for value in model.graph.inputs:
        if value.shape is not None:
            value.shape = ir.Shape([_size(dim, sizes, not rest_open) for dim in value.shape])
    for node in model.graph:
        before = [output.shape for output in node.outputs]
        infer_outputs(node, model.graph.opset_imports)
        for output, shape in zip(node.outputs, before, strict=True):
            if output.shape is None and shape is not None:  # as behind an If, which cannot be inferred by itself
                output.shape = ir.Shape([_size(dim, sizes, needed=False) for dim in shape])


def _size(dim: int | ir.SymbolicDim, sizes: Mapping[str, int], needed: bool) -> int | ir.SymbolicDim:
    if isinstance(dim, int):
        return dim
    name = str(dim.value)
    return sizes[name] if needed else sizes.get(name, dim)
