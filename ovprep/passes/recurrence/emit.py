"""Writes the operator in place of the loop."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, ints_of
from ovprep.graph.edit import replace_value
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.recurrence.cells import Cell
from ovprep.passes.recurrence.recognise import Layer
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import Read, State, Steps, Written

_FAR = 2**31 - 1


def starts_of(steps: Steps, known: ShapeValues) -> dict[State, ir.Value]:
    """The first states `[N, units]` that are not zero. Raises NotACell where one has another batch than the input."""
    read = steps.reads[0]
    dims = list(known.dims(read.source) or ())
    batch = [size for axis, size in enumerate(dims) if axis != read.axis][:1]
    found = {state: state.start for state in steps.moving if not _is_zero(state.start)}
    for start in found.values():
        if list(known.dims(start) or ())[:1] != batch:
            raise NotACell(f"starts from {start.name!r}, which may have another batch than the input")
    return found


def _is_zero(value: ir.Value) -> bool:
    array, node = array_of(value), value.producer()
    if array is not None:
        return not array.any()
    if node is not None and node.op_type == "Expand" and node.inputs[0] is not None:
        return _is_zero(node.inputs[0])
    return node is not None and node.op_type == "ConstantOfShape" and _fills_with_zero(node)


def _fills_with_zero(node: ir.Node) -> bool:
    value = node.attributes.get("value")
    return value is None or not value.as_tensor().numpy().any()


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
    lasts: list[ir.Value] = []
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
        lasts.append(last[0])
        if index + 1 < len(layers):
            rows.append(build.op("Squeeze", sequence, build.ints(1, name="axes")))
    for state in steps.states:
        if state.stays and _is_used(state.end):
            made.append(build.op("Identity", state.start))
            replace_value(graph, state.end, made[-1])
    for written, number in zip(steps.writes, writes, strict=True):
        flip = backwards != written.reverse
        made += _give_sequence(graph, build, written, sequences[number], lasts[number], flip=flip)
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
    return x if read.reverse == backwards else _flipped(build, x)


def _flipped(build: Builder, x: ir.Value) -> ir.Value:
    """`[W, N, C]` from its last step to its first."""
    ends = build.ints(np.iinfo(np.int64).min, name="ends")
    y = build.op(
        "Slice", x, build.ints(-1, name="starts"), ends, build.ints(0, name="axes"), build.ints(-1, name="steps")
    )
    y.shape = x.shape  # inference gives up on an open axis
    return y


def _give_state(graph: ir.Graph, build: Builder, state: State, last: ir.Value) -> list[ir.Value]:
    if not _is_used(state.end):
        return []
    made = build.op("Squeeze", last, build.ints(0, name="axes"))
    replace_value(graph, state.end, made)
    return [made]


def _give_sequence(
    graph: ir.Graph, build: Builder, written: Written, sequence: ir.Value, last: ir.Value, *, flip: bool
) -> list[ir.Value]:
    """Of all steps `[W, 1, N, units]` and the last state `[1, N, units]`."""
    made = []
    if written.axis == 0 and not written.reverse:
        for node in [node for node, _ in written.stacked.uses()]:
            if _takes_the_last(node):
                replace_value(graph, node.outputs[0], last)
                made.append(last)
    if not _is_used(written.stacked):
        return made
    if not flip and written.axis == 0:
        made += _turned(graph, build, written.stacked, sequence)
    if not _is_used(written.stacked):
        return made
    y = build.op("Squeeze", sequence, build.ints(1, name="axes"))
    y = _flipped(build, y) if flip else y
    if written.axis:
        y = build.op("Transpose", y, perm=(1, 0, 2) if written.axis == 1 else (1, 2, 0))
    replace_value(graph, written.stacked, y)
    return [*made, y]


def _takes_the_last(node: ir.Node) -> bool:
    """Slice(x, -1, the end) on the first axis."""
    if node.op_type != "Slice" or node.outputs[0].is_graph_output():
        return False
    starts, ends, axes = (ints_of(node, "", index) for index in (1, 2, 3))
    steps = ints_of(node, "", 4) if len(node.inputs) > 4 else (1,)
    return (starts, axes, steps) == ((-1,), (0,), (1,)) and ends is not None and ends[0] >= _FAR


def _turned(graph: ir.Graph, build: Builder, stacked: ir.Value, sequence: ir.Value) -> list[ir.Value]:
    """Transpose before Squeeze: OpenVINO 2026.4 computes the other order wrongly where two of them meet in a Concat."""
    made = []
    for node in [node for node, _ in stacked.uses()]:
        perm = ints_of(node, "perm") if node.op_type == "Transpose" else None
        if perm is None:
            continue
        first, *rest = ((0, 2, 3)[axis] for axis in perm)
        y = build.op("Transpose", sequence, perm=(first, 1, *rest))
        made.append(build.op("Squeeze", y, build.ints(1, name="axes")))
        replace_value(graph, node.outputs[0], made[-1])
    return made


def _is_used(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()
