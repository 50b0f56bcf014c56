"""Loops that are no cell, or that OpenVINO has no operator for, stay as they are and say why."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.loops import why_a_loop
from ovprep.graph.shape_values import ShapeValues
from ovprep.passes.recurrence.proof import prove
from ovprep.passes.recurrence.recognise import layers_in
from ovprep.passes.recurrence.recover import recover_recurrence
from ovprep.passes.recurrence.refusal import NotACell
from ovprep.passes.recurrence.steps import steps_of
from tests.graphs import GraphBuilder
from tests.passes.recurrence.loops import INPUTS, UNITS, Step, StepBuilder, combined, gru, looped, lstm, rnn, scanned
from tests.passes.support import applied, ops_of

LENGTH = 5


def kept(model: ir.Model, op_type: str = "Loop") -> str:
    """Why the loop is still there, in a model that nothing changed."""
    before = ops_of(model)
    change = applied(recover_recurrence, model)
    assert change is not None
    assert change.summary == "left 1 loop"
    assert ops_of(model) == before
    (node,) = [node for node in model.graph if node.op_type == op_type]
    assert change.details == (why_a_loop(node),)
    return change.details[0]


def of_step(step: Step, states: int = 1, shown: int = 0) -> ir.Model:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    starts = [graph.input(f"start_{index}", 2, UNITS) for index in range(states)]
    for index, value in enumerate(looped(graph, x, starts, step, shown=shown)):
        graph.output(value, f"y_{index}")
    return graph.model


def adds_up(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [build.op("Add", states[0], build.by_weights(x, UNITS))]


def looks_into_its_memory(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    h, c = states
    i, f, g, o = build.gates(x, h, 4)
    return combined(build, build.op("Add", i, build.op("Mul", c, build.weights(UNITS))), f, g, o, c)


def forgets_what_it_learns(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """A new C of two products with the old one."""
    h, c = states
    i, f, _, o = build.gates(x, h, 4)
    return combined(build, i, f, c, o, c)


def resets_otherwise(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """Gates of two functions."""
    (h,) = states
    z, r, n = build.gates(x, h, 3)
    z, r = build.op("Sigmoid", z), build.op("Tanh", r)
    n = build.op("Tanh", build.op("Add", n, build.by_weights(build.op("Mul", r, h), UNITS)))
    return [build.op("Add", n, build.op("Mul", z, build.op("Sub", h, n)))]


def leaves_too_much(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """A GRU whose parts do not add up to one."""
    (new,) = gru(build, x, states)
    return [build.op("Add", new, new)]


def bends(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [build.op("HardSigmoid", *build.gates(x, states[0], 1))]


def bends_softly(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [build.op("Softsign", *build.gates(x, states[0], 1))]


def mixes_the_batch(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    turned = build.op("Slice", states[0], build.ints(-1), build.ints(-(2**31)), build.ints(0), build.ints(-1))
    return rnn(build, x, [turned])


def takes_one_of_the_batch(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    one = build.op("Slice", states[0], build.ints(1), build.ints(2**31), build.ints(0))
    return [build.op("Tanh", *build.gates(x, one, 1))]


def goes_on_and_on(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """More ops in a row than Python calls functions in each other."""
    (h,) = rnn(build, x, states)
    for _ in range(1200):
        h = build.op("Tanh", h)
    return [h]


def takes_the_highway(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """Each layer multiplies the sum of all before it: 2^30 products, which nobody can write out."""
    (h,) = rnn(build, x, states)
    for _ in range(30):
        z, n = (build.op(function, build.by_weights(h, UNITS)) for function in ("Sigmoid", "Tanh"))
        h = build.op("Add", h, build.op("Mul", z, build.op("Sub", n, h)))
    return [h]


@pytest.mark.parametrize(
    ("step", "states", "why"),
    [
        (adds_up, 1, "does not compute an LSTM, a GRU or an RNN"),
        (looks_into_its_memory, 2, "does not compute an LSTM, a GRU or an RNN"),
        (forgets_what_it_learns, 2, "does not compute an LSTM, a GRU or an RNN"),
        (resets_otherwise, 1, "does not compute an LSTM, a GRU or an RNN"),
        (leaves_too_much, 1, "does not compute an LSTM, a GRU or an RNN"),
        (bends, 1, "computes HardSigmoid in each step"),
        (bends_softly, 1, "does not compute an LSTM, a GRU or an RNN"),
        (goes_on_and_on, 1, "does not compute an LSTM, a GRU or an RNN"),
        (takes_the_highway, 1, "does not compute an LSTM, a GRU or an RNN"),
        (mixes_the_batch, 1, "cuts the batch in each step"),
        (takes_one_of_the_batch, 1, "cuts the batch in each step"),
    ],
)
def test_a_step_that_is_no_cell(step: Step, states: int, why: str) -> None:
    assert why in kept(of_step(step, states))


def test_the_memory_of_an_lstm_is_no_sequence() -> None:
    assert "gives something else than its states" in kept(of_step(lstm, 2, shown=1))


@pytest.mark.parametrize("length", [3, LENGTH + 1])
def test_not_all_steps(length: int) -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH + 1 if length < LENGTH else length - 1, 2, INPUTS)
    start = graph.input("start", 2, UNITS)
    count = graph.constant(np.array(min(length, LENGTH), np.int64))
    if length > LENGTH:
        count = graph.op("Sub", graph.op("Squeeze", graph.op("Shape", x, end=1)), graph.constant(np.array(1, np.int64)))
    graph.output(looped(graph, x, [start], rnn, count=count)[0], "y")
    assert "does not go through all of 'x'" in kept(graph.model)


def test_as_many_steps_as_an_input_says() -> None:
    graph = GraphBuilder()
    x, start = graph.input("x", 1, 2, INPUTS), graph.input("start", 2, UNITS)
    graph.output(looped(graph, x, [start], rnn, count=graph.input("count", dtype=np.int64))[0], "y")
    assert "as often as its inputs ask for" in kept(graph.model)


def until_it_is_large(body: StepBuilder) -> ir.Value:
    return body.op("Less", body.op("ReduceMax", body.graph.outputs[1], keepdims=0), body.constant(np.float32(9)))


def thrice(body: StepBuilder) -> ir.Value:
    return body.op("Less", body.graph.inputs[0], body.constant(np.array(2, np.int64)))


@pytest.mark.parametrize(
    ("condition", "why"),
    [(until_it_is_large, "ends when its steps say so"), (thrice, "does not go through all of 'x'")],
)
def test_a_loop_that_may_end_early(condition: Callable[[StepBuilder], ir.Value], why: str) -> None:
    model = of_step(rnn)
    body = StepBuilder("more")
    body.graph = model.graph.node("Loop").attributes["body"].as_graph()
    body.graph.outputs[0] = condition(body)
    assert why in kept(model)


def test_a_state_of_another_batch() -> None:
    graph = GraphBuilder()
    x, rows = graph.input("x", LENGTH, "batch", INPUTS), graph.input("start", "batch", UNITS)
    start = graph.op("Compress", rows, graph.constant(np.ones(3, bool)), axis=0)
    graph.output(looped(graph, x, [start], rnn)[-1], "y")
    assert "may have another batch than the input" in kept(graph.model)


def test_what_all_steps_share() -> None:
    graph = GraphBuilder()
    x, start = graph.input("x", LENGTH, 2, INPUTS), graph.input("start", 2, UNITS)
    shared = graph.input("shared", 2, UNITS)

    def step(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
        return rnn(build, x, [build.op("Add", states[0], shared)])

    graph.output(looped(graph, x, [start], step)[-1], "y")
    assert "reads 'shared' in each step" in kept(graph.model)


def test_sequences_of_two_batches() -> None:
    graph = GraphBuilder()
    x, y = graph.input("x", LENGTH, 2, INPUTS), graph.input("y", 2, LENGTH, INPUTS)
    start = graph.input("start", 2, UNITS)

    def step(build: StepBuilder, x: ir.Value, states: Sequence[ir.Value]) -> Sequence[ir.Value]:
        return [build.op("Tanh", build.op("Add", build.by_weights(x, UNITS), states[0]))]

    y.shape = ir.Shape([ir.SymbolicDim("batch"), LENGTH, INPUTS])
    given = scanned(graph, [x, y], [start], step, scan_input_axes=[0, 1])
    graph.output(given[0], "z")
    graph.graph.inputs[1].shape = ir.Shape([ir.SymbolicDim("time"), LENGTH, INPUTS])
    change = recover_recurrence(graph.model)
    assert change is not None
    assert "more than one length or batch" in change.details[0]


@pytest.mark.parametrize("step", [lstm, gru, rnn])
def test_the_proof_sees_another_cell(step: Step) -> None:
    model = of_step(step, 2 if step is lstm else 1)
    steps, opsets = steps_of(model.graph.node("Loop"), ShapeValues()), model.graph.opset_imports
    (layer,), _ = layers_in(steps, opsets)
    prove(steps, [layer], 2, opsets)
    cell = layer.cell
    wrong = [
        replace(cell, w=cell.w[::-1]),
        replace(cell, r=-cell.r),
        replace(cell, b=cell.b[::-1]),
        replace(cell, activations=("Relu",) * len(cell.activations)),
    ]
    for other in wrong + [replace(cell, reset_after=False)] * (step is gru):
        with pytest.raises(NotACell, match="computes something else"):
            prove(steps, [replace(layer, cell=other)], 2, opsets)
