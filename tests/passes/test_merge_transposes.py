"""Transposes meet, and are one: what each drawing becomes, and that it computes the same to the bit."""

import itertools

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.merge_transposes import merge_transposes
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of


def perms(model: ir.Model) -> list[tuple[int, ...]]:
    return [tuple(node.attributes["perm"].as_ints()) for node in model.graph if node.op_type == "Transpose"]


@pytest.mark.parametrize("first", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("second", list(itertools.permutations(range(3))))
def test_two_in_a_row(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Relu", build.input("x", "batch", 4, 5)), perm=first)
    build.output(build.op("Transpose", build.op("Tanh", x), perm=second), "y")
    assert applied(merge_transposes, build.model) is not None
    both = tuple(first[axis] for axis in second)
    assert perms(build.model) == ([] if both == (0, 1, 2) else [both])


RESHAPED: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]] = [
    ((1, 0, 2), (6, -1, 4), (1, 0, 2), 1),  # heads join the batch
    ((1, 0, 2), (6, -1, 2, 4), (1, 0, 2, 3), 0),  # heads, and the Transposes undo each other
    ((1, 0, 2), (6, -1, 2, 4), (2, 1, 0, 3), 1),
    ((0, 2, 1), (0, 2, 4, 6), (0, 3, 2, 1), 1),
    ((2, 1, 0), (2, 4, 6, -1), (1, 0, 3, 2), 1),
    ((0, 2, 1), (0, 1, 8, 6), (0, 3, 2, 1), 0),
    ((0, 2, 1), (0, 48), (1, 0), 1),
]


@pytest.mark.parametrize(("first", "target", "second", "left"), RESHAPED)
@pytest.mark.parametrize("batch", ["batch", 2, 6])
def test_a_reshape_between(
    first: tuple[int, ...], target: tuple[int, ...], second: tuple[int, ...], left: int, batch: int | str
) -> None:
    """Also with a batch as large as the time, where no size tells them apart."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", batch, 6, 8), perm=first)
    x = build.op("Relu", build.op("Reshape", build.op("Mul", x, build.weights(1)), build.ints(*target)))
    build.output(build.op("Transpose", x, perm=second), "y")
    assert applied(merge_transposes, build.model) is not None
    assert len(perms(build.model)) == left


def test_a_dense_between() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 4, 4), perm=(1, 0, 2))
    x = build.op("Add", build.weights(4), build.op("MatMul", x, build.weights(4, 4)))
    build.output(build.op("Transpose", build.op("Sub", x, build.weights(1, 1, 4)), perm=(1, 0, 2)), "y")
    assert applied(merge_transposes, build.model, FEW_ULP) is not None
    assert ops_of(build.model) == ["MatMul", "Add", "Sub"]


def test_a_dense_before_and_one_behind_a_reshape() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 4, 4), perm=(1, 0, 2))
    x = build.op("Reshape", build.op("MatMul", x, build.weights(4, 6)), build.ints(4, -1, 2, 3))
    x = build.op("MatMul", x, build.weights(3, 3))
    build.output(build.op("Transpose", x, perm=(2, 1, 0, 3)), "y")
    assert applied(merge_transposes, build.model, FEW_ULP) is not None
    assert ops_of(build.model) == ["MatMul", "Reshape", "Transpose", "MatMul"]


BLOCKING = ["channels move", "table", "two inputs", "output", "used elsewhere", "softmax", "weights for each sample"]


@pytest.mark.parametrize("case", BLOCKING)
def test_what_stays(case: str) -> None:
    build = GraphBuilder()
    perm = (2, 0, 1) if case == "channels move" else (1, 0, 2)
    x = first = build.op("Transpose", build.input("x", 4, 4, 4), perm=perm)
    if case == "channels move":
        x = build.op("MatMul", x, build.weights(4, 4))
    elif case == "table":
        x = build.op("Add", x, build.weights(4, 4))
    elif case == "two inputs":
        x = build.op("Add", x, build.input("z", 4, 4, 4))
    elif case == "output":
        build.output(x, "also")
    elif case == "softmax":
        x = build.op("Softmax", x, axis=0)
    elif case == "weights for each sample":
        x = build.op("MatMul", x, build.weights(4, 4, 4))
    build.output(build.op("Transpose", x, perm=(1, 2, 0)), "y")
    if case == "used elsewhere":
        build.output(build.op("Relu", first), "also")
    assert applied(merge_transposes, build.model) is None
    assert len(perms(build.model)) == 2


def test_sizes_that_do_not_nest_stay() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 4, 6), perm=(0, 2, 1))
    x = build.op("Reshape", x, build.ints(0, 4, 6))
    build.output(build.op("Transpose", x, perm=(0, 2, 1)), "y")
    assert applied(merge_transposes, build.model) is None


@pytest.mark.parametrize("axis", [0, -2, 2, 3])
def test_places_are_chosen_before_the_transpose(axis: int) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 3, 3, 3), perm=(2, 0, 1, 3))
    for place in range(3):
        build.output(build.op("Gather", x, build.constant(np.array(place)), axis=axis), f"y{place}")
    assert applied(merge_transposes, build.model) is not None
    assert len(perms(build.model)) == (0 if axis == 0 else 3)


def test_a_list_of_places_stays() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 3, 3), perm=(2, 0, 1))
    build.output(build.op("Gather", x, build.ints(1, 0), axis=0), "y")
    assert applied(merge_transposes, build.model) is None


def test_self_attention() -> None:
    """As torch.nn.MultiheadAttention is exported: of ten Transposes one is left per query, key, value and answer."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", "batch", 6, 8))
    all_of = build.op("MatMul", build.op("Transpose", x, perm=(1, 0, 2)), build.weights(8, 24))
    all_of = build.op("Unsqueeze", build.op("Reshape", all_of, build.ints(6, -1, 3, 8)), build.ints(0))
    all_of = build.op("Squeeze", build.op("Transpose", all_of, perm=(3, 1, 2, 0, 4)), build.ints(3))
    heads = []
    for place in range(3):
        part = build.op("Gather", all_of, build.constant(np.array(place)), axis=0)
        part = build.op("Transpose", build.op("Reshape", part, build.ints(6, -1, 4)), perm=(1, 0, 2))
        heads.append(build.op("Reshape", part, build.ints(-1, 2, 6, 4)))
    scores = build.op("MatMul", heads[0], build.op("Transpose", heads[1], perm=(0, 1, 3, 2)))
    answer = build.op("MatMul", build.op("Softmax", scores), heads[2])
    answer = build.op("Reshape", build.op("Transpose", answer, perm=(2, 0, 1, 3)), build.ints(6, -1, 8))
    answer = build.op("Transpose", build.op("MatMul", answer, build.weights(8, 8)), perm=(1, 0, 2))
    build.output(build.op("Add", x, answer), "y")
    assert applied(merge_transposes, build.model, FEW_ULP) is not None
    assert sorted(perms(build.model)) == [(0, 2, 1, 3), (0, 2, 1, 3), (0, 2, 1, 3), (0, 2, 3, 1)]


