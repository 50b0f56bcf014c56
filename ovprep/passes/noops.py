"""Removes what does nothing at inference."""

import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.edit import leave_out, remove_unused
from ovprep.passes.change import Change, counted


def remove_noops(model: ir.Model) -> Change | None:
    """Identity, and Dropout outside of training, give their users their input.

    Conv -> Dropout -> Identity -> Relu
    becomes
    Conv -> Relu
    """
    graph = model.graph
    idle = [node for node in graph if node.inputs and _does_nothing(node)]
    removed = [str(node.name) for node in idle if leave_out(graph, node)]
    dead = remove_unused(graph) - len(removed)
    if not removed and not dead:
        return None
    done = [f"removed {counted(len(removed), 'no-op')}"] * bool(removed)
    done += [f"removed {counted(dead, 'unused op')}"] * (dead > 0)
    return Change(", ".join(done), tuple(removed))


def _does_nothing(node: ir.Node) -> bool:
    if node.op_type == "Identity":
        return True
    if node.op_type != "Dropout":
        return False
    mode = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    training = (mode is not None and bool(mode)) or (
        mode is None and len(node.inputs) > 2 and node.inputs[2] is not None
    )
    mask_used = len(node.outputs) > 1 and bool(node.outputs[1].uses())
    return not training and not mask_used
