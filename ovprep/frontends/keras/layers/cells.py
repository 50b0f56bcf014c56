"""Recurrent cells: which of them a layer holds, and their weights and functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.weights import Array

_KINDS = {
    "LSTM": "LSTM",
    "LSTMCell": "LSTM",
    "CuDNNLSTM": "LSTM",
    "GRU": "GRU",
    "GRUCell": "GRU",
    "CuDNNGRU": "GRU",
    "SimpleRNN": "SimpleRNN",
    "SimpleRNNCell": "SimpleRNN",
}
_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


@dataclass(frozen=True)
class Cell:
    """One cell. Gates lie side by side as in Keras: i, f, c, o of an LSTM; z, r, h of a GRU.

    `kernel` is `[C, gates * units]`, `recurrent_kernel` `[units, gates * units]`, and `biases` `[2, gates * units]`:
    the first is added to what comes of the input, the second to what comes of the state.
    `activation` and `recurrent_activation` stand as in the configuration, None for linear.
    """

    layer: Layer
    kind: str
    units: int
    kernel: Array
    recurrent_kernel: Array
    biases: Array | None
    activation: Any
    recurrent_activation: Any
    reset_after: bool

    @property
    def states(self) -> int:
        """How many states it has, of `[N, units]` each: h, and c of an LSTM."""
        return 2 if self.kind == "LSTM" else 1


def cells_of(layer: Layer, x: ir.Value) -> list[Cell]:
    """The cells of a recurrent layer whose input is `[N, W, C]`, each taking what the one before it gives."""
    cells: list[Cell] = []
    channels = layer.size(x, 2)
    for holder in _holders(layer):
        cells.append(_cell(holder, channels))
        channels = cells[-1].units
    return cells


def _holders(layer: Layer) -> list[Layer]:
    """The layers that have the configuration and the weights of a cell each: the layer itself, unless it is an RNN."""
    if layer.spec.class_name != "RNN":
        return [layer]
    cell = layer.inner("cell", "cell")
    holders = cell.inner_list("cells") if cell.spec.class_name == "StackedRNNCells" else [cell]
    if cell.flag("reverse_state_order", False):
        raise layer.unsupported("has the states of its last cell first (reverse_state_order=True)")
    if strange := [holder for holder in holders if holder.spec.class_name not in _KINDS]:
        raise layer.unsupported(f"steps through {strange[0].spec}")
    return holders


def _cell(layer: Layer, channels: int) -> Cell:
    fast = layer.spec.class_name.startswith("CuDNN")
    kind, units = _KINDS[layer.spec.class_name], layer.whole("units", least=1)
    reset_after = kind == "GRU" and (fast or layer.flag("reset_after", True))
    kernel, recurrent_kernel, biases = _cudnn(layer, channels) if fast else _weights(layer, channels, reset_after)
    return Cell(
        layer,
        kind,
        units,
        kernel,
        recurrent_kernel,
        biases,
        _function(layer, "activation", "tanh"),
        _function(layer, "recurrent_activation", "sigmoid"),
        reset_after,
    )


def _weights(layer: Layer, channels: int, reset_after: bool) -> tuple[Array, Array, Array | None]:
    units = layer.whole("units", least=1)
    wide = _GATES[_KINDS[layer.spec.class_name]] * units
    biased = layer.flag("use_bias", True)
    shape = {"bias": (2, wide) if reset_after else (wide,)} if biased else {}
    found = layer.take(kernel=(channels, wide), recurrent_kernel=(units, wide), **shape)
    layer.expect_no_more_weights()
    biases = np.zeros((2, wide), np.float32) if biased else None
    if biases is not None:
        biases[: 2 if reset_after else 1] = found["bias"]
    return found["kernel"], found["recurrent_kernel"], biases


def _cudnn(layer: Layer, channels: int) -> tuple[Array, Array, Array]:
    """The weights of CuDNNLSTM or CuDNNGRU, brought to the layout of LSTM and GRU.

    Each gate's recurrent kernel is transposed, its kernel is stored in Fortran's order, and there are two biases:
    https://github.com/keras-team/tf-keras/blob/v2.19.0/tf_keras/saving/legacy/hdf5_format.py (_convert_rnn_weights)
    """
    units, gates = layer.whole("units", least=1), _GATES[_KINDS[layer.spec.class_name]]
    wide = gates * units
    found = layer.take(kernel=(channels, wide), recurrent_kernel=(units, wide), bias=(2 * wide,))
    kernels = [gate.T.reshape(gate.shape, order="F") for gate in np.split(found["kernel"], gates, axis=1)]
    recurrent = [gate.T for gate in np.split(found["recurrent_kernel"], gates, axis=1)]
    return np.hstack(kernels), np.hstack(recurrent), found["bias"].reshape(2, wide)


def _function(layer: Layer, key: str, default: str) -> Any:
    """An activation as `activate` takes it: null is linear in Keras, not the default."""
    given = layer.spec.config.get(key, default)
    if isinstance(given, Mapping) and isinstance(given.get("config"), str):
        return given["config"]
    return given


def dealt(layer: Layer, cells: Sequence[Cell], states: Sequence[ir.Value]) -> list[list[ir.Value] | None]:
    """The initial states of each cell, out of those of all cells in a row; None where the layer is given none."""
    if not states:
        return [None] * len(cells)
    if len(states) != sum(cell.states for cell in cells):
        raise UnsupportedError(
            f"Layer {layer.spec} has {sum(cell.states for cell in cells)} states, but is given {len(states)} tensors "
            "as its initial state."
        )
    rest = list(states)
    groups: list[list[ir.Value] | None] = []
    for cell in cells:
        own, rest = rest[: cell.states], rest[cell.states :]
        for state in own:
            _expect_state(layer, state, cell.units)
        groups.append(own)
    return groups


def _expect_state(layer: Layer, state: ir.Value, units: int) -> None:
    layer.expect_rank(state, 2)
    if layer.shape(state)[1] not in (units, None):
        raise layer.unsupported(
            f"starts from a state of the shape {list(layer.shape(state))} where it has {units} units"
        )
