"""Which functions of TensorFlow a file may name, where a Keras would call them to load it.

`TFOpLambda` and its like are called while a model is built, on whatever the file gives them, and TensorFlow also has
functions that write and delete files. So there is a list of what is allowed, never of what is not.
"""

import re
from collections.abc import Mapping
from typing import Any

from ovprep.frontends.keras.operations.functions import FUNCTIONS
from ovprep.frontends.keras.operations.nodes import NODES

_PURE = ("__operators__.", "linalg.", "math.", "nn.", "signal.")
_PURE_NODES = frozenset({*NODES, "ConcatV2", "Einsum", "StridedSlice"})
_OP = re.compile(r'\bop:\s*"([^"]*)"')


def harmful_call(entry: Mapping[str, Any]) -> str | None:
    """What a serialised layer would call that is not known to be without effects; None where it would not."""
    config = entry.get("config")
    kind = entry.get("class_name")
    if not isinstance(config, Mapping):
        return None
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        name = str(config.get("function")).removeprefix("compat.v1.")
        return None if name in FUNCTIONS or name.startswith(_PURE) else f"the function tf.{name}"
    if kind == "TensorFlowOpLayer":
        found = _node_types(config.get("node_def"))
        harmful = [op for op in found if op not in _PURE_NODES]
        told = (harmful or ["of a node that it does not state"])[0]
        return None if found and not harmful else f"the operation {told}"
    if kind in ("ClassMethod", "InstanceMethod"):
        return f"the method {config.get('fn_name', config.get('method_name'))}"
    return None


def _node_types(node: Any) -> list[str]:
    """The types of operations that a node definition names, as text or as JSON."""
    if isinstance(node, Mapping):
        return [str(node["op"])] if isinstance(node.get("op"), str) else []
    return _OP.findall(node) if isinstance(node, str) else []
