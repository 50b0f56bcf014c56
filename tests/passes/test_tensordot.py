"""A Dense on flattened samples is one MatMul."""

import numpy as np
import pytest

from ovprep.passes.tensordot import lift_dense
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, normalized, ops_of


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


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("batch", ["batch", 1, 3])
@pytest.mark.parametrize("sizes", [(8, 4), (4, 4)])
def test_gemm_and_what_lies_between(rows: int, batch: str | int, sizes: tuple[int, int]) -> None:
    """As `nn.Linear` layers on `x.reshape(-1, C)` come out, with weights that could stand either way."""
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", batch, *sizes), build.ints(-1, 4))
    x = build.op("Gemm", x, build.weights(4, 4), build.weights(4), transB=rows)
    x = build.op("Sub", build.weights(4), build.op("Tanh", x))
    x = build.op("Gemm", x, build.weights(4, 4), build.weights(1, 4), transB=1 - rows)
    build.output(build.op("Reshape", build.op("Relu", x), build.ints(-1, *sizes)), "y")
    change = applied(lift_dense, build.model, FEW_ULP)
    assert change is not None
    assert change.summary == "lifted 2 Dense layers out of flattened samples"
    assert ops_of(build.model) == ["MatMul", "Add", "Tanh", "Sub", "MatMul", "Add", "Relu"]


@pytest.mark.parametrize(("bias", "attributes"), [((32, 4), {}), ((4,), {"alpha": 0.5}), ((4,), {"beta": 2.0})])
def test_gemm_of_more_than_rows_stays(bias: tuple[int, ...], attributes: dict[str, float]) -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 4, 8, 4), build.ints(-1, 4))
    x = build.op("Gemm", x, build.weights(4, 4), build.weights(*bias), **attributes)
    build.output(build.op("Reshape", x, build.ints(4, 8, 4)), "y")
    assert applied(lift_dense, build.model) is None


@pytest.mark.parametrize("batch", [1, 3, "batch"])
@pytest.mark.parametrize("length", [32, 16])
def test_dense_behind_a_transpose_runs_in_the_layout_of_the_convolutions(batch: str | int, length: int) -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", batch, 16, length), build.weights(16, 16, 3), pads=(1, 1))
    x = build.op("Reshape", build.op("Transpose", x, perm=(0, 2, 1)), build.ints(-1, 16))
    x = build.op("Reshape", build.op("Gemm", x, build.weights(16, 16), build.weights(16)), build.ints(-1, length, 16))
    x = build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 16, 3), pads=(1, 1))
    build.output(x, "y")
    normalized(build.model)
    assert ops_of(build.model) == ["Transpose", "Conv", "Conv", "Conv", "Transpose"]


def test_what_mixes_rows_stays() -> None:
    build = GraphBuilder()
    x = build.op("Softmax", build.op("Reshape", build.input("x", 2, 8, 4), build.ints(-1, 4)), axis=0)
    build.output(build.op("Reshape", build.op("MatMul", x, build.weights(4, 5)), build.ints(2, 8, 5)), "y")
    assert applied(lift_dense, build.model) is None


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
