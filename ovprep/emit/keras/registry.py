"""The table of rules: one function per op family, which makes Keras layers of a node."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

if TYPE_CHECKING:
    from ovprep.emit.keras.writer import Writer

Emit = Callable[["Writer", ir.Node], Any]
EMITTERS: dict[tuple[str, str], Emit] = {}

ONNX = ""
LAST = "ovprep.channel_last"
"""The domain of ops on channel-last tensors, and of batch-first recurrences; see `ovprep.passes.channel_last`."""


def emits(*op_types: str, domain: str = ONNX) -> Callable[[Emit], Emit]:
    """Registers the rule of some ops: a function of the writer and the node that returns the tensor, or the tensors."""

    def register(function: Emit) -> Emit:
        for op_type in op_types:
            EMITTERS[domain, op_type] = function
        return function

    return register
