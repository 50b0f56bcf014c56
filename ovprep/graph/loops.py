"""What is known of the loops of a graph."""

import onnx_ir as ir

_REASON = "ovprep.loop"


def explain_loop(node: ir.Node, reason: str) -> str:
    """Stores why a Loop or a Scan is no recurrence, and gives the sentence; `reason` says what the loop does."""
    sentence = f"{node.name!r} ({node.op_type}) stays a loop, since it {reason}."
    node.metadata_props[_REASON] = sentence
    return sentence


def why_a_loop(node: ir.Node) -> str | None:
    """The sentence that `explain_loop` stored."""
    return node.metadata_props.get(_REASON)
