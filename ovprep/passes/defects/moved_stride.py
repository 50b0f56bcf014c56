"""Convolutions of kernel one with a stride and padding."""

import onnx_ir as ir

from ovprep.graph.constants import int_of, ints_of
from ovprep.graph.shapes import dims_of
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, give_copies


def hold_strides(model: ir.Model) -> Change | None:
    """A convolution of kernel one with a stride and padding, on a computed value.

    OpenVINO moves its stride to where the value is computed, as if there were no padding; the plugin then reads other
    samples, or memory beyond the tensor, which may end the process. It moves no stride past a PRelu.

    Conv [1], stride 2, pads 1, 1
    becomes
    Conv [1], stride 2, pads 1, 1, of a copy
    """
    hit = [node for node in model.graph if _is_hit(node)]
    give_copies(model.graph, hit)
    if not hit:
        return None
    return Change(
        f"kept OpenVINO from moving the stride of {counted(len(hit), 'padded convolution')} of kernel one",
        tuple(str(node.name) for node in hit),
    )


def _is_hit(node: ir.Node) -> bool:
    if node.op_type != "Conv" or int_of(node, "group", 1) > 1:
        return False
    source, weights = node.inputs[:2]
    producer = source.producer() if source is not None else None
    if producer is None or producer.op_type == "PRelu" or weights is None or set(dims_of(weights)[2:]) != {1}:
        return False
    return any(ints_of(node, "pads") or ()) and max(ints_of(node, "strides") or (1,)) > 1


def _reproducer() -> Reproducer:
    sketch = Sketch()
    x = sketch.op("Tanh", sketch.input(1, 4, 16))
    sketch.output(sketch.op("Conv", x, sketch.weights(3, 4, 1), pads=(1, 1), strides=(2,)))
    return sketch.done()


MOVED_STRIDE = Defect(
    "moved-stride",
    "A convolution of kernel one with a stride and padding, on a computed value, reads the wrong samples or memory "
    "beyond the tensor.",
    seen=TESTED,
    avoid=hold_strides,
    reproduce=_reproducer,
)
