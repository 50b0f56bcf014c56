"""Loop and Scan as the same thing: states that go from step to step, sequences that are read and that are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ovprep.graph.constants import array_of, int_of, ints_of
from ovprep.graph.extents import Extent
from ovprep.graph.shape_values import ShapeValues
from ovprep.graph.shapes import rank_of
from ovprep.passes.recurrence.counting import Counts
from ovprep.passes.recurrence.refusal import NotACell


@dataclass(frozen=True)
class State:
    """What a step is given, what the first one is given, what a step makes of it, and what the last one makes."""

    inside: ir.Value
    start: ir.Value
    after: ir.Value
    end: ir.Value

    @property
    def stays(self) -> bool:
        """Whether each step hands on what it was given."""
        return origin(self.after) is self.inside


@dataclass(frozen=True)
class Read:
    """The slices of a tensor along an axis, one for each step."""

    inside: ir.Value
    source: ir.Value
    axis: int
    reverse: bool


@dataclass(frozen=True)
class Written:
    """What each step gives, and all of that along a new axis."""

    step: ir.Value
    stacked: ir.Value
    axis: int
    reverse: bool


@dataclass(frozen=True)
class Steps:
    """A Loop or a Scan, without what a Loop counts with."""

    body: ir.Graph
    states: tuple[State, ...]
    reads: tuple[Read, ...]
    writes: tuple[Written, ...]

    @property
    def moving(self) -> list[State]:
        """The states that steps change."""
        return [state for state in self.states if not state.stays]

    @property
    def widths(self) -> list[int]:
        """How many numbers a row of each tensor that is read has. Raises NotACell where that is open."""
        found = [read.source.shape[-1] if read.source.shape else None for read in self.reads]
        widths = [width for width in found if isinstance(width, int)]
        if len(widths) < len(found):
            raise NotACell("reads rows of open width")
        return widths


def steps_of(node: ir.Node, known: ShapeValues) -> Steps:
    """Raises NotACell where the loop may end early, or goes through a tensor in an order of its own."""
    return _of_loop(node, known) if node.op_type == "Loop" else _of_scan(node)


def origin(value: ir.Value) -> ir.Value:
    """The value behind any number of Identity nodes."""
    producer = value.producer()
    while producer is not None and producer.op_type == "Identity" and producer.inputs[0] is not None:
        value = producer.inputs[0]
        producer = value.producer()
    return value


def _of_loop(node: ir.Node, known: ShapeValues) -> Steps:
    """Inputs are the number of steps, a condition, and states; those of the body a counter, a condition, and states."""
    body = node.attributes["body"].as_graph()
    inside, starts, after, ends = body.inputs[2:], node.inputs[2:], body.outputs[1:], node.outputs
    states = [
        State(own, start, then, end)
        for own, start, then, end in zip(inside, starts, after, ends, strict=False)
        if start is not None
    ]
    if len(states) < len(inside):
        raise NotACell("is not given all of its states")
    written = [
        Written(step, stacked, 0, False)
        for step, stacked in zip(after[len(states) :], ends[len(states) :], strict=True)
    ]
    starts_of = {state.inside: (state.start, state.after) for state in states}
    counts = Counts(body.inputs[0], starts_of, known)
    count = counts.steps(node.inputs[0], node.inputs[1], body.outputs[0], body.inputs[1])
    outside = {state.inside: state.start for state in states if state.stays}
    sources = [(one, _source(one, body, outside)) for one in body]
    reads = [_gathered(one, source, counts, count, known) for one, source in sources if source is not None]
    moving = tuple(state for state in states if not state.stays and counts.of(state.inside) is None)
    others = [state for state in states if state not in moving]
    for state in others:
        if not state.stays and (state.end.uses() or state.end.is_graph_output()):
            raise NotACell("gives the number of its steps")
    return Steps(body, (*moving, *(state for state in others if state.stays)), tuple(reads), tuple(written))


def _source(node: ir.Node, body: ir.Graph, outside: Mapping[ir.Value, ir.Value]) -> ir.Value | None:
    """The computed tensor outside of the body that a Gather takes from."""
    if node.op_type != "Gather" or node.inputs[0] is None:
        return None
    source = outside.get(node.inputs[0], node.inputs[0])
    inside = array_of(source) is not None or source in body.inputs or _graph_of(source) is body
    return None if inside else source


def _graph_of(value: ir.Value) -> ir.Graph | None:
    producer = value.producer()
    return producer.graph if producer is not None and isinstance(producer.graph, ir.Graph) else None


def _gathered(node: ir.Node, source: ir.Value, counts: Counts, count: Extent, known: ShapeValues) -> Read:
    """Gather(source, i): one slice after the other, all of them."""
    place = node.inputs[1]
    index = None if place is None else counts.of(place)
    rank, dims = rank_of(source), known.dims(source)
    if rank is None or dims is None or place is None or rank_of(place) != 0 or index is None:
        raise NotACell(f"picks from {source.name!r} what its steps compute")
    axis = int_of(node, "axis", 0) % rank
    forwards, backwards = index.step == 1 and index.start == Extent(0), index.step == -1 and index.start == count + -1
    if not (forwards or backwards) or dims[axis] != count:
        raise NotACell(f"does not go through all of {source.name!r}, step by step")
    return Read(node.outputs[0], source, axis, backwards)


def _of_scan(node: ir.Node) -> Steps:
    """Inputs are states, then tensors that are read; outputs are states, then tensors that are written."""
    body = node.attributes["body"].as_graph()
    reading = int_of(node, "num_scan_inputs", 0)
    count = len(node.inputs) - reading
    given = [value for value in node.inputs if value is not None]
    if len(given) < len(node.inputs):
        raise NotACell("is not given all of its inputs")
    states = map(State, body.inputs[:count], given[:count], body.outputs[:count], node.outputs[:count])
    sources = given[count:]
    axes, back = _listed(node, "scan_input_axes", reading), _listed(node, "scan_input_directions", reading)
    reads = [
        Read(inside, source, axis % (rank_of(source) or 1), bool(reverse))
        for inside, source, axis, reverse in zip(body.inputs[count:], sources, axes, back, strict=True)
    ]
    writing = len(node.outputs) - count
    axes, back = _listed(node, "scan_output_axes", writing), _listed(node, "scan_output_directions", writing)
    writes = [
        Written(step, stacked, axis % (rank_of(stacked) or 1), bool(reverse))
        for step, stacked, axis, reverse in zip(body.outputs[count:], node.outputs[count:], axes, back, strict=True)
    ]
    return Steps(body, tuple(states), tuple(reads), tuple(writes))


def _listed(node: ir.Node, name: str, count: int) -> Sequence[int]:
    return ints_of(node, name) or (0,) * count
