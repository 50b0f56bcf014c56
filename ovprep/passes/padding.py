"""Moves zero padding into the convolution that reads it."""

import onnx_ir as ir

from ovprep.graph.builder import infer_outputs
from ovprep.graph.constants import array_of, ints_of, set_ints
from ovprep.graph.edit import remove_unused
from ovprep.layout.apply import is_swap
from ovprep.layout.rules.registry import PERM
from ovprep.passes.change import Change, counted


def fold_padding(model: ir.Model) -> Change | None:
    """A convolution pads for nothing, and on either side alone if need be, as causal padding does.

    Pad(0, 0, 2, 0, 0, 0) -> Conv(pads=[0, 0])
    becomes
    Conv(pads=[2, 0])

    Also where a Transpose stands between them, which then turns less.
    """
    graph = model.graph
    folded = []
    for node in list(graph):
        numbers, swap = zero_padding_of(node), _swap_behind(node)
        value = node.outputs[0] if swap is None else swap.outputs[0]
        spatial = None if numbers is None else _spatial(numbers, swapped=swap is not None)
        uses = list(value.uses())
        if spatial is None or not uses or value.is_graph_output() or node.outputs[0].is_graph_output():
            continue
        if not all(_can_pad(user, index) for user, index in uses):
            continue
        for user, _ in uses:
            _pad(user, spatial)
            if swap is None:
                user.replace_input_with(0, node.inputs[0])
        if swap is not None:
            swap.replace_input_with(0, node.inputs[0])
            infer_outputs(swap, graph.opset_imports)
        folded.append(str(node.name))
    remove_unused(graph)
    return (
        Change(f"folded {counted(len(folded), 'Pad')} into the convolution behind", tuple(folded)) if folded else None
    )


def zero_padding_of(node: ir.Node) -> list[int] | None:
    """Pads of all axes, beginnings then ends, where a node pads with zeros and cuts nothing."""
    if node.op_type != "Pad" or node.attributes.get_string("mode", "constant") != "constant":
        return None
    pads = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    fill = array_of(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else 0
    if pads is None or fill is None or fill != 0 or (len(node.inputs) > 3 and node.inputs[3] is not None):
        return None
    numbers = [int(number) for number in pads]
    return numbers if min(numbers) >= 0 else None


def _swap_behind(node: ir.Node) -> ir.Node | None:
    """The Transpose to channel-first that alone reads a node."""
    uses = list(node.outputs[0].uses())
    return uses[0][0] if len(uses) == 1 and is_swap(uses[0][0]) else None


def _spatial(numbers: list[int], swapped: bool) -> list[int] | None:
    """Pads of the spatial axes, where no other axis is padded."""
    rank = len(numbers) // 2
    pads = [numbers[:rank], numbers[rank:]]
    if swapped:
        pads = [[side[axis] for axis in PERM] for side in pads]
    return None if any(pads[0][:2]) or any(pads[1][:2]) else pads[0][2:] + pads[1][2:]


def _pad(node: ir.Node, spatial: list[int]) -> None:
    valid = node.attributes.get_string("auto_pad", "NOTSET") == "VALID"
    own = (not valid and ints_of(node, "pads")) or (0,) * len(spatial)
    set_ints(node, "pads", [mine + added for mine, added in zip(own, spatial, strict=True)])
    node.attributes.pop("auto_pad", None)


def _can_pad(node: ir.Node, index: int) -> bool:
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    return node.op_type == "Conv" and index == 0 and padding in ("NOTSET", "VALID")
