"""Avoids what OpenVINO's CPU plugin computes wrongly. Last before emission, so that nothing undoes it."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, ints_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.shapes import rank_of
from ovprep.layout.rules.elementwise import BROADCASTING, UNARY
from ovprep.passes.change import Change, counted

_ELEMENTWISE = frozenset((*UNARY, *BROADCASTING))


def avoid_reduction_defect(model: ir.Model) -> Change | None:
    """A reduction over the last axis of a rank-3 tensor, with a per-channel operation fused behind it.

    Seen in OpenVINO 2026.4.1 at f32 and bf16, for ReduceMean, ReduceMax, ReduceSum and ReduceL2: right at batch 1, and
    off by more than the output's own size from batch 2 on, since the fused operand advances with the batch. A
    reduction of `[N, C, 1, W]` over both last axes is right, and as fast.

    ReduceMean [N, C, W] over 2 -> Mul [1, C]
    becomes
    Unsqueeze [N, C, 1, W] -> ReduceMean over 2, 3 -> Mul [1, C]
    """
    graph = model.graph
    done = []
    for node in list(graph):
        if not _is_hit(node):
            continue
        build = Builder(graph, str(node.name), before=node)
        lifted = build.op("Unsqueeze", node.inputs[0], build.ints(2, name="axes"))
        reduced = build.op(node.op_type, lifted, build.ints(2, 3, name="axes"), keepdims=0)
        if int_of(node, "keepdims", 1):
            reduced = build.op("Unsqueeze", reduced, build.ints(2, name="axes"))
        replace_value(graph, node.outputs[0], reduced)
        done.append(str(node.name))
    remove_unused(graph)
    if not done:
        return None
    return Change(
        f"lifted {counted(len(done), 'reduction')} that OpenVINO's CPU plugin gets wrong in batches", tuple(done)
    )


def _is_hit(node: ir.Node) -> bool:
    if not node.op_type.startswith("Reduce") or rank_of(node.inputs[0]) != 3:
        return False
    axes = ints_of(node, "axes", 1)
    over_last = axes is not None and [axis % 3 for axis in axes] == [2]
    return over_last and any(user.op_type in _ELEMENTWISE for user, _ in node.outputs[0].uses())
