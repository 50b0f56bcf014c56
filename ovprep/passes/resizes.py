"""Names the axis that a Resize works along, where its sizes are computed for all axes."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused
from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import rank_of
from ovprep.passes.change import Change, counted

_SIZES = 3
"""The place of the sizes among the inputs."""
_LENGTH = 2


def name_resized_axes(model: ir.Model) -> Change | None:
    """Exporters write `interpolate(x, size=37)` of an open batch through the shape of `x`.

    x [N, C, W] -> Shape -> Slice -> Concat 37 -> Resize(x, sizes)
    becomes
    x [N, C, W] -> Resize(x, sizes 37, axes 2)
    """
    graph, known = model.graph, ShapeValues()
    named = []
    for node in graph:
        known.learn(node)
        sizes = node.inputs[_SIZES] if node.op_type == "Resize" and len(node.inputs) > _SIZES else None
        if sizes is None or array_of(sizes) is not None or "axes" in node.attributes or rank_of(node.inputs[0]) != 3:
            continue
        if node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
            continue  # the sizes of all axes decide
        before, after = known.dims(node.inputs[0]), known.numbers(sizes)
        if before is None or after is None or len(after) != 3 or before[:_LENGTH] != after[:_LENGTH]:
            continue
        if _write(Builder(graph, str(node.name), before=node), node, before[_LENGTH], after[_LENGTH]):
            named.append(str(node.name))
    remove_unused(graph)
    return Change(f"named the axis of {counted(len(named), 'Resize')}", tuple(named)) if named else None


def _write(build: Builder, node: ir.Node, before: Extent, after: Extent) -> bool:
    """Gives the node a size for its length alone, or scales where the length is open; False where neither is known."""
    if after.number is not None:
        node.replace_input_with(_SIZES, build.ints(after.number, name="sizes"))
        node.attributes["axes"] = ir.AttrInt64s("axes", (_LENGTH,))
        return True
    if before.plus or after.plus or before.of != after.of or not before.times or after.times % before.times:
        return False
    scales = np.array([1, 1, after.times // before.times], np.float32)
    node.replace_input_with(_SIZES, None)
    node.replace_input_with(2, build.constant(scales, "scales"))
    node.resize_inputs(_SIZES)
    return True
