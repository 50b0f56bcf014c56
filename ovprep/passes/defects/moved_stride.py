"""Convolutions of kernel one with a stride and padding."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, ints_of
from ovprep.graph.shapes import dims_of
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, copied


def hold_strides(model: ir.Model) -> Change | None:
    """A convolution of kernel one with a stride and padding, on a computed value.

    OpenVINO moves its stride to where the value is computed, as if there were no padding; the plugin then reads other
    samples, or memory beyond the tensor, which may end the process. It moves no stride past a PRelu.

    Conv [1], stride 2, pads 1, 1
    becomes
    Conv [1], stride 2, pads 1, 1, of a copy
    """
    hit = [node for node in model.graph if _is_hit(node)]
    for node in hit:
        source = node.inputs[0]
        assert source is not None
        node.replace_input_with(0, copied(Builder(model.graph, str(node.name), before=node), source))
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
    if source is None or source.producer() is None or weights is None or set(dims_of(weights)[2:]) != {1}:
        return False
    if not any(ints_of(node, "pads") or ()) or max(ints_of(node, "strides") or (1,)) == 1:
        return False
    producer = source.producer()
    return producer is None or producer.op_type != "PRelu"


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
