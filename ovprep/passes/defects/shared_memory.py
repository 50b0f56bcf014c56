"""Values that are both an output in another shape and, transposed, what a convolution reads."""

import onnx_ir as ir

from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, give_copies

_IN_PLACE = ("Concat", "Flatten", "Reshape", "Squeeze", "Unsqueeze")
"""Read where their input lies; Concat does with a batch of one."""
_CONVOLUTIONS = ("Conv", "ConvTranspose")


def part_shared_memory(model: ir.Model) -> Change | None:
    """A computed value that goes to an output through a Reshape, and to a convolution through a Transpose.

    Both work in place, and at fixed shapes the plugin gives the convolution memory that nothing was written to.

    Reshape(x) -> y;  Conv(Transpose(x))
    becomes
    Reshape(x) -> y;  Conv(Transpose(copy of x))
    """
    hit = [node for node in model.graph if node.op_type == "Transpose" and _is_hit(node)]
    give_copies(model.graph, hit)
    if not hit:
        return None
    return Change(
        f"gave {counted(len(hit), 'Transpose')} a copy of a value that OpenVINO's CPU plugin would overwrite",
        tuple(str(node.name) for node in hit),
    )


def _is_hit(transpose: ir.Node) -> bool:
    source = transpose.inputs[0]
    if source is None or source.producer() is None or source.dtype != ir.DataType.FLOAT:
        return False
    if not any(user.op_type in _CONVOLUTIONS and index == 0 for user, index in transpose.outputs[0].uses()):
        return False
    return any(user.op_type in _IN_PLACE and _reaches_output(user.outputs[0]) for user, _ in source.uses())


def _reaches_output(value: ir.Value) -> bool:
    """Whether a value is an output, or becomes one in place."""
    waiting, seen = [value], {value}
    while waiting:
        one = waiting.pop()
        if one.is_graph_output():
            return True
        behind = {user.outputs[0] for user, _ in one.uses() if user.op_type in _IN_PLACE} - seen
        waiting += behind
        seen |= behind
    return False


def _reproducer() -> Reproducer:
    sketch = Sketch()
    x = sketch.op("Mul", sketch.input(2, 6, 5), sketch.weights(5))
    turned = sketch.op("Transpose", x, perm=(0, 2, 1))
    sketch.output(sketch.op("Flatten", x), sketch.op("Conv", turned, sketch.weights(4, 5, 3)))
    return sketch.done()


SHARED_MEMORY = Defect(
    "shared-memory",
    "At fixed shapes, a value that becomes an output through a Reshape and is read by a convolution through a "
    "Transpose reaches the convolution as memory that nothing was written to.",
    seen=TESTED,
    avoid=part_shared_memory,
    reproduce=_reproducer,
)
