"""Computes a step of a loop both ways: as its body has it, and by the equations of the operator."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import Array
from ovprep.passes.recurrence.cells import Cell
from ovprep.passes.recurrence.forms import Numbers
from ovprep.passes.recurrence.reading import Reading
from ovprep.passes.recurrence.recognise import Layer
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import Steps

_TOLERANCE = 1e-4
"""Of the largest value: far above what float32 rounds off in one step, far below what a swapped gate would do."""
_FUNCTIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": np.tanh,
}


def prove(steps: Steps, layers: Sequence[Layer], batch: int, opsets: dict[str, int]) -> None:
    """Raises NotACell where the new states, of random inputs and states, are not those of the operators."""
    rng = np.random.default_rng(0)
    states = [state for layer in layers for state in layer.states]
    widths = [layer.cell.units for layer in layers for _ in layer.states]
    for scale in (0.5, 2.0):
        xs = [rng.normal(size=(batch, width)).astype(np.float32) * scale for width in steps.widths]
        given = {read.inside: x for read, x in zip(steps.reads, xs, strict=True)}
        for state, width in zip(states, widths, strict=True):
            given[state.inside] = rng.normal(size=(batch, width)).astype(np.float32) * scale
        found = computed(steps, given, [state.after for state in states], opsets)
        wanted: list[Numbers] = []
        sequences = [x.astype(np.float64) for x in xs]
        for layer in layers:
            x = np.concatenate([sequences[index] for index in layer.sequences], axis=1)
            new = step_of(layer.cell, x, [given[state.inside].astype(np.float64) for state in layer.states])
            sequences.append(new[0])
            wanted += new
        for one, other in zip(found, wanted, strict=True):
            if one.shape != other.shape or np.abs(one - other).max() > _TOLERANCE * np.abs(other).max():
                names = ", ".join(layer.cell.op_type for layer in layers)
                raise NotACell(f"looks like {names}, but computes something else")


def computed(
    steps: Steps, given: Mapping[ir.Value, Array], wanted: Sequence[ir.Value], opsets: dict[str, int]
) -> list[Numbers]:
    """Values in the body, where its variables are these arrays."""
    reading = Reading(steps, given, opsets)
    return [np.asarray(reading.of(value), np.float64) for value in wanted]


def step_of(cell: Cell, x: Numbers, before: Sequence[Numbers]) -> list[Numbers]:
    """The new states, H first; https://onnx.ai/onnx/operators (LSTM, GRU, RNN)."""
    f, *others = (_FUNCTIONS[name] for name in cell.activations)
    first, second = np.split(cell.b, 2)
    h = before[0]
    from_x, from_h = x @ cell.w.T + first, h @ cell.r.T + second
    if cell.op_type == "RNN":
        return [f(from_x + from_h)]
    if cell.op_type == "LSTM":
        i, o, forget, g = np.split(from_x + from_h, 4, axis=1)
        c = f(forget) * before[1] + f(i) * others[0](g)
        return [f(o) * others[1](c), c]
    x_z, x_r, x_n = np.split(from_x, 3, axis=1)
    h_z, h_r, h_n = np.split(from_h, 3, axis=1)
    z, r = f(x_z + h_z), f(x_r + h_r)
    if not cell.reset_after:
        h_n = (r * h) @ np.split(cell.r, 3)[2].T + np.split(second, 3)[2]
    n = others[0](x_n + (r * h_n if cell.reset_after else h_n))
    return [(1 - z) * n + z * h]
