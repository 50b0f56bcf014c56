"""One rule per layer class. The modules are imported by name: a rule that fails to import must not vanish."""

from ovprep.frontends.keras.layers import (
    activation,
    attention,
    categories,
    convolution,
    dense,
    einsum,
    embedding,
    merging,
    multi_head,
    normalization,
    passthrough,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
    spectrogram,
    wrappers,
)
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import RULES, LayerRule, layer, rule_for

__all__ = [
    "RULES",
    "Layer",
    "LayerRule",
    "activation",
    "attention",
    "categories",
    "convolution",
    "dense",
    "einsum",
    "embedding",
    "layer",
    "merging",
    "multi_head",
    "normalization",
    "passthrough",
    "pooling",
    "preprocessing",
    "recurrent",
    "reshaping",
    "rule_for",
    "spectrogram",
    "wrappers",
]
