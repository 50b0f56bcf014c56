"""One rule per op family. The modules are imported by name: a rule that fails to import must not vanish."""

from ovprep.layout.rules import axes, elementwise, flatten, matmul, reshape, spatial
from ovprep.layout.rules.registry import (
    RULES,
    Free,
    Pinned,
    Ruling,
    Swap,
    oriented_inputs,
    oriented_outputs,
    rank_in,
    ruling_of,
)

__all__ = [
    "RULES",
    "Free",
    "Pinned",
    "Ruling",
    "Swap",
    "axes",
    "elementwise",
    "flatten",
    "matmul",
    "oriented_inputs",
    "oriented_outputs",
    "rank_in",
    "reshape",
    "ruling_of",
    "spatial",
]
