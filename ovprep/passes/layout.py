"""Decides where the Transposes go, and writes those that move nothing as what they are."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.shapes import dims_of
from ovprep.layout.apply import LayoutChange, moves_nothing, optimise_layout, turn_in
from ovprep.passes.change import Change, counted


def lay_out(model: ir.Model) -> tuple[Change | None, LayoutChange]:
    """Runs the solver; see `ovprep.layout.apply.optimise_layout`."""
    result = optimise_layout(model)
    if not result.swapped and result.transposes_before == result.transposes_after:
        return None, result
    before, after = counted(result.transposes_before, "Transpose"), result.transposes_after
    return Change(f"placed layouts: {before} became {after}", result.swapped), result


def reshape_trivial_transposes(model: ir.Model) -> Change | None:
    """A Transpose that moves an axis of size one moves no data.

    x [N, W, 1] -> Transpose -> [N, 1, W]
    becomes
    x [N, W, 1] -> Reshape -> [N, 1, W]

    Likewise between `[N, C, 1, 1]` and `[N, 1, 1, C]`.
    """
    graph = model.graph
    done = []
    for node in list(graph):
        perm, source = turn_in(node), node.inputs[0] if node.inputs else None
        if source is None or not perm or not moves_nothing(source, perm):
            continue
        target = [0, *(-1 if dim is None else dim for dim in dims_of(node.outputs[0])[1:])]
        if target.count(-1) > 1:
            continue
        build = Builder(graph, str(node.name), before=node)
        node.attributes.clear()
        node.op_type = "Reshape"
        node.resize_inputs(2)
        node.replace_input_with(1, build.ints(*target, name="shape"))
        done.append(str(node.name))
    return Change(f"wrote {counted(len(done), 'Transpose')} of one channel as a Reshape", tuple(done)) if done else None
