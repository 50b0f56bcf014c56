"""Lifts the body of a model to rank 4, `[N, C, 1, W]`, which OpenVINO's CPU plugin runs faster in some models."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of, set_ints
from ovprep.graph.edit import given_shape, remove_unused, replace_value
from ovprep.graph.shapes import rank_of
from ovprep.layout.apply import is_swap
from ovprep.passes.change import Change, counted
from ovprep.passes.rank import axes, elementwise, windows
from ovprep.passes.rank.body import Body, body_of
from ovprep.passes.rank.registry import RANK

__all__ = ["axes", "elementwise", "lift_to_rank_4", "reason_to_lift", "windows"]


def reason_to_lift(model: ir.Model) -> str | None:
    """The first op that may run faster at rank 4, in words; None where experience knows of none."""
    for node in model.graph:
        if rank_of(node.inputs[0] if node.inputs else None) != RANK:
            continue
        weights = array_of(node.inputs[1]) if node.op_type == "Conv" else None
        depthwise = weights is not None and weights.shape[1] == 1 and int_of(node, "group", 1) > 1
        if depthwise or node.op_type in ("ConvTranspose", "Resize"):
            return f"{'depthwise ' if depthwise else ''}{node.op_type} {node.name}"
    return None


def lift_to_rank_4(model: ir.Model) -> Change | str:
    """The whole body gains an axis of size one, or nothing does; then the reason comes back.

    x [N, W, C] -> Transpose -> Conv [3] -> Relu -> Transpose -> y [N, W, C]
    becomes
    x [N, W, C] -> Unsqueeze [N, 1, W, C] -> Transpose -> Conv [1, 3] -> Relu -> Transpose -> Squeeze -> y [N, W, C]

    Where channels come last, the axis stands before the length: the plugin then takes the Transpose as a mere change
    of its memory format.
    """
    body = body_of(model.graph)
    if isinstance(body, str):
        return body
    _lift(model.graph, body)
    _cancel(model.graph)
    remove_unused(model.graph)
    return Change(f"lifted {counted(len(body.lifts), 'op')} to rank 4", tuple(str(node.name) for node in body.lifts))


def _lift(graph: ir.Graph, body: Body) -> None:
    """Edits the ops in their order, with an Unsqueeze or a Squeeze where a tensor enters or leaves them."""
    readers = {(node, index) for node, lift in body.lifts.items() for index in lift.inputs}
    high: dict[ir.Value, ir.Value] = {}
    for node in list(graph):
        if node not in body.lifts:
            continue
        lift, before, axis = body.lifts[node], Builder(graph, str(node.name), before=node), body.axes[node]
        if is_swap(node):
            set_ints(node, "perm", swapped(*axis))
        for index in lift.inputs:
            value = node.inputs[index]
            assert value is not None
            if value not in high:
                high[value] = before.op("Unsqueeze", value, before.ints(axis[0], name="axes"))
            node.replace_input_with(index, high[value])
        lift.edit(before, axis[0])
        for index in lift.outputs:
            output = node.outputs[index]
            high[_low(graph, output, axis[1], readers)] = output


def _cancel(graph: ir.Graph) -> None:
    """Leaves out what would drop the axis and add it again at once, as where the interface has it too."""
    for node in graph:
        made = node.inputs[0].producer() if node.op_type == "Unsqueeze" and node.inputs[0] is not None else None
        if made is None or made.op_type != "Squeeze" or ints_of(made, "axes", 1) != ints_of(node, "axes", 1):
            continue
        source = made.inputs[0]
        if source is not None and not (source.is_graph_input() and node.outputs[0].is_graph_output()):
            replace_value(graph, node.outputs[0], source)


def swapped(before: int, after: int) -> list[int]:
    """The perm of a swap whose input has the new axis at `before`, and whose output has it at `after`.

    From 1 to 2, `[N, 1, W, C]` to `[N, C, 1, W]`, that is 0, 3, 1, 2.
    """
    source, target = ["N", "one", "other"], ["N", "other", "one"]
    source.insert(before, "new")
    target.insert(after, "new")
    return [source.index(letter) for letter in target]


def _low(graph: ir.Graph, output: ir.Value, axis: int, readers: set[tuple[ir.Node, int]]) -> ir.Value:
    """Puts the axis into the shape of an output; returns what its readers have: it, or a Squeeze of it."""
    assert output.shape is not None
    shape = ir.Shape([*output.shape[:axis], 1, *output.shape[axis:]])
    return given_shape(graph, output, shape, "Squeeze", axis, readers)
