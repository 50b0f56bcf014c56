"""Moves zero padding into the convolution that reads it."""

import onnx_ir as ir

from ovprep.graph.constants import array_of, ints_of, set_ints
from ovprep.graph.edit import remove_unused
from ovprep.passes.change import Change, counted


def fold_padding(model: ir.Model) -> Change | None:
    """A convolution pads for nothing, and on either side alone if need be, as causal padding does.

    Pad(0, 0, 2, 0, 0, 0) -> Conv(pads=[0, 0])
    becomes
    Conv(pads=[2, 0])
    """
    graph = model.graph
    folded = []
    for node in list(graph):
        spatial = _spatial_padding_of(node)
        uses = list(node.outputs[0].uses())
        if spatial is None or not uses or node.outputs[0].is_graph_output():
            continue
        if not all(_can_pad(user, index) for user, index in uses):
            continue
        for user, _ in uses:
            valid = user.attributes.get_string("auto_pad", "NOTSET") == "VALID"
            own = (not valid and ints_of(user, "pads")) or (0,) * len(spatial)
            set_ints(user, "pads", [mine + added for mine, added in zip(own, spatial, strict=True)])
            user.attributes.pop("auto_pad", None)
            user.replace_input_with(0, node.inputs[0])
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


def _spatial_padding_of(node: ir.Node) -> list[int] | None:
    """Pads of the spatial axes, where a node pads these alone."""
    numbers = zero_padding_of(node)
    rank = len(numbers) // 2 if numbers is not None else 0
    if numbers is None or any(numbers[:2]) or any(numbers[rank : rank + 2]):
        return None
    return numbers[2:rank] + numbers[rank + 2 :]


def _can_pad(node: ir.Node, index: int) -> bool:
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    return node.op_type == "Conv" and index == 0 and padding in ("NOTSET", "VALID")
