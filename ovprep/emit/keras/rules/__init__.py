"""One rule per op family. The modules are imported by name: a rule that fails to import must not vanish."""

from ovprep.emit.keras.rules import (
    activations,
    axes,
    convolution,
    dense,
    elementwise,
    normalization,
    pooling,
    recurrence,
    reshaping,
    resizing,
    transposed,
)

__all__ = [
    "activations",
    "axes",
    "convolution",
    "dense",
    "elementwise",
    "normalization",
    "pooling",
    "recurrence",
    "reshaping",
    "resizing",
    "transposed",
]
