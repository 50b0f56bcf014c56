"""Layers around a layer: Bidirectional and TimeDistributed."""

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.recurrent import recurrent, unroll
from ovprep.frontends.keras.layers.registry import layer, require_inputs, rule_for

_MERGES = {"sum": "Add", "mul": "Mul", "ave": "Add"}

_ANY_RANK = frozenset({"Activation", "Dense", "Dropout", "ELU", "LeakyReLU", "ReLU"})
"""Layers that do the same to `[N, W, C]` as to each of its steps."""


@layer("Bidirectional")
def bidirectional(layer: Layer, x: ir.Value) -> ir.Value | tuple[ir.Value, ...]:
    """`[N, W, C]` through one layer from either end; sequences are merged step by step, and states put in a row."""
    forward, backward = _directions(layer)
    y, *states = unroll(forward, x, backwards=False)
    z, *more = unroll(backward, x, backwards=True)
    merged = _merge(layer, y, z)
    if not forward.flag("return_state", False):
        return merged if len(merged) > 1 else merged[0]
    return *merged, *states, *more


def _directions(layer: Layer) -> tuple[Layer, Layer]:
    forward = layer.inner("layer", "forward_layer", prefix="forward_")
    if layer.get("backward_layer") is None:
        backward = layer.inner("layer", "backward_layer", prefix="backward_", go_backwards=True)
    else:
        backward = layer.inner("backward_layer", "backward_layer")
    for direction in (forward, backward):
        if rule_for(direction.spec) is not recurrent:
            raise layer.unsupported(f"wraps {direction.spec}")
    if forward.flag("go_backwards", False) == backward.flag("go_backwards", False):
        raise ModelError(f"Layer {layer.spec} goes the same way with both of its layers, which makes no sense.")
    for key in ("return_sequences", "return_state"):
        if forward.flag(key, False) != backward.flag(key, False):
            raise ModelError(f"Layer {layer.spec} has layers that differ in {key}, which makes no sense.")
    return forward, backward


def _merge(layer: Layer, y: ir.Value, z: ir.Value) -> tuple[ir.Value, ...]:
    build, mode = layer.build, layer.spec.config.get("merge_mode", "concat")
    if mode is None:
        return y, z
    if mode == "concat":
        return (build.op("Concat", y, z, axis=len(layer.shape(y)) - 1),)
    if not isinstance(mode, str) or mode not in _MERGES:
        raise layer.invalid("merge_mode")
    if layer.shape(y)[-1] != layer.shape(z)[-1]:
        raise ModelError(f"Layer {layer.spec} has layers of different units, which merge_mode={mode!r} cannot merge.")
    merged = build.op(_MERGES[mode], y, z)
    if mode == "ave":
        half = np.full((1,) * len(layer.shape(merged)), 0.5)
        merged = build.op("Mul", merged, layer.constant(half, "half"))
    return (merged,)


@layer("TimeDistributed")
def time_distributed(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W, ...]` through one layer step by step: steps become a part of the batch where the layer needs that."""
    shape = layer.shape(x)
    if len(shape) < 3:
        raise ModelError(f"Layer {layer.spec} takes rank 3 or more, but is given {list(shape)}.")
    inner = layer.inner("layer", "layer")
    if inner.spec.class_name in _ANY_RANK:
        return _call(inner, x)
    build, steps = layer.build, layer.size(x, 1)
    sizes = [layer.size(x, axis) for axis in range(2, len(shape))]
    y = _call(inner, build.op("Reshape", x, build.ints(-1, *sizes, name="shape")))
    rest = [layer.size(y, axis) for axis in range(1, len(layer.shape(y)))]
    z = build.op("Reshape", y, build.ints(-1, steps, *rest, name="shape"))
    if x.shape is not None:
        z.shape = ir.Shape([x.shape[0], steps, *rest])
    return z


def _call(inner: Layer, x: ir.Value) -> ir.Value:
    rule = rule_for(inner.spec)
    require_inputs(rule, inner.spec, 1)
    result = rule(inner, x)
    if isinstance(result, tuple):
        raise inner.unsupported("returns several tensors inside TimeDistributed")
    inner.expect_no_more_weights()
    return result
