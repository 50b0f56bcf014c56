"""One file per family of Keras layers and operation nodes."""

from ovprep.relayout.rules import (
    data_format,
    elementwise,
    flatten,
    merging,
    normalization,
    operations,
    pinned,
    steps,
    wrappers,
)
from ovprep.relayout.rules.registry import RULES, Case, Free, Pinned, Ruling, Swap, entry_of, has_format

__all__ = [
    "RULES",
    "Case",
    "Free",
    "Pinned",
    "Ruling",
    "Swap",
    "data_format",
    "elementwise",
    "entry_of",
    "flatten",
    "has_format",
    "merging",
    "normalization",
    "operations",
    "pinned",
    "steps",
    "wrappers",
]
