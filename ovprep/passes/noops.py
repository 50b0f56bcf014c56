"""Removes what does nothing at inference."""

import onnx_ir as ir

from ovprep.graph.constants import array_of
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.passes.change import Change, counted


def remove_noops(model: ir.Model) -> Change | None:
    """Identity, and Dropout outside of training, give their users their input.

    Conv -> Dropout -> Identity -> Relu
    becomes
    Conv -> Relu
    """
    graph = model.graph
    removed = []
    for node in list(graph):
        source, output = node.inputs[0] if node.inputs else None, node.outputs[0]
        if source is None or not _does_nothing(node):
            continue
        if output.is_graph_output() and (source.producer() is None or source.is_graph_output()):
            continue  # an output needs a node of its own
        replace_value(graph, output, source)
        removed.append(str(node.name))
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
