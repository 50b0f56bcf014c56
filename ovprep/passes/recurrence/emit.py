"""Writes the operator in place of the loop."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.edit import replace_value
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.recurrence.cells import Cell
from ovprep.passes.recurrence.recognise import Layer
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.sequence import flipped
from ovprep.passes.recurrence.steps import Read, State, Steps, Written
from ovprep.passes.recurrence.tidy import is_zero


def starts_of(steps: Steps, known: ShapeValues) -> dict[State, ir.Value]:
    """The first states `[N, units]` that are not zero. Raises NotACell where one has another batch than the input."""
    read = steps.reads[0]
    dims = list(known.dims(read.source) or ())
    batch = [size for axis, size in enumerate(dims) if axis != read.axis][:1]
    found = {state: state.start for state in steps.moving if not is_zero(state.start)}
    for start in found.values():
        if list(known.dims(start) or ())[:1] != batch:
            raise NotACell(f"starts from {start.name!r}, which may have another batch than the input")
    return found


def emit(
    graph: ir.Graph,
    node: ir.Node,
    steps: Steps,
    layers: Sequence[Layer],
    writes: Sequence[int],
    starts: Mapping[State, ir.Value],
) -> list[ir.Value]:
    """Puts operators before the loop, whose outputs nothing uses then; returns what took their place.

    `writes` says for each sequence that the loop writes which layer it is the H of.
    """
    build = Builder(graph, str(node.name), before=node)
    backwards = steps.reads[0].reverse
    rows = [_time_first(build, read, backwards) for read in steps.reads]
    made: list[ir.Value] = []
    sequences: list[ir.Value] = []
    for index, layer in enumerate(layers):
        taken = [rows[number] for number in layer.sequences]
        x = taken[0] if len(taken) == 1 else build.op("Concat", *taken, axis=2)
        sequence, *last = build.ops(
            layer.cell.op_type,
            x,
            *_weights(build, layer.cell, x),
            *_first(build, [starts.get(state) for state in layer.states]),
            outputs=1 + len(layer.states),
            **_attributes(layer.cell, "reverse" if backwards else "forward"),
        )
        for state, value in zip(layer.states, last, strict=True):
            made += _give_state(graph, build, state, value)
        sequences.append(sequence)
        if index + 1 < len(layers):
            rows.append(build.op("Squeeze", sequence, build.ints(1, name="axes")))
    for state in steps.states:
        if state.stays and _is_used(state.end):
            made.append(build.op("Identity", state.start))
            replace_value(graph, state.end, made[-1])
    for written, number in zip(steps.writes, writes, strict=True):
        flip = backwards != written.reverse
        made += _give_sequence(graph, build, written, sequences[number], flip=flip)
    for inner in steps.body:  # else what the steps took from outside would still count as used
        for index in range(len(inner.inputs)):
            inner.replace_input_with(index, None)
    return made


def _attributes(cell: Cell, direction: str) -> dict[str, Any]:
    given = {"hidden_size": cell.units, "direction": direction, "activations": list(cell.activations)}
    return {**given, "linear_before_reset": int(cell.reset_after)} if cell.op_type == "GRU" else given


def _weights(build: Builder, cell: Cell, x: ir.Value) -> list[ir.Value | None]:
    kind = x.dtype.numpy() if x.dtype is not None else np.dtype(np.float32)
    w, r, b = (array.astype(kind)[None] for array in (cell.w, cell.r, cell.b))
    return [build.constant(w, "w"), build.constant(r, "r"), build.constant(b, "b") if b.any() else None]


def _first(build: Builder, starts: list[ir.Value | None]) -> list[ir.Value | None]:
    """No lengths, and the first states `[1, N, units]`; those that are left out are zero."""
    if all(start is None for start in starts):
        return []
    given = [None if start is None else build.op("Unsqueeze", start, build.ints(0, name="axes")) for start in starts]
    return [None, *given]


def _time_first(build: Builder, read: Read, backwards: bool) -> ir.Value:
    x = read.source
    if read.axis:
        x = build.op("Transpose", x, perm=(read.axis, *(axis for axis in range(3) if axis != read.axis)))
    return x if read.reverse == backwards else flipped(build, x, 0)


def _give_state(graph: ir.Graph, build: Builder, state: State, last: ir.Value) -> list[ir.Value]:
    if not _is_used(state.end):
        return []
    made = build.op("Squeeze", last, build.ints(0, name="axes"))
    replace_value(graph, state.end, made)
    return [made]


def _give_sequence(
    graph: ir.Graph, build: Builder, written: Written, sequence: ir.Value, *, flip: bool
) -> list[ir.Value]:
    """Of all steps, `[W, 1, N, units]`."""
    if not _is_used(written.stacked):
        return []
    y = build.op("Squeeze", sequence, build.ints(1, name="axes"))
    y = flipped(build, y, 0) if flip else y
    if written.axis:
        y = build.op("Transpose", y, perm=(1, 0, 2) if written.axis == 1 else (1, 2, 0))
    replace_value(graph, written.stacked, y)
    return [y]


def _is_used(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()
