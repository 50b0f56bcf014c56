"""Loops that are cells, before and after, in ONNX Runtime."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.constants import int_of
from ovprep.passes.recurrence.recover import recover_recurrence
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.recurrence.loops import CELLS, INPUTS, UNITS, StepBuilder, gru, looped, lstm, rnn, scanned
from tests.passes.support import applied, ops_of

LENGTH = 7


def starts(graph: GraphBuilder, count: int, batch: int | str) -> list[ir.Value]:
    return [graph.input(f"start_{index}", batch, UNITS) for index in range(count)]


def give(graph: GraphBuilder, values: Sequence[ir.Value]) -> ir.Model:
    for index, value in enumerate(values):
        graph.output(value, f"y_{index}")
    return graph.model


def zeros_for(graph: GraphBuilder, x: ir.Value) -> ir.Value:
    """As many rows of zeros as the batch of `[W, N, C]` has."""
    size = graph.op("Concat", graph.op("Shape", x, start=1, end=2), graph.ints(UNITS), axis=0)
    zeros = graph.op("Expand", graph.constant(np.float32(0)), size)
    zeros.shape = ir.Shape([(x.shape or ())[1], UNITS])
    return zeros


def recovered(model: ir.Model, op_type: str) -> ir.Node:
    """The operator that took the place of the only loop."""
    change = applied(recover_recurrence, model, tolerance=FEW_ULP)
    assert change is not None
    assert not {"Loop", "Scan"} & set(ops_of(model))
    (node,) = [node for node in model.graph if node.op_type == op_type]
    return node


@pytest.mark.parametrize("batch", [1, 2, "batch"])
@pytest.mark.parametrize("name", CELLS)
def test_a_loop_is_its_operator(name: str, batch: int | str) -> None:
    step, count, h, op_type = CELLS[name]
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, batch, INPUTS)
    recovered(give(graph, looped(graph, x, starts(graph, count, batch), step, shown=h)), op_type)


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_a_scan_is_its_operator(name: str, back: bool) -> None:
    step, count, h, op_type = CELLS[name]
    graph = GraphBuilder()
    x = graph.input("x", "time", "batch", INPUTS)
    order = {"scan_input_directions": [int(back)], "scan_output_directions": [int(back)]}
    node = recovered(give(graph, scanned(graph, [x], starts(graph, count, "batch"), step, h, **order)), op_type)
    assert node.attributes.get_string("direction") == ("reverse" if back else "forward")


@pytest.mark.parametrize("directions", [(0, 1), (1, 0)])
def test_a_sequence_may_be_written_the_other_way(directions: tuple[int, int]) -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    order = {"scan_input_directions": [directions[0]], "scan_output_directions": [directions[1]]}
    recovered(give(graph, scanned(graph, [x], starts(graph, 1, 2), rnn, **order)), "RNN")


@pytest.mark.parametrize("axis", [1, 2])
def test_time_may_be_behind_the_batch(axis: int) -> None:
    graph = GraphBuilder()
    x = graph.input("x", "batch", LENGTH, INPUTS)
    order = {"scan_input_axes": [1], "scan_output_axes": [axis]}
    recovered(give(graph, scanned(graph, [x], starts(graph, 2, "batch"), lstm, **order)), "LSTM")


def test_several_sequences_are_joined() -> None:
    graph = GraphBuilder()
    first, second = graph.input("first", LENGTH, "batch", 1), graph.input("second", LENGTH, "batch", INPUTS - 1)
    order = {"scan_input_directions": [0, 1]}
    recovered(give(graph, scanned(graph, [first, second], starts(graph, 1, "batch"), gru, **order)), "GRU")


def test_what_a_gru_resets_after_its_product_is_said() -> None:
    found = {}
    for name in ("gru", "gru_before", "gru_update"):
        graph = GraphBuilder()
        x = graph.input("x", LENGTH, "batch", INPUTS)
        node = recovered(give(graph, looped(graph, x, starts(graph, 1, "batch"), CELLS[name][0])), "GRU")
        found[name] = int_of(node, "linear_before_reset", 0)
    assert found == {"gru": 1, "gru_before": 0, "gru_update": 1}


def test_zeros_to_start_from_are_left_out() -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, "batch", INPUTS)
    zeros = zeros_for(graph, x)
    node = recovered(give(graph, looped(graph, x, [zeros, zeros], lstm)), "LSTM")
    assert len(node.inputs) == 4
    assert ops_of(graph.model) == ["LSTM", "Squeeze", "Squeeze", "Squeeze"]


def test_loops_in_a_row() -> None:
    graph = GraphBuilder()
    x = graph.input("x", "time", "batch", INPUTS)
    zeros = zeros_for(graph, x)
    length = graph.op("Squeeze", graph.op("Shape", x, end=1), graph.ints(0))
    sequence = looped(graph, x, [zeros], rnn, count=length)[-1]
    sequence.shape = ir.Shape([ir.SymbolicDim("time"), ir.SymbolicDim("batch"), UNITS])
    scan = scanned(graph, [sequence], [zeros], gru)
    change = applied(recover_recurrence, give(graph, scan), tolerance=FEW_ULP)
    assert change is not None
    assert change.summary == "recovered 1 GRU, 1 RNN from loops"


def two_in_a_row(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """A GRU that takes what an LSTM gives."""
    below, c, above = states
    below, c = lstm(build, x, [below, c])
    z, reset = (build.op("Sigmoid", gate) for gate in build.gates(below, above, 2))
    new = build.op("Add", build.by_weights(below, UNITS), build.by_weights(build.op("Mul", reset, above), UNITS))
    new = build.op("Tanh", new)
    return [below, c, build.op("Add", new, build.op("Mul", z, build.op("Sub", above, new)))]


@pytest.mark.parametrize("shown", [0, 2])
def test_cells_in_a_row(shown: int) -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, "batch", INPUTS)
    below = recovered(give(graph, looped(graph, x, starts(graph, 3, "batch"), two_in_a_row, shown=shown)), "LSTM")
    (above,) = [node for node in graph.graph if node.op_type == "GRU"]
    assert [(node.inputs[0].shape or ())[2] for node in (below, above)] == [INPUTS, UNITS]  # type: ignore[union-attr]


def counted(graph: GraphBuilder, limit: ir.Value | None, last: int) -> ir.Value:
    """The sequence of a Loop over `x` that goes on while the number of its step is less than `last`."""
    x = graph.input("x", LENGTH, 2, INPUTS)
    sequence = looped(graph, x, starts(graph, 1, 2), rnn, count=graph.constant(np.array(0)))[-1]
    loop = graph.graph.node("Loop")
    loop.replace_input_with(0, limit)
    body = StepBuilder("more")
    body.graph = loop.attributes["body"].as_graph()
    number = body.op("Cast", body.op("Add", body.graph.inputs[0], body.constant(np.array(1))), to=1)
    body.graph.outputs[0] = body.op("Less", number, body.constant(np.float32(last + 1)))
    return sequence


@pytest.mark.parametrize(
    ("limit", "last"), [(None, LENGTH - 1), (2**40, LENGTH - 1), (LENGTH, LENGTH - 1), (LENGTH, LENGTH), (LENGTH, 99)]
)
def test_a_condition_may_count_the_steps(limit: int | None, last: int) -> None:
    graph = GraphBuilder()
    most = None if limit is None else graph.constant(np.array(limit))
    recovered(give(graph, [counted(graph, most, last)]), "RNN")


@pytest.mark.parametrize(("limit", "last"), [(None, LENGTH - 2), (LENGTH - 1, 99), (LENGTH, LENGTH - 2)])
def test_a_condition_may_count_too_few(limit: int | None, last: int) -> None:
    graph = GraphBuilder()
    most = None if limit is None else graph.constant(np.array(limit))
    change = applied(recover_recurrence, give(graph, [counted(graph, most, last)]))
    assert change is not None
    assert "does not go through all of 'x'" in change.details[0]
