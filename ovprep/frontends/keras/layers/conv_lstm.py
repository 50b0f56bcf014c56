"""ConvLSTM1D, step by step: an LSTM whose products are convolutions, for which no runtime has an operator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.recurrent import flat, warn_of_state, warn_of_training
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.spatial import padding_of
from ovprep.frontends.keras.layers.unrolled import fixed_length, masked, parts
from ovprep.frontends.keras.weights import Array


@layer("ConvLSTM1D")
def conv_lstm(
    layer: Layer,
    x: ir.Value,
    *states: ir.Value,
    initial_state: Any = None,
    mask: ir.Value | None = None,
    training: bool = False,
) -> ir.Value | tuple[ir.Value, ...]:
    """`[N, T, W, C]` to `[N, V, filters]`, or `[N, T, V, filters]` with return_sequences; channels first likewise.

    Between the steps all is `[N, filters, V]`. Formulas are those of keras.layers.ConvLSTM1D (3.15).
    """
    layer.expect_rank(x, 4)
    warn_of_state(layer)
    if training:
        warn_of_training(layer)
    length = fixed_length(layer, x, "is a recurrence of convolutions")
    inputs, recurrent_kernel = _inputs(layer, x, length)
    masks = None if mask is None else _masks(layer, mask, length)
    zeros = layer.constant(np.zeros((1, 1, 1)), "zeros")
    old, output = _initial(layer, [*states, *flat(layer, initial_state)], inputs[0]), zeros
    zeroed = zeros if layer.flag("zero_output_for_mask", False) else None
    outputs: dict[int, ir.Value] = {}
    backwards = layer.flag("go_backwards", False)
    for place in reversed(range(length)) if backwards else range(length):
        new = _step(layer, inputs[place], old, recurrent_kernel)
        old, output = masked(layer, masks[place] if masks else None, old, new, output, zeroed)
        outputs[place] = output
    y = _in_sequence(layer, list(outputs.values())) if layer.flag("return_sequences", False) else output
    results = [_own_order(layer, value) for value in (y, *old)]
    return tuple(results) if layer.flag("return_state", False) else results[0]


def _inputs(layer: Layer, x: ir.Value, length: int) -> tuple[Sequence[ir.Value], ir.Value]:
    """What comes of the input in each step, `[N, 4 * filters, V]`, and the kernel for what comes of the state."""
    build, first = layer.build, layer.channels_first
    channels, width = layer.size(x, 2 if first else 3), layer.size(x, 3 if first else 2)
    filters, (taps,) = layer.whole("filters", least=1), layer.wholes("kernel_size", 1, least=1)
    strides, dilations = layer.wholes("strides", 1, 1, least=1), layer.wholes("dilation_rate", 1, 1, least=1)
    biased = {"bias": (4 * filters,)} if layer.flag("use_bias", True) else {}
    weights = layer.take(kernel=(taps, channels, 4 * filters), recurrent_kernel=(taps, filters, 4 * filters), **biased)
    ncw = x if first else build.op("Transpose", x, perm=(0, 1, 3, 2))
    ncw = build.op("Reshape", ncw, build.ints(-1, channels, width, name="shape"))
    y = build.op(
        "Conv",
        ncw,
        _kernel(layer, weights["kernel"], "kernel"),
        layer.constant(weights["bias"], "bias") if biased else None,
        strides=strides,
        dilations=dilations,
        **padding_of(layer, ncw, (taps,), strides, dilations),
    )
    row = build.op("Reshape", y, build.ints(-1, length * 4 * filters, layer.size(y, 2), name="shape"))
    return parts(layer, row, length), _kernel(layer, weights["recurrent_kernel"], "recurrent_kernel")


def _kernel(layer: Layer, kernel: Array, name: str) -> ir.Value:
    return layer.constant(kernel.transpose(2, 1, 0), name)


def _masks(layer: Layer, mask: ir.Value, length: int) -> Sequence[ir.Value]:
    """`[N, 1, 1]` for each step."""
    layer.expect_rank(mask, 2)
    build = layer.build
    if mask.dtype != ir.DataType.BOOL:
        mask = build.op("Cast", mask, to=int(ir.DataType.BOOL))
    return parts(layer, build.op("Unsqueeze", mask, build.ints(2, name="axes")), length)


def _initial(layer: Layer, states: Sequence[ir.Value], like: ir.Value) -> list[ir.Value]:
    if not states:
        shape = (1, layer.whole("filters", least=1), layer.size(like, 2))
        return [layer.constant(np.zeros(shape), "zeros")] * 2
    if len(states) != 2:
        raise layer.unsupported(f"has 2 states, but is given {len(states)}")
    return [_own_order(layer, state) for state in states]


def _step(layer: Layer, x: ir.Value, states: Sequence[ir.Value], kernel: ir.Value) -> list[ir.Value]:
    build, (h, c) = layer.build, states
    taps = layer.wholes("kernel_size", 1, least=1)[0]
    pads = ((taps - 1) // 2, taps - 1 - (taps - 1) // 2)  # always "same", with strides of one
    gates = build.op("Add", x, build.op("Conv", h, kernel, pads=pads, kernel_shape=(taps,)))
    i, f, g, o = parts(layer, gates, 4)
    inner, gate = layer.spec.config.get("activation", "tanh"), layer.spec.config.get("recurrent_activation", "sigmoid")
    forgotten = build.op("Mul", activate(layer, f, gate), c)
    c = build.op("Add", forgotten, build.op("Mul", activate(layer, i, gate), activate(layer, g, inner)))
    return [build.op("Mul", activate(layer, o, gate), activate(layer, c, inner)), c]


def _in_sequence(layer: Layer, outputs: Sequence[ir.Value]) -> ir.Value:
    """`[N, T, filters, V]`, in the order in which they were computed."""
    build, (filters, width) = layer.build, (layer.size(outputs[0], axis) for axis in (1, 2))
    row = build.op("Concat", *outputs, axis=1)
    return build.op("Reshape", row, build.ints(0, len(outputs), filters, width, name="shape"))


def _own_order(layer: Layer, value: ir.Value) -> ir.Value:
    """The last two axes swapped, unless the layer has channels first itself."""
    if layer.channels_first:
        return value
    rank = len(layer.shape(value))
    return layer.build.op("Transpose", value, perm=(*range(rank - 2), rank - 1, rank - 2))
