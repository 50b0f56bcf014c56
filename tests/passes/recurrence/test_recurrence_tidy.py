"""What stands around a recurrence, before and after, in ONNX Runtime."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.recurrence.tidy import tidy_recurrence
from tests.graphs import GraphBuilder
from tests.passes.support import applied, ops_of

LENGTH, INPUTS, UNITS = 5, 3, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrence(
    graph: GraphBuilder, x: ir.Value, op_type: str = "GRU", *states: ir.Value | None, **attributes: str
) -> tuple[ir.Value, ...]:
    """All steps `[T, D, N, H]` and the last states `[D, N, H]`, of an input `[T, N, C]`."""
    ways = 2 if attributes.get("direction") == "bidirectional" else 1
    w, r = (graph.weights(ways, GATES[op_type] * UNITS, width) for width in (INPUTS, UNITS))
    outputs = 3 if op_type == "LSTM" else 2
    return graph.ops(op_type, x, w, r, None, None, *states, outputs=outputs, hidden_size=UNITS, **attributes)


def tidied(graph: GraphBuilder, *values: ir.Value) -> list[str]:
    for index, value in enumerate(values):
        graph.output(value, f"y_{index}")
    assert applied(tidy_recurrence, graph.model) is not None
    return ops_of(graph.model)


def untouched(graph: GraphBuilder, *values: ir.Value) -> None:
    for index, value in enumerate(values):
        graph.output(value, f"y_{index}")
    before = ops_of(graph.model)
    assert applied(tidy_recurrence, graph.model) is None
    assert ops_of(graph.model) == before


def flat(graph: GraphBuilder, sequence: ir.Value) -> ir.Value:
    return graph.op("Squeeze", sequence, graph.ints(1))


def flipped(graph: GraphBuilder, x: ir.Value, axis: int, *, by: str = "Slice") -> ir.Value:
    if by == "Slice":
        return graph.op("Slice", x, graph.ints(-1), graph.ints(-(2**31)), graph.ints(axis), graph.ints(-1))
    length = graph.op("Shape", x, start=axis, end=axis + 1)
    batch = graph.op("Shape", x, start=1 - axis, end=2 - axis)
    return graph.op("ReverseSequence", x, graph.op("Expand", length, batch), time_axis=axis, batch_axis=1 - axis)


@pytest.mark.parametrize("op_type", GATES)
def test_zeros_are_left_out(op_type: str) -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, "batch", INPUTS)
    size = graph.op("Concat", graph.op("Shape", x, start=1, end=2), graph.ints(UNITS), axis=0)
    zeros = graph.op("Unsqueeze", graph.op("Expand", graph.constant(np.float32(0)), size), graph.ints(0))
    assert tidied(graph, recurrence(graph, x, op_type, zeros)[0]) == [op_type]


def test_zeros_may_be_joined_and_cut() -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    one = graph.op("ConstantOfShape", graph.ints(1, 2, UNITS))
    both = graph.op("Concat", one, one, one, axis=0)
    start = graph.op("Slice", both, graph.ints(1), graph.ints(3), graph.ints(0))
    assert tidied(graph, recurrence(graph, x, "LSTM", start, start, direction="bidirectional")[0]) == ["LSTM"]


def test_zeros_joined_with_others_stay() -> None:
    graph = GraphBuilder()
    x, given = graph.input("x", LENGTH, 2, INPUTS), graph.input("start", 1, 2, UNITS)
    both = graph.op("Concat", graph.op("ConstantOfShape", graph.ints(1, 2, UNITS)), given, axis=0)
    untouched(graph, recurrence(graph, x, "GRU", both, direction="bidirectional")[0])


def test_a_state_that_is_not_zero_stays() -> None:
    graph = GraphBuilder()
    x, start = graph.input("x", LENGTH, 2, INPUTS), graph.input("start", 1, 2, UNITS)
    zeros = graph.op("ConstantOfShape", graph.ints(1, 2, UNITS))
    ones = graph.op("ConstantOfShape", graph.ints(1, 2, UNITS), value=ir.tensor(np.float32([1])))
    given = [recurrence(graph, x, "LSTM", *states)[0] for states in ((start, zeros), (zeros, start), (ones, ones))]
    assert tidied(graph, *given) == ["ConstantOfShape", "LSTM", "LSTM", "LSTM"]
    assert [len(node.inputs) for node in graph.graph if node.op_type == "LSTM"] == [7, 7, 7]


@pytest.mark.parametrize(("length", "batch"), [(1, 3), (LENGTH, 1)])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_reshape_of_time_is_a_transpose(length: int, batch: int, direction: str) -> None:
    graph = GraphBuilder()
    x = graph.op("Reshape", graph.input("x", batch, length, INPUTS), graph.ints(length, batch, INPUTS))
    assert tidied(graph, recurrence(graph, x, direction=direction)[0]) == ["Transpose", "GRU"]


def test_a_reshape_of_more_stays() -> None:
    graph = GraphBuilder()
    x = graph.op("Reshape", graph.input("x", 2, LENGTH, INPUTS), graph.ints(LENGTH, 2, INPUTS))
    untouched(graph, recurrence(graph, x)[0])


@pytest.mark.parametrize("by", ["Transpose", "Reshape"])
def test_a_transpose_comes_first(by: str) -> None:
    graph = GraphBuilder()
    sequence = flat(graph, recurrence(graph, graph.input("x", LENGTH, 1, INPUTS))[0])
    if by == "Transpose":
        turned = graph.op("Transpose", sequence, perm=(1, 0, 2))
    else:
        turned = graph.op("Reshape", sequence, graph.ints(1, LENGTH, UNITS))
    assert tidied(graph, turned, graph.op("Relu", sequence)) == ["GRU", "Squeeze", "Transpose", "Squeeze", "Relu"]


@pytest.mark.parametrize("perm", [None, (1, 0, 2), (1, 2, 0)])
@pytest.mark.parametrize("by", ["Slice", "Gather"])
def test_the_last_step_is_the_last_state(by: str, perm: tuple[int, ...] | None) -> None:
    graph = GraphBuilder()
    sequence = flat(graph, recurrence(graph, graph.input("x", LENGTH, 2, INPUTS))[0])
    turned = sequence if perm is None else graph.op("Transpose", sequence, perm=perm)
    axis = perm.index(0) if perm else 0
    if by == "Slice":
        last = graph.op("Slice", turned, graph.ints(-1), graph.ints(2**31 - 1), graph.ints(axis))
    else:
        last = graph.op("Gather", turned, graph.constant(np.array(-1)), axis=axis)
    wanted = ["GRU"] + ["Squeeze"] * (by == "Gather") + ["Transpose"] * (by == "Slice" and perm is not None)
    if by == "Slice" and perm is None:
        last = graph.op("Relu", last)
        wanted.append("Relu")
    assert tidied(graph, last) == wanted


@pytest.mark.parametrize(("direction", "start", "axis"), [("reverse", -1, 0), ("forward", -2, 0), ("forward", -1, 1)])
def test_another_step_is_not(direction: str, start: int, axis: int) -> None:
    graph = GraphBuilder()
    sequence = flat(graph, recurrence(graph, graph.input("x", LENGTH, 2, INPUTS), direction=direction)[0])
    untouched(graph, graph.op("Slice", sequence, graph.ints(start), graph.ints(2**31 - 1), graph.ints(axis)))


@pytest.mark.parametrize("place", [0, 1, -2])
def test_any_step_is_not_the_last(place: int) -> None:
    graph = GraphBuilder()
    sequence = flat(graph, recurrence(graph, graph.input("x", LENGTH, 2, INPUTS))[0])
    untouched(graph, graph.op("Gather", sequence, graph.constant(np.array(place)), axis=0))


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("by", ["Slice", "ReverseSequence"])
def test_turned_round_on_both_ways_is_the_other_direction(by: str, direction: str) -> None:
    graph = GraphBuilder()
    x = flipped(graph, graph.input("x", LENGTH, "batch", INPUTS), 0, by=by)
    sequence, last = recurrence(graph, x, direction=direction)
    turned = graph.op("Transpose", flat(graph, sequence), perm=(1, 0, 2))
    given = [graph.op("Relu", flipped(graph, turned, 1, by=by)), last]
    assert tidied(graph, *given) == ["GRU", "Transpose", "Squeeze", "Relu"]
    other = "forward" if direction == "reverse" else "reverse"
    assert next(iter(graph.graph)).attributes.get_string("direction") == other


def test_turned_round_on_one_way_stays() -> None:
    graph = GraphBuilder()
    x = flipped(graph, graph.input("x", LENGTH, 2, INPUTS), 0)
    untouched(graph, graph.op("Relu", flat(graph, recurrence(graph, x)[0])))


def test_a_whole_sequence_turned_round_is_a_slice() -> None:
    graph = GraphBuilder()
    x = flipped(graph, graph.input("x", LENGTH, "batch", INPUTS), 0, by="ReverseSequence")
    assert tidied(graph, graph.op("Relu", flat(graph, recurrence(graph, x)[0]))) == ["Slice", "GRU", "Squeeze", "Relu"]


def test_sequences_turned_before_they_are_joined() -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, "batch", INPUTS)
    first, second = (flat(graph, recurrence(graph, x)[0]) for _ in range(2))
    third = graph.op("Transpose", graph.op("Relu", second), perm=(1, 0, 2))
    joined = graph.op("Concat", first, graph.op("Relu", second), axis=2)
    given = [graph.op("Transpose", graph.op("Add", first, second), perm=(1, 0, 2)), third, joined]
    assert tidied(graph, *given).count("Transpose") == 3
    (add,) = [node for node in graph.graph if node.op_type == "Add"]
    assert [value.producer().op_type for value in add.inputs] == ["Squeeze", "Squeeze"]  # type: ignore[union-attr]


@pytest.mark.parametrize("axis", [0, 1])
def test_sequences_joined_along_another_axis_stay(axis: int) -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    sequences = [flat(graph, recurrence(graph, x)[0]) for _ in range(2)]
    untouched(graph, graph.op("Transpose", graph.op("Concat", *sequences, axis=axis), perm=(1, 0, 2)))


def test_another_axis_turned_round_stays() -> None:
    graph = GraphBuilder()
    x = flipped(graph, graph.input("x", LENGTH, 2, INPUTS), 1)
    untouched(graph, recurrence(graph, x)[1])


def test_parts_of_sequences_turned_round_stay() -> None:
    graph = GraphBuilder()
    lengths = graph.constant(np.array([LENGTH, LENGTH - 1]))
    x = graph.op("ReverseSequence", graph.input("x", LENGTH, 2, INPUTS), lengths, time_axis=0, batch_axis=1)
    untouched(graph, recurrence(graph, x)[1])


def test_without_a_sequence_the_input_alone_is_turned_round() -> None:
    graph = GraphBuilder()
    x = flipped(graph, graph.input("x", LENGTH, 2, INPUTS), 0)
    assert tidied(graph, recurrence(graph, x, "LSTM")[2]) == ["LSTM"]


def test_joined_sequences_that_are_an_output_too_keep_their_order() -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    joined = graph.op("Concat", *(flat(graph, recurrence(graph, x)[0]) for _ in range(2)), axis=-1)
    untouched(graph, joined, graph.op("Transpose", joined, perm=(1, 0, 2)))


def test_a_last_state_is_no_sequence() -> None:
    graph = GraphBuilder()
    steps, last = recurrence(graph, graph.input("x", LENGTH, 2, INPUTS))
    both = graph.op("Add", flat(graph, steps), graph.op("Squeeze", last, graph.ints(0)))
    untouched(graph, graph.op("Transpose", both, perm=(1, 0, 2)))


def test_the_last_step_of_shorter_sequences_is_not_their_last_state() -> None:
    graph = GraphBuilder()
    x = graph.input("x", LENGTH, 2, INPUTS)
    w, r = (graph.weights(1, 3 * UNITS, width) for width in (INPUTS, UNITS))
    lengths = graph.constant(np.array([LENGTH, 2], np.int32), "lengths")
    steps, _ = graph.ops("GRU", x, w, r, None, lengths, outputs=2, hidden_size=UNITS)
    last = graph.constant(np.array(-1, np.int64), "last")
    untouched(graph, graph.op("Gather", flat(graph, steps), last, axis=0))


def test_what_a_branch_reads_stays() -> None:
    graph = GraphBuilder()
    choice = graph.input("choice", dtype=np.bool_)
    steps = flat(graph, recurrence(graph, graph.input("x", LENGTH, 2, INPUTS))[0])
    branches = []
    for name in ("then", "else"):
        inner = ir.node("Transpose", [steps], attributes={"perm": (1, 0, 2)}, name=name)
        inner.outputs[0].name, inner.outputs[0].dtype = name, ir.DataType.FLOAT
        branches.append(ir.Graph([], inner.outputs, nodes=[inner], name=name))
    then, other = branches
    chosen = graph.op("If", choice, then_branch=then, else_branch=other)
    chosen.dtype, chosen.shape = ir.DataType.FLOAT, ir.Shape([2, LENGTH, UNITS])
    untouched(graph, chosen)
