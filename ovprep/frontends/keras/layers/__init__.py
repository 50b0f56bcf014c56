"""One rule per layer class. The modules are imported by name: a rule that fails to import must not vanish."""

from ovprep.frontends.keras.layers import (
    activation,
    conv_lstm,
    convolution,
    dense,
    masked_merging,
    masking,
    merging,
    normalization,
    passthrough,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
    wrappers,
)
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import RULES, LayerRule, layer, rule_for

__all__ = [
    "RULES",
    "Layer",
    "LayerRule",
    "activation",
    "conv_lstm",
    "convolution",
    "dense",
    "layer",
    "masked_merging",
    "masking",
    "merging",
    "normalization",
    "passthrough",
    "pooling",
    "preprocessing",
    "recurrent",
    "reshaping",
    "rule_for",
    "wrappers",
]
