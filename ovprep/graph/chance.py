"""Ops that draw random numbers: no two runs of such a model are equal."""

import onnx_ir as ir

RANDOM = ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
"""All of the ONNX domain, but a Dropout in training mode."""


def first_random(model: ir.Model) -> ir.Node | None:
    """The first op that draws, in branches and bodies too."""
    return next((node for graph in model.graphs() for node in graph if node.op_type in RANDOM), None)
