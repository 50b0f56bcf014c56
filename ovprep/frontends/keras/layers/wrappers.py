"""Layers around a layer or a model: Bidirectional and TimeDistributed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.masking import called, unusable
from ovprep.frontends.keras.layers.recurrent import flat, flip, recurrent, run, warn_of_training
from ovprep.frontends.keras.layers.registry import layer, require_inputs, rule_for
from ovprep.frontends.keras.network import MODEL_CLASSES

_MERGES = {"sum": "Add", "mul": "Mul", "ave": "Add"}

_ANY_RANK = frozenset({"Activation", "Dense", "Dropout", "ELU", "LeakyReLU", "ReLU"})
"""Layers that do the same to `[N, W, C]` as to each of its steps."""


@layer("Bidirectional")
def bidirectional(
    layer: Layer,
    x: ir.Value,
    *states: ir.Value,
    initial_state: Any = None,
    mask: ir.Value | None = None,
    training: bool = False,
) -> ir.Value | tuple[ir.Value, ...]:
    """`[N, W, C]` through one layer from either end; sequences are merged step by step, and states put in a row.

    The first half of the initial states is that of the first layer. Outputs of masked steps are zero.
    """
    forward, backward = _directions(layer)
    if training:
        warn_of_training(forward)
    given = [*states, *flat(layer, initial_state)]
    half = len(given) // 2
    y, *own = run(forward, x, given[:half], mask, within=True)
    z, *more = run(backward, x, given[half:], mask, within=True)
    if forward.flag("return_sequences", False) and forward.flag("go_backwards", False):
        # Keras turns the sequence of the second layer round, whichever of the two it is that goes backwards.
        y, z = flip(layer, y), flip(layer, z)
    merged = _merge(layer, y, z)
    if not forward.flag("return_state", False):
        return merged if len(merged) > 1 else merged[0]
    return *merged, *own, *more


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
def time_distributed(layer: Layer, x: ir.Value, *, mask: ir.Value | None = None, training: bool = False) -> ir.Value:
    """`[N, W, ...]` through one layer or model step by step: steps become a part of the batch where that is needed."""
    shape = layer.shape(x)
    if len(shape) < 3:
        raise ModelError(f"Layer {layer.spec} takes rank 3 or more, but is given {list(shape)}.")
    inner = layer.inner("layer", "layer")
    if training:
        warn_of_training(inner)
    if inner.spec.class_name in _ANY_RANK:
        return _through(inner, x)[0]
    if mask is not None and layer.scene.old and shape[0] is not None:
        raise layer.unsupported("is given a mask and a fixed batch, where Keras 2 repeats the outputs of masked steps")
    steps = _as_batch(layer, x)
    if mask is not None:
        layer.scene.masks[steps] = unusable(inner, "is given a mask in each step")
    outputs = _through(inner, steps)
    if len(outputs) > 1:
        raise layer.unsupported("gives several tensors in each step")  # no Keras can compute it, either
    return _as_steps(layer, outputs[0], x)


def _through(inner: Layer, x: ir.Value) -> Sequence[ir.Value]:
    if inner.spec.class_name in MODEL_CLASSES:
        return inner.as_model(x)
    rule = rule_for(inner.spec)
    require_inputs(rule, inner.spec, 1)
    results = called(rule, inner, [x], {})
    inner.expect_no_more_weights()
    return results


def _as_batch(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W, ...]` to `[N * W, ...]`."""
    build, sizes = layer.build, layer.shape(x)[2:]
    if None in sizes:
        rest = build.op("Shape", x, start=2)
        y = build.op("Reshape", x, build.op("Concat", build.ints(-1), rest, axis=0))
    else:
        y = build.op("Reshape", x, build.ints(-1, *[size for size in sizes if size is not None], name="shape"))
    # A size that a Shape gives is lost to inference; the product of batch and time is open anyway.
    y.shape = ir.Shape([None, *_dims(x)[2:]])
    return y


def _as_steps(layer: Layer, y: ir.Value, x: ir.Value) -> ir.Value:
    """`[N * W, ...]` to `[N, W, ...]`, with N and W as `x` has them."""
    build, steps, sizes = layer.build, layer.shape(x)[1], layer.shape(y)[1:]
    if steps is not None and None not in sizes:
        z = build.op("Reshape", y, build.ints(-1, steps, *[size for size in sizes if size is not None], name="shape"))
    else:
        shape = build.op("Concat", build.op("Shape", x, end=2), build.op("Shape", y, start=1), axis=0)
        z = build.op("Reshape", y, shape)
    z.shape = ir.Shape([*_dims(x)[:2], *_dims(y)[1:]])
    return z


def _dims(value: ir.Value) -> Sequence[Any]:
    return value.shape.dims if value.shape is not None else ()
