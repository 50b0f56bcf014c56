"""Masks: which steps of a sequence a layer must skip, handed from layer to layer behind the tensors.

Keras hangs a mask on the tensor that Masking or Embedding gives; each layer that supports masking hangs one on its
output, and a layer whose `call` takes a mask is given that of its input. Here `Scene.masks` holds them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import LayerRule, layer, options_of
from ovprep.frontends.keras.layers.scene import Mask

_PASSING = frozenset(
    {
        *("Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU"),
        *("GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU"),
        *("GroupQueryAttention", "MultiHeadAttention", "Normalization", "PReLU", "ReLU", "Rescaling", "Softmax"),
        *("SpatialDropout1D", "SpatialDropout2D", "ThresholdedReLU", "TimeDistributed", "UnitNormalization"),
        *("Attention", "AdditiveAttention"),
    }
)
"""Layers whose output has the mask of their first input."""

_PASSING_SINCE_3 = frozenset({"Identity", "Normalization", "Rescaling"})

_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU", "ConvLSTM1D", "Bidirectional"})

_MERGING = frozenset({"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"})

_CONSUMING = _RECURRENT | {
    *("AdditiveAttention", "Attention", "GlobalAveragePooling1D", "GroupQueryAttention", "MultiHeadAttention"),
    *("Softmax", "TimeDistributed"),
}
"""Layers that compute something else where their input has a mask."""

_NAMED = ("query_mask", "value_mask", "key_mask")
"""The options of an attention whose tensors are arguments of their own, in their order."""

_IDLE = frozenset({"BatchNormalization"})
"""Layers that take a mask, but use it in training only."""


@layer("Masking")
def masking(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W, C]` with zeros, and a mask that is false, where all channels have the value `mask_value`."""
    build = layer.build
    value = layer.constant(np.full((1,) * len(layer.shape(x)), layer.number("mask_value", 0.0)), "mask_value")
    told = build.op("Cast", build.op("Not", build.op("Equal", x, value)), to=int(ir.DataType.FLOAT))
    some = build.op("ReduceMax", told, build.ints(-1, name="axes"), keepdims=1)
    y = build.op("Mul", x, some)
    layer.scene.masks[y] = Mask(lambda: _as_bool(layer, build.op("Squeeze", some, build.ints(-1, name="axes"))))
    return y