@pytest.mark.parametrize("swap_first", [False, True])
def test_one_swap_for_two_that_need_it(swap_first: bool) -> None:
    """The residual and the attention, which the exporter gave a Transpose of both swaps."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", "batch", 4, 4))
    swap = build.op("Tanh", build.op("Transpose", x, perm=(0, 2, 1))) if swap_first else None
    y = build.op("MatMul", build.op("Transpose", x, perm=(2, 0, 1)), build.weights(4, 4))
    y = build.op("Transpose", y, perm=(1, 0, 2))
    swap = swap or build.op("Tanh", build.op("Transpose", x, perm=(0, 2, 1)))
    build.output(build.op("Add", y, swap), "y")
    assert applied(merge_transposes, build.model, FEW_ULP) is not None
    assert perms(build.model) == [(0, 2, 1)]


@pytest.mark.parametrize(("op_type", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("axis", [1, -3])
def test_behind_a_recurrent_layer(op_type: str, gates: int, axis: int) -> None:
    build = GraphBuilder()
    x, weights = build.input("x", 6, 5, 3), (build.weights(1, gates * 4, 3), build.weights(1, gates * 4, 4))
    y = build.ops(op_type, x, *weights, outputs=2, hidden_size=4)[0]
    y = build.op("Transpose", build.op("Squeeze", y, build.ints(axis)), perm=(1, 0, 2))
    build.output(y, "y")
    assert applied(merge_transposes, build.model) is not None
    assert ops_of(build.model) == [op_type, "Transpose", "Squeeze"]
    assert perms(build.model) == [(2, 1, 0, 3)]


@pytest.mark.parametrize(("target", "left"), [((0, 4, 6), 0), ((0, 6, 4), 2), ((0, 2, 12), 2)])
def test_a_reshape_that_takes_back_another(target: tuple[int, ...], left: int) -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", "batch", 4, 6))
    x = build.op("Reshape", build.op("Reshape", x, build.ints(0, 24, 1)), build.ints(*target))
    build.output(build.op("Tanh", x), "y")
    applied(merge_transposes, build.model)
    assert ops_of(build.model).count("Reshape") == left


@pytest.mark.parametrize("order", ["both then one", "one then both"])
def test_what_is_shared_is_not_taken_apart_again(order: str) -> None:
    """A swap that only Transposes read goes away itself; to build on it would never end."""
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 5))
    steps = build.op("Transpose", x, perm=(2, 0, 1)) if order == "one then both" else None
    heads = build.op("Transpose", build.op("Transpose", x, perm=(0, 2, 1)), perm=(1, 0, 2))
    steps = build.op("Transpose", x, perm=(2, 0, 1)) if steps is None else steps
    build.output(build.op("MatMul", steps, build.weights(4, 3)), "y")
    build.output(build.op("Tanh", heads), "z")
    applied(merge_transposes, build.model)
    assert set(perms(build.model)) == {(2, 0, 1)}
