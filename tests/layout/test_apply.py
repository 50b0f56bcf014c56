"""The plan in the graph: Transposes go where it says, and what the model computes stays."""

import numpy as np
import pytest

from ovprep.graph.shapes import bytes_of
from ovprep.layout.apply import LayoutChange, count_transposes, moves_nothing, optimise_layout, turn_in
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run

SWAP = (0, 2, 1)


def optimised(build: GraphBuilder, tolerance: float = 0.0, pinned_bytes: int = 0) -> LayoutChange:
    """Runs the solver; the graph then checks, computes the same, and moves the bytes that the plan promised.

    pinned_bytes: what Transposes move that look like swaps and are none.
    """
    check(build.model)
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    change = optimise_layout(build.model)
    check(build.model)
    for found, expected in zip(run(build.model, feeds), wanted, strict=True):
        assert difference(found, expected) <= tolerance
    assert moved_bytes(build) == change.bytes_after + pinned_bytes
    assert count_transposes(build.graph) == change.transposes_after
    return change


def moved_bytes(build: GraphBuilder) -> int:
    turns = {node.outputs[0]: turn_in(node) for node in build.graph if turn_in(node)}
    return sum(bytes_of(value) for value, perm in turns.items() if not moves_nothing(value, tuple(np.argsort(perm))))


def test_keras_style_stack() -> None:
    """Each convolution wrapped in Transposes: one pair is left, at the ends."""
    build = GraphBuilder()
    x = build.input("x", 2, 8, 4)
    for _ in range(2):
        x = build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(4, 4, 3), pads=(1, 1))
        x = build.op("Relu", build.op("Add", build.op("Transpose", x, perm=SWAP), build.weights(4)))
    build.output(x, "y")
    change = optimised(build)
    assert (change.transposes_before, change.transposes_after) == (4, 2)
    assert change.swapped == ("Add", "Relu")
    assert listing(build.model).splitlines() == [
        "Transpose: Transpose([2, 8, 4]) -> [2, 4, 8]",
        "Conv: Conv([2, 4, 8]) -> [2, 4, 8]",
        "Add: Add([2, 4, 8]) -> [2, 4, 8]",
        "Relu: Relu([2, 4, 8]) -> [2, 4, 8]",
        "Conv_1: Conv([2, 4, 8]) -> [2, 4, 8]",
        "Transpose_3: Transpose([2, 4, 8]) -> [2, 8, 4]",
        "Add_1: Add([2, 8, 4]) -> [2, 8, 4]",
        "Relu_1: Relu([2, 8, 4]) -> [2, 8, 4]",
    ]


def test_pins_are_reported_with_their_reasons() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 8), build.weights(4, 4, 3))
    build.output(build.op("CumSum", x, build.ints(1)), "y")
    assert optimised(build).pins == (
        ("Conv", "Conv is channel-first by definition"),
        ("CumSum", "no rule for CumSum"),
    )


def test_flatten_and_dense_take_the_order_of_the_convolution() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", "batch", 6, 4), perm=SWAP), build.weights(6, 4, 1))
    x = build.op("Reshape", build.op("Transpose", x, perm=SWAP), build.ints(0, -1))
    build.output(build.op("MatMul", x, build.weights(36, 3)), "y")
    assert optimised(build, FEW_ULP).transposes_after == 1


def test_fan_out_through_transposes() -> None:
    """Three readers of one Transposed value, each behind a Transpose of its own: one Transpose serves them all."""
    build = GraphBuilder()
    x = build.input("x", 2, 8, 4)
    for index in range(3):
        turned = build.op("Transpose", x, perm=SWAP)
        build.output(build.op("Conv", turned, build.weights(2, 4, 3)), f"y{index}")
    change = optimised(build)
    assert (change.transposes_before, change.transposes_after) == (3, 1)


def test_residual_of_a_transposed_branch_stays_as_it_is() -> None:
    """`x + transpose(x)` has no layout that serves both."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 4))
    build.output(build.op("Add", x, build.op("Transpose", x, perm=SWAP)), "y")
    change = optimised(build)
    assert (change.transposes_before, change.transposes_after) == (1, 1)


def test_output_that_is_also_used_inside() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", 2, 8, 4), perm=SWAP), build.weights(4, 4, 1))
    inner = build.op("Transpose", x, perm=SWAP)
    build.output(inner, "inner")
    x = build.op("Transpose", build.op("Sigmoid", inner), perm=SWAP)
    build.output(build.op("Conv", x, build.weights(4, 4, 1)), "y")
    optimised(build)
    assert [value.name for value in build.graph.outputs] == ["inner", "y"]


def test_output_that_is_its_input_turned_twice() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 8, 4)
    build.output(build.op("Transpose", build.op("Transpose", x, perm=SWAP), perm=SWAP), "y")
    assert optimised(build).transposes_after == 0
    assert listing(build.model) == "Transpose_1: Identity([2, 8, 4]) -> [2, 8, 4]"


def test_two_outputs_of_one_value() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 8, 4))
    build.output(x, "y")
    again = build.op("Transpose", build.op("Transpose", x, perm=SWAP), perm=SWAP)
    build.output(again, "z")
    build.output(build.op("Sigmoid", build.op("Transpose", again, perm=SWAP)), "w")
    assert optimised(build).transposes_after == 1
    assert [value.name for value in build.graph.outputs] == ["y", "z", "w"]


def test_unanimous_branches_of_a_split() -> None:
    """Split, gate and concat move together between two convolutions."""
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", 2, 8, 4), perm=SWAP), build.weights(4, 4, 1))
    a, b = build.ops("Split", build.op("Transpose", x, perm=SWAP), axis=-1, num_outputs=2, outputs=2)
    x = build.op("Concat", build.op("Mul", a, build.op("Sigmoid", b)), a, axis=2)
    build.output(build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(4, 4, 1)), "y")
    assert optimised(build).transposes_after == 1


@pytest.mark.parametrize("shape", [(2, 8, 1), (2, 1, 8)])
def test_values_of_one_channel_cost_nothing(shape: tuple[int, int, int]) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Relu", build.input("x", *shape)), perm=SWAP)
    build.output(build.op("Conv", x, build.weights(4, shape[2], 1)), "y")
    change = optimised(build)
    assert (change.bytes_before, change.bytes_after) == (0, 0)


def test_nothing_to_do() -> None:
    build = GraphBuilder()
    build.output(build.op("Softmax", build.input("x", 2, 8), axis=1), "y")
    assert optimised(build) == LayoutChange(0, 0, 0, 0, (), ())


def test_a_transpose_of_other_axes_is_no_swap() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Relu", build.input("x", 4, 4, 4)), perm=(1, 0, 2))
    build.output(build.op("Transpose", x), "y")
    change = optimised(build)
    other = "moves other axes than channels and time"
    assert (change.transposes_after, change.pins) == (2, (("Transpose", other), ("Transpose_1", other)))


def test_no_transpose_stands_between_a_quantised_pair() -> None:
    """Although fewer bytes would move there."""
    build = GraphBuilder()
    scale, zero = build.constant(np.float32(0.05)), build.constant(np.uint8(9))
    x = build.op("QuantizeLinear", build.input("x", 2, 9, 4), scale, zero)
    x = build.op("Transpose", build.op("DequantizeLinear", x, scale, zero), perm=(0, 2, 1))
    build.output(build.op("Conv", x, build.weights(5, 4, 3)), "y")
    optimise_layout(build.model)
    ops = [node.op_type for node in build.model.graph]
    assert ops.index("DequantizeLinear") - ops.index("QuantizeLinear") == 1
