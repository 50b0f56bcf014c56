"""Computes a step of a loop both ways: as its body has it, and by the equations of the operator."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ovprep.graph.constants import Array
from ovprep.passes.recurrence.cells import Cell
from ovprep.passes.recurrence.forms import Numbers
from ovprep.passes.recurrence.reading import Reading
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import Steps

_TOLERANCE = 1e-4
"""Of the largest value: far above what float32 rounds off in one step, far below what a swapped gate would do."""
_FUNCTIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": np.tanh,
}


def prove(steps: Steps, cell: Cell, h: int, batch: int, opsets: dict[str, int]) -> None:
    """Raises NotACell where the new states, of random inputs and states, are not those of the operator."""
    rng = np.random.default_rng(0)
    moving = steps.moving
    for scale in (0.5, 2.0):
        xs = [rng.normal(size=(batch, width)).astype(np.float32) * scale for width in steps.widths]
        before = [rng.normal(size=(batch, cell.units)).astype(np.float32) * scale for _ in moving]
        given = {read.inside: x for read, x in zip(steps.reads, xs, strict=True)}
        given |= {state.inside: array for state, array in zip(moving, before, strict=True)}
        found = computed(steps, given, [state.after for state in moving], opsets)
        wanted = _step(cell, np.concatenate(xs, axis=1).astype(np.float64), before, h)
        for one, other in zip(found, wanted, strict=True):
            if one.shape != other.shape or np.abs(one - other).max() > _TOLERANCE * max(np.abs(other).max(), 1e-6):
                raise NotACell(f"looks like {cell.op_type}, but computes something else")


def computed(
    steps: Steps, given: Mapping[ir.Value, Array], wanted: Sequence[ir.Value], opsets: dict[str, int]
) -> list[Numbers]:
    """Values in the body, where its variables are these arrays."""
    reading = Reading(steps, given, opsets)
    return [np.asarray(reading.of(value), np.float64) for value in wanted]


def _step(cell: Cell, x: Numbers, before: Sequence[Array], h_at: int) -> list[Numbers]:
    """The new states; https://onnx.ai/onnx/operators (LSTM, GRU, RNN)."""
    f, *others = (_FUNCTIONS[name] for name in cell.activations)
    first, second = np.split(cell.b, 2)
    h, memory = (np.asarray(before[index], np.float64) for index in (h_at, -1 - h_at))
    from_x, from_h = x @ cell.w.T + first, h @ cell.r.T + second
    if cell.op_type == "RNN":
        return [f(from_x + from_h)]
    if cell.op_type == "LSTM":
        i, o, forget, g = np.split(from_x + from_h, 4, axis=1)
        c = f(forget) * memory + f(i) * others[0](g)
        new = [f(o) * others[1](c), c]
        return new if h_at == 0 else new[::-1]
    x_z, x_r, x_n = np.split(from_x, 3, axis=1)
    h_z, h_r, h_n = np.split(from_h, 3, axis=1)
    z, r = f(x_z + h_z), f(x_r + h_r)
    if not cell.reset_after:
        h_n = (r * h) @ np.split(cell.r, 3)[2].T + np.split(second, 3)[2]
    n = others[0](x_n + (r * h_n if cell.reset_after else h_n))
    return [(1 - z) * n + z * h]
