"""Finds the cells in the body of a loop: one, or several of which each takes what the one before it gives."""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ovprep.passes.recurrence.cells import Cell, cell_of
from ovprep.passes.recurrence.forms import Form, Leaf, variable
from ovprep.passes.recurrence.reading import Reading
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import State, Steps, origin


@dataclass(frozen=True)
class Layer:
    """A cell in its place: H, and C of an LSTM, and which sequences it takes, joined.

    Sequences are numbered: first those that the loop reads, then the H of one layer after the other.
    """

    cell: Cell
    states: tuple[State, ...]
    sequences: tuple[int, ...]


def layers_in(steps: Steps, opsets: dict[str, int]) -> tuple[list[Layer], list[int]]:
    """The cells, and for each sequence that the loop writes, the number of the one whose H that is.

    Raises NotACell where a state or a sequence is not that of a cell.
    """
    layers: list[Layer] = []
    waiting = steps.moving
    while waiting:
        layer = _next(steps, layers, waiting, opsets)
        layers.append(layer)
        waiting = [state for state in waiting if state not in layer.states]
    given = [origin(layer.states[0].after) for layer in layers]
    if any(origin(written.step) not in given for written in steps.writes):
        raise NotACell("gives something else than its states in each step")
    return layers, [given.index(origin(written.step)) for written in steps.writes]


def _next(steps: Steps, layers: list[Layer], waiting: list[State], opsets: dict[str, int]) -> Layer:
    """The cell that takes nothing but sequences, the states of the layers before it among them, and its own states."""
    values = [read.inside for read in steps.reads] + [origin(layer.states[0].after) for layer in layers]
    widths = steps.widths + [layer.cell.units for layer in layers]
    x, ends = variable("X", sum(widths)), np.cumsum(widths)
    slices = [slice(int(end) - width, int(end)) for end, width in zip(ends, widths, strict=True)]
    inside = {state: variable(f"S{index}", _units(state)) for index, state in enumerate(waiting)}
    rows = {value: x.taken(place) for value, place in zip(values, slices, strict=True)}
    reading = Reading(steps, rows | {state.inside: form for state, form in inside.items()}, opsets)
    after = {state: reading.form(state.after) for state in waiting}
    for states in (*combinations(waiting, 1), *combinations(waiting, 2)):
        found = cell_of([after[state] for state in states], _leaf(x), [_leaf(inside[state]) for state in states])
        if found is not None:
            cell, h = found
            taken = [index for index, place in enumerate(slices) if cell.w[:, place].any()] or [0]
            w = np.concatenate([cell.w[:, slices[index]] for index in taken], axis=1)
            return Layer(
                replace(cell, w=w), (states[h], *(state for state in states if state is not states[h])), tuple(taken)
            )
    raise NotACell("does not compute an LSTM, a GRU or an RNN with the usual activations in each step")


def _units(state: State) -> int:
    """The width of a state."""
    for value in (state.inside, state.after, state.start):
        if value.shape is not None and len(value.shape) == 2 and isinstance(value.shape[1], int):
            return value.shape[1]
    raise NotACell(f"has the state {state.inside.name!r}, which is no [N, units]")


def _leaf(form: Form) -> Leaf:
    return next(iter(form.terms))