def with_masks(rule: LayerRule, layer: Layer, inputs: Sequence[ir.Value], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call with the masks that its tensors bring, for a rule that has an option for them.

    Raises UnsupportedError where a mask would change what the layer computes, but its rule does not take one.
    """
    masks, known, name = layer.scene.masks, options_of(rule), layer.spec.class_name
    first = inputs[:1] if name in _RECURRENT else inputs
    masked = [value for value in first if value in masks and not _ignored(layer, inputs, options)]
    given = dict(options)
    if options.get("mask") is not None:
        _check(layer, options["mask"], len(first))
    if masked and "mask" in known and options.get("mask") is None:
        found = [masks[value].value() if value in masks else None for value in first]
        given["mask"] = found if len(found) > 1 else found[0]
    elif masked and _NAMED[0] in known:
        for key, value in zip(_NAMED, first, strict=False):
            if options.get(key) is None and value in masks:
                given[key] = masks[value].value()
    elif masked and name in _CONSUMING and "mask" not in known:
        raise layer.unsupported("is given a mask")
    return given


def _check(layer: Layer, stated: Any, number: int) -> None:
    """Raises UnsupportedError unless a mask that a call states is a tensor, or one or none for each of its inputs."""
    several = isinstance(stated, list) and number > 1
    tensors = [one for one in stated if one is not None] if several else [stated]
    if not all(isinstance(one, ir.Value) for one in tensors):
        raise layer.unsupported(f"is called with the mask {stated!r}")


def _ignored(layer: Layer, inputs: Sequence[ir.Value], options: Mapping[str, Any]) -> bool:
    """Whether Keras hands the mask behind the inputs on, but does not give it to the layer itself.

    Keras 2 does not to layers that merge; Keras 3 not to recurrent ones that are given states (`Layer.__call__`).
    """
    if layer.scene.old:
        return layer.spec.class_name in _MERGING
    return layer.spec.class_name in _RECURRENT and (len(inputs) > 1 or options.get("initial_state") is not None)


def without_idle_mask(class_name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call, less a mask that does nothing at inference."""
    return {name: value for name, value in options.items() if name != "mask" or class_name not in _IDLE}


def hand_on(layer: Layer, inputs: Sequence[ir.Value], options: Mapping[str, Any], results: Sequence[ir.Value]) -> None:
    """Gives the outputs of a layer the masks that Keras gives them."""
    masks, name = layer.scene.masks, layer.spec.class_name
    known: list[Mask | None] = [masks.get(value) for value in inputs]
    stated = options.get("mask")
    if isinstance(stated, ir.Value):
        known = [Mask(lambda: stated), *known[1:]]
    first = known[0] if known else None
    if name == "Embedding" and layer.flag("mask_zero", False):
        masks[results[0]] = Mask(lambda: _as_bool(layer, inputs[0]))
    elif name in _RECURRENT and first is not None:
        for value in results[: _sequences(layer)]:
            masks[value] = first
    elif name in _PASSING and first is not None and not (layer.scene.old and name in _PASSING_SINCE_3):
        masks[results[0]] = first
    elif name in _MERGING and any(known):
        _hand_on_merged(layer, known, results[0])
    elif name == "Concatenate" and any(known):
        masks[results[0]] = Mask(lambda: _concatenated(layer, inputs, known))


def _sequences(layer: Layer) -> int:
    """How many of the outputs of a recurrent layer are sequences."""
    wraps = layer.spec.class_name == "Bidirectional"
    inner = layer.inner("layer", "forward_layer") if wraps else layer
    if not inner.flag("return_sequences", False):
        return 0
    return 2 if wraps and layer.spec.config.get("merge_mode", "concat") is None else 1


def _hand_on_merged(layer: Layer, known: Sequence[Mask | None], result: ir.Value) -> None:
    """Keras 3 keeps what any of the masks keeps, and none where an input has none; Keras 2 what all of them keep."""
    stated = [mask for mask in known if mask is not None]
    if layer.scene.old:
        layer.scene.masks[result] = Mask(lambda: _together(layer, "And", [mask.value() for mask in stated]))
    elif len(stated) == len(known):
        layer.scene.masks[result] = Mask(lambda: _together(layer, "Or", [mask.value() for mask in stated]))


def _concatenated(layer: Layer, inputs: Sequence[ir.Value], known: Sequence[Mask | None]) -> ir.Value:
    """Along time, masks in a row; along channels, a step that any of the inputs has (Keras 2: that all have)."""
    rank = len(layer.shape(inputs[0]))
    axis = layer.axis(rank)
    if rank != 3 or axis == 0:
        raise layer.unsupported("joins masks in a way")
    build = layer.build
    everywhere = [
        mask.value() if mask else _everywhere(layer, value) for mask, value in zip(known, inputs, strict=True)
    ]
    if axis == 1:
        return build.op("Concat", *everywhere, axis=1)
    return _together(layer, "And" if layer.scene.old else "Or", everywhere)


def _everywhere(layer: Layer, x: ir.Value) -> ir.Value:
    """A mask of `[N, W]` that is true in each step of `[N, W, C]`."""
    build = layer.build
    some = _as_bool(layer, build.op("Gather", x, build.constant(np.int64(0), "channel"), axis=2))
    return build.op("Or", some, build.op("Not", some))


def _together(layer: Layer, op_type: str, masks: Sequence[ir.Value]) -> ir.Value:
    result, *others = masks
    for mask in others:
        result = layer.build.op(op_type, result, mask)
    return result


def _as_bool(layer: Layer, x: ir.Value) -> ir.Value:
    """True where the value is not zero."""
    return layer.build.op("Cast", x, to=int(ir.DataType.BOOL))


def unusable(layer: Layer, why: str) -> Mask:
    """A mask that may be there as long as nothing asks for it."""

    def refuse() -> ir.Value:
        raise UnsupportedError(f"Layer {layer.spec} {why}, which ovprep does not handle.")

    return Mask(refuse)


def called(
    rule: LayerRule, layer: Layer, inputs: Sequence[ir.Value], options: Mapping[str, Any]
) -> tuple[ir.Value, ...]:
    """What a rule gives, called with the masks of its inputs; its outputs have theirs."""
    result = rule(layer, *inputs, **with_masks(rule, layer, inputs, options))
    results = result if isinstance(result, tuple) else (result,)
    hand_on(layer, inputs, options, results)
    return results
