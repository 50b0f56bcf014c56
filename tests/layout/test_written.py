"""Which layout tensors of rank 4 are written in, by what they meet."""

import onnx_ir as ir

from ovprep.layout.orientation import FIRST, LAST, Orientation
from ovprep.layout.rules import ruling_of
from ovprep.layout.written import Written
from tests.graphs import GraphBuilder

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def written(build: GraphBuilder, *values: ir.Value) -> list[Orientation | None]:
    nodes = list(build.graph)
    found = Written(nodes, [ruling_of(node) for node in nodes])
    return [found.of(value) for value in values]


def conv(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("Conv", x, build.weights(4, 4, 3, 3), pads=(1, 1, 1, 1))


def test_a_convolution_tells_of_all_that_may_turn_with_it() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 4, 4))
    y = build.op("Add", conv(build, x), build.op("Sigmoid", other := build.input("other", 2, 4, 4, 4)))
    assert written(build, build.graph.inputs[0], x, y, other) == [FIRST] * 4


def test_a_transpose_tells_of_both_its_sides() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 4, 4))
    y = build.op("Tanh", build.op("Transpose", x, perm=TO_LAST))
    z = build.op("Abs", build.op("Transpose", y, perm=TO_FIRST))
    assert written(build, x, y, z) == [FIRST, LAST, FIRST]


def test_nothing_tells() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 4, 4))
    y = build.op("Transpose", x, perm=(0, 2, 1, 3))
    assert written(build, x, y) == [None, None]


def test_a_definition_outweighs_a_transpose() -> None:
    """A real Permute of `[N, C, H, W]`, as it stands before recurrent layers: what is behind may be anything."""
    build = GraphBuilder()
    x = build.op("Relu", conv(build, build.input("x", 2, 4, 4, 4)))
    y = build.op("Tanh", build.op("Transpose", x, perm=TO_FIRST))
    assert written(build, x, y) == [FIRST, None]


def test_a_transpose_between_two_convolutions_is_one_of_the_axes() -> None:
    build = GraphBuilder()
    x = build.op("Relu", conv(build, build.input("x", 2, 4, 4, 4)))
    y = build.op("Transpose", x, perm=TO_LAST)
    assert written(build, x, y, conv(build, y)) == [FIRST, FIRST, FIRST]


def test_the_first_of_two_transposes_that_disagree_speaks() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4, 4, 4)
    y, z = build.op("Transpose", x, perm=TO_LAST), build.op("Transpose", x, perm=TO_FIRST)
    assert written(build, x, y, z) == [FIRST, LAST, None]


def test_a_value_added_to_itself_transposed_has_no_layout() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 4, 4, 4, 4))
    y = build.op("Add", x, build.op("Transpose", x, perm=TO_LAST))
    assert written(build, x, y) == [None, None]


def test_what_drops_an_axis_ties_nothing() -> None:
    """A reduction to rank 3 does not tell the layout of what comes behind."""
    build = GraphBuilder()
    x = conv(build, build.input("x", 2, 4, 4, 4))
    y = build.op("ReduceMean", x, build.ints(2), keepdims=0)
    z = build.op("Unsqueeze", y, build.ints(3))
    assert written(build, x, z) == [FIRST, None]
