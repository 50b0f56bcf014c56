"""Max pooling between a convolution and an activation that falls somewhere."""

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.layout.rules.elementwise import ELEMENTWISE
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, give_copies

_FALLING = frozenset({"Abs", "Gelu", "HardSwish", "Mish"})
_SLOPED = frozenset({"Elu", "LeakyRelu"})
_OF_CONVOLUTION = frozenset({"Add", "Sub"})
"""Constants that the plugin takes into a convolution as its bias."""


def hold_pooling(model: ir.Model) -> Change | None:
    """A max pooling behind a convolution and ahead of an activation that is not monotonic.

    The plugin exchanges pooling and activation, so that the convolution can take the activation in. The largest value
    has the largest image only where the activation never falls; Swish and its kin fall below zero.

    Conv -> MaxPool -> Gelu
    becomes
    Conv -> copy -> MaxPool -> Gelu, with the copy taken into the convolution
    """
    hit = [node for node in model.graph if _is_hit(node)]
    give_copies(model.graph, hit)
    if not hit:
        return None
    return Change(
        f"kept OpenVINO from moving {counted(len(hit), 'MaxPool')} behind an activation that is not monotonic",
        tuple(str(node.name) for node in hit),
    )


def _is_hit(node: ir.Node) -> bool:
    if node.op_type != "MaxPool" or not _is_convolution(node.inputs[0]):
        return False
    users = [user for user, _ in node.outputs[0].uses()]
    if any(_falls(user) for user in users):
        return True
    return len(users) > 1 and all(user.op_type in ELEMENTWISE for user in users)  # an activation in several ops


def _is_convolution(value: ir.Value | None) -> bool:
    """Whether a value is that of a convolution, perhaps with its bias in an op of its own."""
    node = value.producer() if value is not None else None
    while node is not None and node.op_type in _OF_CONVOLUTION:
        computed = [one for one in node.inputs if one is not None and not one.is_initializer()]
        node = computed[0].producer() if len(computed) == 1 else None
    return node is not None and node.op_type == "Conv"


def _falls(node: ir.Node) -> bool:
    if node.op_type == "PRelu":
        slope = array_of(node.inputs[1])
        return slope is None or float(np.min(slope)) < 0
    if node.op_type in _SLOPED:
        return node.attributes.get_float("alpha", 1.0) < 0
    return node.op_type in _FALLING


def _reproducer() -> Reproducer:
    sketch = Sketch()
    x = sketch.op("Conv", sketch.input(1, 6, 10), sketch.weights(5, 6, 3))
    sketch.output(sketch.op("Gelu", sketch.op("MaxPool", x, kernel_shape=(3,))))
    return sketch.done()


MOVED_POOLING = Defect(
    "moved-pooling",
    "A max pooling between a convolution and an activation that is not monotonic, as Gelu or Swish, runs behind the "
    "activation.",
    seen=TESTED,
    avoid=hold_pooling,
    reproduce=_reproducer,
)
