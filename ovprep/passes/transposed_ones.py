"""Takes axes of size one out of Transposes between two Reshapes."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.extents import Extent
from ovprep.graph.refinement import reshape_target
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.change import Change, counted

_ONE = Extent(1)


def narrow_transposes(model: ir.Model) -> Change | None:
    """What a dilation along one of two axes makes comes to what a dilation along the only axis makes.

    x [N, 8, C] -> Reshape [N, 1, 1, 4, 2, C] -> Transpose(1, 4, 0, 2, 3, 5) -> Reshape [2*N, 4, C]
    becomes
    x [N, 8, C] -> Reshape [N, 4, 2, C] -> Transpose(2, 0, 1, 3) -> Reshape [2*N, 4, C]
    """
    graph, known = model.graph, ShapeValues()
    narrowed = []
    for node in list(graph):
        known.learn(node)
        source, perm = _source_of(node), ints_of(node, "perm") or ()
        dims = known.dims(node.inputs[0]) if source is not None else None
        if source is None or dims is None or _ONE not in dims:
            continue
        kept = [axis for axis, size in enumerate(dims) if size != _ONE]
        target = reshape_target(known.dims(source), tuple(dims[axis] for axis in kept))
        before_first_one = next(place for place, axis in enumerate(perm) if axis not in kept)
        if target is None or not _is_reshaped(node.outputs[0], before_first_one):
            continue
        build = Builder(graph, str(node.name), before=node)
        flat = build.op("Reshape", source, build.ints(*target, name="shape"))
        turned = build.op("Transpose", flat, perm=[kept.index(axis) for axis in perm if axis in kept])
        replace_value(graph, node.outputs[0], turned)
        narrowed.append(str(node.name))
    remove_unused(graph)
    if not narrowed:
        return None
    return Change(f"took axes of size one out of {counted(len(narrowed), 'Transpose')}", tuple(narrowed))


def _source_of(node: ir.Node) -> ir.Value | None:
    """What the Reshape before a Transpose reshapes."""
    if node.op_type != "Transpose" or "perm" not in node.attributes or node.inputs[0] is None:
        return None
    before = node.inputs[0].producer()
    return before.inputs[0] if before is not None and before.op_type == "Reshape" else None


def _is_reshaped(value: ir.Value, sizes: int) -> bool:
    """Whether only Reshapes read a value, which take no more than its first sizes from it."""
    for user, index in value.uses():
        target = ints_of(user, "", 1) if user.op_type == "Reshape" else None
        if index or target is None or 0 in target[sizes:]:
            return False
    return bool(value.uses()) and not value.is_graph_output()
