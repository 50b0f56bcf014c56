"""Gives the model a channel-last interface."""

import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.names import unique_name
from ovprep.interface import Interface
from ovprep.layout.letters import infer_interface
from ovprep.layout.rules.registry import PERM
from ovprep.passes.change import Change


def channel_last_interface(model: ir.Model) -> Change | None:
    """Turns every input and output that is known to be NCW into NWC; the layout pass then sees to the Transposes.

    x [N, C, W] -> Conv -> y [N, C, W]
    becomes
    x [N, W, C] -> Transpose -> Conv -> Transpose -> y [N, W, C]
    """
    before = infer_interface(model)
    turned = _turn_inputs(model.graph, before) + _turn_outputs(model.graph, before)
    if not turned:
        return None
    return Change(f"made {', '.join(turned)} channel-last (NCW to NWC)", tuple(turned))


def _turn_inputs(graph: ir.Graph, interface: Interface) -> list[str]:
    turned = []
    for index, port in enumerate(interface.inputs):
        if port.layout != "NCW":
            continue
        old = graph.inputs[index]
        old.name = unique_name(graph, f"{port.name}/ncw")
        assert old.shape is not None
        new = ir.val(port.name, dtype=old.dtype, shape=ir.Shape([old.shape[axis] for axis in PERM]))
        graph.inputs[index] = new
        inside = Builder(graph, port.name, before=graph[0]).op("Transpose", new, perm=PERM)
        old.replace_all_uses_with(inside, replace_graph_outputs=True)
        turned.append(port.name)
    return turned


def _turn_outputs(graph: ir.Graph, interface: Interface) -> list[str]:
    turned = []
    for index, port in enumerate(interface.outputs):
        if port.layout != "NCW":
            continue
        old = graph.outputs[index]
        old.name = unique_name(graph, f"{port.name}/ncw")
        new = Builder(graph, port.name).op("Transpose", old, perm=PERM)
        new.name = port.name
        graph.outputs[index] = new
        turned.append(port.name)
    return turned
