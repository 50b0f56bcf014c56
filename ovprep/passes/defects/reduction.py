"""Reductions over the last axis of three, with an operation per channel behind them."""

import onnx_ir as ir

from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.constants import int_of, ints_of, set_int
from ovprep.graph.edit import replace_value
from ovprep.graph.shapes import dims_of, rank_of
from ovprep.layout.rules.elementwise import ELEMENTWISE
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch

_REDUCTION_OF = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax"}


def avoid_reduction_defect(model: ir.Model) -> Change | None:
    """A reduction over the last axis of a rank-3 tensor, with a per-channel operation fused behind it.

    At f32 and bf16, for all reductions and for global pooling: right at batch 1, and off by more than the output's own
    size from batch 2 on, since the fused operand advances with the batch. A reduction of `[N, C, 1, W]` over both last
    axes is right, and as fast.

    ReduceMean [N, C, W] over 2 -> Mul [1, C]
    becomes
    Unsqueeze [N, C, 1, W] -> ReduceMean over 2, 3 -> Mul [1, C]
    """
    hit = [node for node in model.graph if _is_hit(node)]
    for node in hit:
        _lift(model.graph, node)
    if not hit:
        return None
    return Change(
        f"lifted {counted(len(hit), 'reduction')} that OpenVINO's CPU plugin gets wrong in batches",
        tuple(str(node.name) for node in hit),
    )


def _lift(graph: ir.Graph, node: ir.Node) -> None:
    keeps = node.op_type in _REDUCTION_OF or bool(int_of(node, "keepdims", 1))
    before = Builder(graph, str(node.name), before=node)
    node.op_type = _REDUCTION_OF.get(node.op_type, node.op_type)
    node.attributes.pop("axes", None)
    set_int(node, "keepdims", 0)
    node.resize_inputs(2)
    node.replace_input_with(0, before.op("Unsqueeze", node.inputs[0], before.ints(2, name="axes")))
    node.replace_input_with(1, before.ints(2, 3, name="axes"))
    infer_outputs(node, graph.opset_imports)
    if keeps:
        after = Builder(graph, str(node.name), after=node)
        kept = after.op("Unsqueeze", node.outputs[0], after.ints(2, name="axes"))
        replace_value(graph, node.outputs[0], kept, keep=kept.producer())


def _is_hit(node: ir.Node) -> bool:
    if not node.inputs or rank_of(node.inputs[0]) != 3 or not _is_over_last(node):
        return False
    output = node.outputs[0]
    return any(
        user.op_type in ELEMENTWISE and rank_of(user.outputs[0]) and dims_of(user.outputs[0]) == dims_of(output)
        for user, _ in output.uses()
    )


def _is_over_last(node: ir.Node) -> bool:
    if node.op_type in _REDUCTION_OF:
        return True
    axes = ints_of(node, "axes", 1) if node.op_type.startswith("Reduce") else None
    return axes is not None and [axis % 3 for axis in axes] == [2]


def _reproducer() -> Reproducer:
    sketch = Sketch()
    mean = sketch.op("ReduceMean", sketch.input(2, 8, 16), sketch.ints(2))
    sketch.output(sketch.op("Mul", mean, sketch.weights(8, 1)))
    return sketch.done()


REDUCTION = Defect(
    "reduction-per-channel",
    "A reduction over the last axis of a rank-3 tensor, followed by an operation with a number per channel, is wrong "
    "from the second sample of a batch on.",
    seen=TESTED,
    avoid=avoid_reduction_defect,
    reproduce=_reproducer,
)
