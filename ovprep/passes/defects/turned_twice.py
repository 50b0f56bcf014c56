"""An activation between two Transposes behind a convolution."""

import onnx_ir as ir

from ovprep.layout.apply import is_swap
from ovprep.layout.rules.elementwise import ELEMENTWISE
from ovprep.passes.change import Change, counted
from ovprep.passes.defects.row import TESTED, Defect, Reproducer, Sketch, give_copies

_RESHAPING = frozenset(("Reshape", "Flatten", "Squeeze", "Unsqueeze"))
_STOPPING = frozenset(("PRelu", "LeakyRelu"))
"""Elementwise ops that the plugin does not move."""


def hold_turn(model: ir.Model) -> Change | None:
    """An activation of a convolution's result, channel-last for no longer than that, where shapes are fixed.

    The plugin takes the activation into the convolution, then the two Transposes for a mere change of memory format,
    and leaves one of them out. Reshapes that come to nothing, which the layout pass cannot see through where sizes are
    open, vanish before that, so they may stand between.

    Conv -> Transpose(0, 2, 1) -> Sigmoid -> Transpose(0, 2, 1)
    becomes
    Conv -> Transpose(0, 2, 1) -> Sigmoid -> copy -> Transpose(0, 2, 1)
    """
    hit = [node for node in model.graph if is_swap(node) and _is_back_from_convolution(node)]
    give_copies(model.graph, hit)
    if not hit:
        return None
    return Change(
        f"kept OpenVINO from leaving out {counted(len(hit), 'Transpose')} behind an activation",
        tuple(str(node.name) for node in hit),
    )


def _is_back_from_convolution(node: ir.Node) -> bool:
    turned = _behind(node, ELEMENTWISE - _STOPPING | _RESHAPING)
    if turned is None or not is_swap(turned):
        return False
    source = _behind(turned, ELEMENTWISE)
    return source is not None and source.op_type == "Conv"


def _behind(node: ir.Node, passed: frozenset[str]) -> ir.Node | None:
    """What a node is computed from, beyond ops of some types that have one computed input."""
    while True:
        computed = [one for one in node.inputs if one is not None and not one.is_initializer()]
        before = computed[0].producer() if computed and (len(computed) == 1 or node.op_type in _RESHAPING) else None
        if before is None or before.op_type not in passed:
            return before
        node = before


def _reproducer() -> Reproducer:
    sketch = Sketch()
    x = sketch.op("Conv", sketch.input(1, 6, 10), sketch.weights(5, 6, 3))
    x = sketch.op("Sigmoid", sketch.op("Transpose", x, perm=(0, 2, 1)))
    sketch.output(sketch.op("Transpose", x, perm=(0, 2, 1)))
    return sketch.done()


TURNED_TWICE = Defect(
    "turned-twice",
    "Of two Transposes around an activation, behind a convolution, one is left out where shapes are fixed.",
    seen=TESTED,
    avoid=hold_turn,
    reproduce=_reproducer,
)
