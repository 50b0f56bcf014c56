"""LSTM, GRU and SimpleRNN, as the ONNX operators LSTM, GRU and RNN.

ONNX has time first and a layout attribute that ONNX Runtime does not carry, so a Transpose stands on either side.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.weights import Array

_OPS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}

_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}
"""Which gate of Keras stands in each place of ONNX: i, f, c, o become i, o, f, c, and z, r, h stay."""

_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
"""Those that both ONNX Runtime and OpenVINO compute in a recurrence. OpenVINO 2026 has no hard_sigmoid there."""


@layer("LSTM", "GRU", "SimpleRNN")
def recurrent(layer: Layer, x: ir.Value) -> ir.Value | tuple[ir.Value, ...]:
    """`[N, W, C]` to `[N, units]`, or to `[N, W, units]` with return_sequences; return_state adds the last states."""
    outputs = unroll(layer, x, backwards=False)
    return outputs if layer.flag("return_state", False) else outputs[0]


def unroll(layer: Layer, x: ir.Value, *, backwards: bool) -> tuple[ir.Value, ...]:
    """The output and the last states, `[N, units]` each, whether the layer returns them or not.

    A sequence is in the order in which it was computed, as Keras gives it; `backwards` turns that round.
    """
    _refuse(layer)
    layer.expect_rank(x, 3)
    build, kind = layer.build, layer.spec.class_name
    reverse = layer.flag("go_backwards", False)
    attributes = {
        "hidden_size": layer.whole("units", least=1),
        "direction": "reverse" if reverse else "forward",
        **_activations(layer),
    }
    if kind == "GRU":
        attributes["linear_before_reset"] = int(_resets_after(layer))
    first = build.op("Transpose", x, perm=(1, 0, 2))
    count = 3 if kind == "LSTM" else 2
    sequence, *last = build.ops(_OPS[kind], first, *_weights(layer, x), outputs=count, **attributes)
    states = tuple(build.op("Squeeze", state, build.ints(0, name="axes")) for state in last)
    if not layer.flag("return_sequences", False):
        return states[0], *states
    # Transpose before Squeeze: OpenVINO 2026.4 computes the other order wrongly where two of them meet in a Concat.
    y = build.op("Transpose", sequence, perm=(2, 1, 0, 3))
    y = build.op("Squeeze", y, build.ints(1, name="axes"))
    # ONNX gives each step in its own place, also where it goes from the end.
    return flip(layer, y) if reverse != backwards else y, *states


def flip(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W, C]` from its last step to its first."""
    build = layer.build
    starts, ends = build.ints(-1, name="starts"), build.ints(np.iinfo(np.int64).min, name="ends")
    y = build.op("Slice", x, starts, ends, build.ints(1, name="axes"), build.ints(-1, name="steps"))
    y.shape = x.shape  # inference gives up on an open axis
    return y


def _refuse(layer: Layer) -> None:
    if layer.flag("stateful", False):
        raise layer.unsupported("keeps its state from one call to the next (stateful=True)")
    if layer.flag("time_major", False):
        raise layer.unsupported("has time before the batch (time_major=True)")


def _resets_after(layer: Layer) -> bool:
    return layer.spec.class_name == "GRU" and layer.flag("reset_after", True)


def _weights(layer: Layer, x: ir.Value) -> list[ir.Value]:
    """W `[1, gates * units, C]`, R `[1, gates * units, units]` and B `[1, 2 * gates * units]` of ONNX."""
    order = _GATES[layer.spec.class_name]
    units, channels = layer.whole("units", least=1), layer.size(x, 2)
    wide = len(order) * units
    biased, sets = layer.flag("use_bias", True), 2 if _resets_after(layer) else 1
    shape = (2, wide) if sets == 2 else (wide,)
    found = layer.take(kernel=(channels, wide), recurrent_kernel=(units, wide), **({"bias": shape} if biased else {}))
    weights = [layer.constant(_reordered(found[name], order).T[None], name) for name in ("kernel", "recurrent_kernel")]
    if not biased:
        return weights
    biases = np.zeros((2, wide), np.float32)
    biases[:sets] = _reordered(found["bias"].reshape(sets, wide), order)
    return [*weights, layer.constant(biases.reshape(1, 2 * wide), "bias")]


def _reordered(array: Array, order: tuple[int, ...]) -> Array:
    """The gates along the last axis of `[rows, gates * units]`, in another order."""
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[gate] for gate in order], axis=-1)


def _activations(layer: Layer) -> dict[str, Any]:
    """The attributes that name the functions f, g (and h): the gates', the cell's (and the output's).

    Raises UnsupportedError where ONNX Runtime and OpenVINO would not both compute them.
    """
    kind = layer.spec.class_name
    inner = _activation(layer, "activation", "tanh")
    names = [inner]
    if kind != "SimpleRNN":
        gates = _activation(layer, "recurrent_activation", "sigmoid")
        names = [gates, inner, inner] if kind == "LSTM" else [gates, inner]
    return {"activations": names}


def _activation(layer: Layer, key: str, default: str) -> str:
    """The ONNX name of an activation; null is linear in Keras, not the default."""
    given = layer.spec.config.get(key, default)
    name = given.get("config") if isinstance(given, Mapping) else given
    found = _ACTIVATIONS.get(name) if isinstance(name, str) else None
    if found is None:
        raise layer.unsupported(f"has {key}={name or 'linear'!r} in its recurrence")
    return found
