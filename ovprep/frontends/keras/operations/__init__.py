"""One rule per operation between layers. The modules are imported by name: a rule that fails to import must not vanish.

Operations of `keras.ops` and functions of TensorFlow share their rules, which are plain functions of the operation's
arguments.
"""

from ovprep.frontends.keras.layers.registry import operation_for
from ovprep.frontends.keras.operations import (
    activations,
    arithmetic,
    comparing,
    functions,
    joining,
    neural,
    nodes,
    products,
    reducing,
    shaping,
    spectral,
    tensorflow,
)

__all__ = [
    "activations",
    "arithmetic",
    "comparing",
    "functions",
    "joining",
    "neural",
    "nodes",
    "operation_for",
    "products",
    "reducing",
    "shaping",
    "spectral",
    "tensorflow",
]
