"""LSTM, GRU, SimpleRNN and RNN of their cells: as the ONNX operators LSTM, GRU and RNN, else step by step.

ONNX has time first and a layout attribute that ONNX Runtime does not carry, so a Transpose stands on either side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.cells import Cell, cells_of, dealt
from ovprep.frontends.keras.layers.gaps import Gaps
from ovprep.frontends.keras.layers.layer import Layer
from ovprep.frontends.keras.layers.registry import layer
from ovprep.frontends.keras.layers.unrolled import in_sequence, unroll
from ovprep.frontends.keras.weights import Array

_OPS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}

_ORDERS = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}
"""Which gate of Keras stands in each place of ONNX: i, f, c, o become i, o, f, c, and z, r, h stay."""

_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
"""Those that both ONNX Runtime and OpenVINO compute in a recurrence. OpenVINO 2026 has no hard_sigmoid there."""


@dataclass(frozen=True)
class Way:
    """How the steps of a cell follow each other, and what is wanted of them."""

    reverse: bool
    sequences: bool
    states: bool
    mask: ir.Value | None
    zeroed: bool


@layer("LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU")
def recurrent(
    layer: Layer,
    x: ir.Value,
    *states: ir.Value,
    initial_state: Any = None,
    mask: ir.Value | None = None,
    training: bool = False,
) -> ir.Value | tuple[ir.Value, ...]:
    """`[N, W, C]` to `[N, units]`, or to `[N, W, units]` with return_sequences; return_state adds the last states.

    `initial_state` holds tensors of `[N, units]`, as do the tensors behind `x`, which is how Keras 2 gives them.
    """
    if training:
        warn_of_training(layer)
    outputs = run(layer, x, [*states, *flat(layer, initial_state)], mask)
    return outputs if layer.flag("return_state", False) else outputs[0]


def run(
    layer: Layer, x: ir.Value, states: Sequence[ir.Value], mask: ir.Value | None, *, within: bool = False
) -> tuple[ir.Value, ...]:
    """The output and the last states, `[N, units]` each, whether the layer returns them or not.

    A sequence is in the order in which it was computed, as Keras gives it. `within` a Bidirectional it is in the order
    of time, and zero where it is masked.
    """
    warn_of_state(layer)
    if layer.flag("time_major", False):
        raise layer.unsupported("has time before the batch (time_major=True)")
    layer.expect_rank(x, 3)
    sequences, reverse = layer.flag("return_sequences", False), layer.flag("go_backwards", False)
    zeroed = sequences if within else layer.flag("zero_output_for_mask", False)
    if mask is not None:
        layer.expect_rank(mask, 2)
    if mask is not None and mask.dtype != ir.DataType.BOOL:
        mask = layer.build.op("Cast", mask, to=int(ir.DataType.BOOL))
    cells = cells_of(layer, x)
    last: list[ir.Value] = []
    for cell, initial in zip(cells, dealt(layer, cells, states), strict=True):
        # Cells in a row are layers in a row: none sees what another one had in an earlier step.
        final = cell is cells[-1]
        way = Way(reverse, sequences or not final, layer.flag("return_state", False), mask, zeroed and final)
        x, own = _through(cell, x, initial, way)
        last += own
    return flip(layer, x) if sequences and reverse and not within else x, *last


def flat(layer: Layer, states: Any) -> list[ir.Value]:
    """The tensors in an `initial_state`, which is one of them, or lists in lists."""
    if isinstance(states, (list, tuple)):
        return [value for state in states for value in flat(layer, state)]
    if states is not None and not isinstance(states, ir.Value):
        raise layer.unsupported(f"starts from the state {states!r}")
    return [] if states is None else [states]


def warn_of_state(layer: Layer) -> None:
    """For a layer that would go on from the states of the call before, which a graph has no memory for."""
    if layer.flag("stateful", False):
        layer.warn("keeps its state from one call to the next (stateful=True); converted, it starts each from zeros.")


def warn_of_training(layer: Layer) -> None:
    """For a call with training=True, which drops inputs or states at random where the layer is set to."""
    if layer.get("dropout") or layer.get("recurrent_dropout"):
        layer.warn("is called with training=True, so that its outputs are random in Keras; ovprep leaves it out.")


def flip(layer: Layer, x: ir.Value) -> ir.Value:
    """`[N, W, C]` from its last step to its first."""
    build = layer.build
    starts, ends = build.ints(-1, name="starts"), build.ints(np.iinfo(np.int64).min, name="ends")
    y = build.op("Slice", x, starts, ends, build.ints(1, name="axes"), build.ints(-1, name="steps"))
    y.shape = x.shape  # inference gives up on an open axis
    return y


def _through(
    cell: Cell, x: ir.Value, initial: Sequence[ir.Value] | None, way: Way
) -> tuple[ir.Value, Sequence[ir.Value]]:
    """The output, a sequence in the order of time, and the last states."""
    strange = _strange_activation(cell)
    if strange is None and way.mask is None:
        return _as_operator(cell, x, initial, way)
    if strange is None and initial is None and not (way.states and cell.kind == "LSTM"):
        return _over_gaps(cell, x, way)
    why = f"has {strange} in its recurrence" if strange else "is given a mask, and gives or takes its states"
    steps = unroll(cell, x, initial, way.mask, reverse=way.reverse, zeroed=way.zeroed, why=why)
    return in_sequence(cell.layer, steps.outputs) if way.sequences else steps.last, steps.states


def _over_gaps(cell: Cell, x: ir.Value, way: Way) -> tuple[ir.Value, Sequence[ir.Value]]:
    """As an operator, with the masked steps out of the way; the operator does not give the c of an LSTM then."""
    layer, mask = cell.layer, way.mask
    assert mask is not None
    if way.reverse:
        x, mask = flip(layer, x), flip(layer, mask)
    gaps = Gaps(layer, mask)
    closed, _ = _as_operator(cell, gaps.closed(x), None, replace(way, reverse=False, sequences=True))
    states = [gaps.last(closed, zeroed=False)] if way.states else []
    if not way.sequences:
        return gaps.last(closed, zeroed=way.zeroed), states
    y = gaps.reopened(closed, zeroed=way.zeroed)
    return flip(layer, y) if way.reverse else y, states


def _as_operator(
    cell: Cell, x: ir.Value, initial: Sequence[ir.Value] | None, way: Way
) -> tuple[ir.Value, Sequence[ir.Value]]:
    build = cell.layer.build
    attributes: dict[str, Any] = {
        "hidden_size": cell.units,
        "direction": "reverse" if way.reverse else "forward",
        "activations": _activations(cell),
    }
    if cell.kind == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    first = build.op("Transpose", x, perm=(1, 0, 2))
    given: list[ir.Value | None] = [build.op("Unsqueeze", state, build.ints(0, name="axes")) for state in initial or []]
    inputs = [first, *_weights(cell), *([None, *given] if given else [])]
    sequence, *last = build.ops(_OPS[cell.kind], *inputs, outputs=1 + cell.states, **attributes)
    states = [build.op("Squeeze", state, build.ints(0, name="axes")) for state in last]
    if not way.sequences:
        return states[0], states
    # Transpose before Squeeze: OpenVINO 2026.4 computes the other order wrongly where two of them meet in a Concat.
    y = build.op("Transpose", sequence, perm=(2, 1, 0, 3))
    # ONNX gives each step in its own place, also where it goes from the end.
    return build.op("Squeeze", y, build.ints(1, name="axes")), states


def _weights(cell: Cell) -> list[ir.Value | None]:
    """W `[1, gates * units, C]`, R `[1, gates * units, units]` and B `[1, 2 * gates * units]` of ONNX."""
    order, layer = _ORDERS[cell.kind], cell.layer
    kernels = {"kernel": cell.kernel, "recurrent_kernel": cell.recurrent_kernel}
    weights = [layer.constant(_reordered(array, order).T[None], name) for name, array in kernels.items()]
    if cell.biases is None:
        return [*weights, None]
    return [*weights, layer.constant(_reordered(cell.biases, order).reshape(1, -1), "bias")]


def _reordered(array: Array, order: tuple[int, ...]) -> Array:
    """The gates along the last axis of `[rows, gates * units]`, in another order."""
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[gate] for gate in order], axis=-1)


def _activations(cell: Cell) -> list[str]:
    """The names of the functions f, g (and h): the gates', the cell's (and the output's)."""
    inner = _ACTIVATIONS[cell.activation]
    if cell.kind == "SimpleRNN":
        return [inner]
    gates = _ACTIVATIONS[cell.recurrent_activation]
    return [gates, inner, inner] if cell.kind == "LSTM" else [gates, inner]


def _strange_activation(cell: Cell) -> str | None:
    """An activation that the operator does not have, as a user would write it."""
    stated = {"activation": cell.activation}
    if cell.kind != "SimpleRNN":
        stated["recurrent_activation"] = cell.recurrent_activation
    for key, name in stated.items():
        if not isinstance(name, str) or name not in _ACTIVATIONS:
            return f"{key}={'linear' if name is None else name!r}"
    return None
