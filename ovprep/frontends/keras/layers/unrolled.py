"""Recurrence written out step by step in plain operators: for what the operators LSTM, GRU and RNN do not compute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.layers.activation import activate
from ovprep.frontends.keras.layers.cells import Cell
from ovprep.frontends.keras.layers.layer import Layer

MAX_STEPS = 512
"""An LSTM has some 12 operators a step, and reading is linear in their number."""


@dataclass(frozen=True)
class Steps:
    """What unrolling gives: the output of each step in the order of time, the last one computed, the last states."""

    outputs: list[ir.Value]
    last: ir.Value
    states: list[ir.Value]


def unroll(
    cell: Cell,
    x: ir.Value,
    initial: Sequence[ir.Value] | None,
    mask: ir.Value | None,
    *,
    reverse: bool,
    zeroed: bool,
    why: str,
) -> Steps:
    """The cell over `[N, W, C]`, from the last step to the first with `reverse`.

    Where `mask` `[N, W]` is false, a step leaves the states as they are and repeats the output before it (zeros before
    the first), or gives zeros if `zeroed`. `why` says in an error why steps are needed.
    """
    layer = cell.layer
    length = fixed_length(layer, x, why)
    inputs = _projected(cell, x, length)
    masks = parts(layer, mask, length) if mask is not None else None
    step = _Step(cell)
    zeros = layer.constant(np.zeros((1, cell.units)), "zeros")
    states, output = list(initial or [zeros] * cell.states), zeros
    outputs: dict[int, ir.Value] = {}
    for time in reversed(range(length)) if reverse else range(length):
        states, output = masked(
            layer, masks[time] if masks else None, states, step(inputs[time], states), output, zeros if zeroed else None
        )
        outputs[time] = output
    return Steps([outputs[time] for time in range(length)], output, states)


def masked(
    layer: Layer,
    mask: ir.Value | None,
    old: list[ir.Value],
    new: list[ir.Value],
    output: ir.Value,
    zeros: ir.Value | None,
) -> tuple[list[ir.Value], ir.Value]:
    """The states and the output after a step, the first state being its output; `mask` lines up with the states."""
    if mask is None:
        return new, new[0]
    build = layer.build
    kept = [build.op("Where", mask, after, before) for after, before in zip(new, old, strict=True)]
    before = output if zeros is None else zeros
    return kept, kept[0] if before is old[0] else build.op("Where", mask, new[0], before)


def fixed_length(layer: Layer, x: ir.Value, why: str) -> int:
    """The number of steps in `[N, W, ...]`. Raises UnsupportedError where it is open or too large to unroll."""
    length = layer.shape(x)[1]
    if length is None or length > MAX_STEPS:
        raise UnsupportedError(
            f"Layer {layer.spec} {why}, which ovprep computes step by step, for a fixed number of at most {MAX_STEPS} "
            f"steps; here it is {length or 'open'}. Give the model's input a fixed, short length."
        )
    return length


def parts(layer: Layer, x: ir.Value, number: int) -> Sequence[ir.Value]:
    """Equal parts along axis 1."""
    return layer.build.ops("Split", x, outputs=number, axis=1, num_outputs=number) if number > 1 else [x]


def in_sequence(layer: Layer, outputs: Sequence[ir.Value]) -> ir.Value:
    """`[N, units]` of each step to `[N, W, units]`."""
    build, units = layer.build, layer.size(outputs[0], 1)
    row = build.op("Concat", *outputs, axis=1)
    return build.op("Reshape", row, build.ints(0, len(outputs), units, name="shape"))


def _projected(cell: Cell, x: ir.Value, length: int) -> Sequence[ir.Value]:
    """What comes of the input in each step, `[N, gates * units]`, all computed at once."""
    layer, build, wide = cell.layer, cell.layer.build, cell.kernel.shape[1]
    y = build.op("MatMul", x, layer.constant(cell.kernel, "kernel"))
    if cell.biases is not None:
        # The bias of the state can only wait for the state where a reset gate comes between.
        bias = cell.biases[0] if cell.reset_after else cell.biases.sum(axis=0)
        y = build.op("Add", y, layer.constant(bias.reshape(1, 1, wide), "bias"))
    row = build.op("Reshape", y, build.ints(0, length * wide, name="shape"))
    return parts(layer, row, length)


class _Step:
    """One step of a cell, from the projected input and the states to the new states, of which the first is the output.

    Formulas are those of keras.layers.LSTMCell, GRUCell and SimpleRNNCell (Keras 3.15).
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.build = cell.layer.build
        units, kernel = cell.units, cell.recurrent_kernel
        self.before = cell.kind == "GRU" and not cell.reset_after
        split = 2 * units if self.before else kernel.shape[1]
        self.kernel = cell.layer.constant(kernel[:, :split], "recurrent_kernel")
        self.candidate = cell.layer.constant(kernel[:, split:], "candidate_kernel") if self.before else None
        self.bias = None
        if cell.reset_after and cell.biases is not None:
            self.bias = cell.layer.constant(cell.biases[1:], "recurrent_bias")

    def __call__(self, x: ir.Value, states: Sequence[ir.Value]) -> list[ir.Value]:
        if self.cell.kind == "LSTM":
            return self._lstm(x, *states)
        if self.cell.kind == "GRU":
            return self._gru(x, *states)
        return [self._inner(self.build.op("Add", x, self._from(states[0])))]

    def _lstm(self, x: ir.Value, h: ir.Value, c: ir.Value) -> list[ir.Value]:
        build = self.build
        i, f, g, o = parts(self.cell.layer, build.op("Add", x, self._from(h)), 4)
        forgotten = build.op("Mul", self._gate(f), c)
        c = build.op("Add", forgotten, build.op("Mul", self._gate(i), self._inner(g)))
        return [build.op("Mul", self._gate(o), self._inner(c)), c]

    def _gru(self, x: ir.Value, h: ir.Value) -> list[ir.Value]:
        build, layer = self.build, self.cell.layer
        x_z, x_r, x_h = parts(layer, x, 3)
        h_z, h_r, *h_h = parts(layer, self._from(h), 2 if self.before else 3)
        z, r = self._gate(build.op("Add", x_z, h_z)), self._gate(build.op("Add", x_r, h_r))
        if self.before:
            candidate = build.op("MatMul", build.op("Mul", r, h), self.candidate)
        else:
            candidate = build.op("Mul", r, h_h[0])
        new = self._inner(build.op("Add", x_h, candidate))
        # z * h + (1 - z) * new, with one multiplication less
        return [build.op("Add", new, build.op("Mul", z, build.op("Sub", h, new)))]

    def _from(self, h: ir.Value) -> ir.Value:
        y = self.build.op("MatMul", h, self.kernel)
        return y if self.bias is None else self.build.op("Add", y, self.bias)

    def _gate(self, x: ir.Value) -> ir.Value:
        return activate(self.cell.layer, x, self.cell.recurrent_activation)

    def _inner(self, x: ir.Value) -> ir.Value:
        return activate(self.cell.layer, x, self.cell.activation)
