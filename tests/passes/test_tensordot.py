"""A Dense on flattened samples is one MatMul."""

import numpy as np
import pytest

from ovprep.passes.tensordot import lift_dense
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of


def flattened(target: tuple[int, ...] = (-1, 8, 5), bias: bool = True, size: int = 4, rank: int = 3) -> GraphBuilder:
    build = GraphBuilder()
    x = build.input("x", "batch", 8, size) if rank == 3 else build.input("x", "batch", 2, 4, size)
    x = build.op("MatMul", build.op("Reshape", x, build.ints(-1, 4)), build.weights(4, 5))
    if bias:
        x = build.op("Add", x, build.weights(5))
    build.output(build.op("Reshape", x, build.ints(*target)), "y")
    return build


@pytest.mark.parametrize("bias", [False, True])
def test_drawing(bias: bool) -> None:
    build = flattened((-1, 8, 5), bias)
    change = applied(lift_dense, build.model, FEW_ULP)
    assert change is not None
    assert change.summary == "lifted 1 Dense layer out of flattened samples"
    assert ops_of(build.model) == ["MatMul", "Add"][: 1 + bias]


def test_rank_4() -> None:
    build = flattened((-1, 2, 4, 5), rank=4)
    assert applied(lift_dense, build.model, FEW_ULP) is not None
    assert ops_of(build.model) == ["MatMul", "Add"]


def test_batch_of_one() -> None:
    build = GraphBuilder()
    x = build.op("Squeeze", build.input("x", 1, 8, 4), build.ints(0))
    x = build.op("MatMul", x, build.weights(4, 5))
    build.output(build.op("Unsqueeze", x, build.ints(0)), "y")
    applied(lift_dense, build.model, FEW_ULP)
    assert ops_of(build.model) == ["MatMul"]


@pytest.mark.parametrize("target", [(-1, 4, 5), (-1, 5, 8), (-1, 40), (-1, 8, 5, 1)])
def test_other_samples_stay(target: tuple[int, ...]) -> None:
    assert applied(lift_dense, flattened(target).model) is None


def test_rows_that_are_cut_elsewhere_stay() -> None:
    """`[N, 8, 2]` as `[N * 4, 4]`: a row is two samples."""
    assert applied(lift_dense, flattened((-1, 4, 5), size=2).model) is None


def test_table_for_each_row_stays() -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 2, 8, 4), build.ints(-1, 4))
    x = build.op("Add", build.op("MatMul", x, build.weights(4, 5)), build.weights(16, 5))
    build.output(build.op("Reshape", x, build.ints(2, 8, 5)), "y")
    assert applied(lift_dense, build.model) is None


def test_flat_samples_that_others_read_stay() -> None:
    build = flattened()
    build.output(build.op("Relu", build.graph[1].outputs[0]), "z")
    assert applied(lift_dense, build.model) is None


def test_numbers_are_seen_to_differ() -> None:
    """The template must see rows that are mixed up."""
    build = flattened()
    weights = build.graph[1].inputs[1]
    assert weights is not None
    assert weights.const_value is not None
    assert len(np.unique(weights.const_value.numpy())) == 20
