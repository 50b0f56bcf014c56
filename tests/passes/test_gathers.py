"""Choosing along an axis: named, and folded into the convolutions beside it."""

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.passes.gathers import fold_gathers, name_gathers
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, normalized, ops_of

SIZES = [(1, 6, 10), (3, 6, 10), (3, 6, 6), (1, 6, 6), ("batch", 6, 10)]
Dims = tuple[Any, int, int]


def places(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("dims", SIZES)
@pytest.mark.parametrize("perms", [((1, 0, 2), (1, 0, 2)), ((2, 0, 1), (1, 2, 0)), ((2, 1, 0), (2, 1, 0))])
@pytest.mark.parametrize("op_type", ["Gather", "GatherND"])
def test_choice_between_transposes(dims: Dims, perms: tuple[tuple[int, ...], ...], op_type: str) -> None:
    """As the dynamo exporter writes `x[:, index]` and upsampling."""
    build = GraphBuilder()
    chosen = places(5, 0, 2, 2)
    x = build.op("Transpose", build.input("x", *dims), perm=perms[0])
    x = build.op(op_type, x, build.constant(chosen if op_type == "Gather" else chosen[:, None]))
    build.output(build.op("Transpose", x, perm=perms[1]), "y")
    change = applied(name_gathers, build.model)
    assert change is not None
    assert change.summary == "wrote 1 choice along an axis as a Gather"
    assert ops_of(build.model) == ["Gather"]


def test_transposes_that_do_not_cancel_become_one() -> None:
    build = GraphBuilder()
    turned = build.op("Transpose", build.input("x", 3, 4, 5), perm=(2, 0, 1))
    for index, perm in enumerate([(1, 2, 0), (2, 0, 1)]):
        chosen = build.op("Gather", turned, build.constant(places(1, 3)), axis=2)
        build.output(build.op("Transpose", chosen, perm=perm), f"y{index}")
    applied(name_gathers, build.model)
    assert ops_of(build.model) == ["Gather", "Gather", "Transpose"]


@pytest.mark.parametrize("dims", SIZES)
@pytest.mark.parametrize("target", [(0, 2, 3, -1), (-1, 3, 2, None), (0, 1, 3, 2, None)])
def test_shuffle_of_channels(dims: Dims, target: tuple[int | None, ...]) -> None:
    build = GraphBuilder()
    inner = [dims[2] if size is None else size for size in target]
    perm = (0, 2, 1, 3) if len(inner) == 4 else (0, 1, 3, 2, 4)
    x = build.op("Transpose", build.op("Reshape", build.input("x", *dims), build.ints(*inner)), perm=perm)
    build.output(build.op("Reshape", x, build.ints(0, 6, dims[2])), "y")
    assert applied(name_gathers, build.model) is not None
    assert ops_of(build.model) == ["Gather"]


def test_shuffle_that_is_not_its_own_inverse() -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", "batch", 12, 5), build.ints(0, 2, 3, 2, 5))
    x = build.op("Reshape", build.op("Transpose", x, perm=(0, 2, 3, 1, 4)), build.ints(0, 12, 5))
    build.output(x, "y")
    assert applied(name_gathers, build.model) is not None


@pytest.mark.parametrize("dims", SIZES)
def test_shuffle_of_the_last_axis(dims: Dims) -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", *dims), build.ints(0, 0, 2, -1))
    build.output(build.op("Reshape", build.op("Transpose", x, perm=(0, 1, 3, 2)), build.ints(0, 0, -1)), "y")
    assert applied(name_gathers, build.model) is not None
    assert ops_of(build.model) == ["Gather"]


@pytest.mark.parametrize(
    ("inner", "perm", "outer"),
    [
        ((0, 2, 3, 6), (0, 2, 1, 3), (0, 3, 12)),  # another shape
        ((0, 2, 3, 6), (0, 1, 3, 2), (0, 6, 6)),  # across both axes
        ((0, 12, 3), (0, 2, 1), (0, 6, 6)),  # cuts neither axis alone
        ((3, 3, 2, 6), (1, 0, 2, 3), (0, 6, 6)),  # moves the batch
    ],
)
def test_other_reshapes_stay(inner: tuple[int, ...], perm: tuple[int, ...], outer: tuple[int, ...]) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Reshape", build.input("x", 3, 6, 6), build.ints(*inner)), perm=perm)
    build.output(build.op("Reshape", x, build.ints(*outer)), "y")
    assert applied(name_gathers, build.model) is None


def test_what_others_read_stays() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.op("Reshape", build.input("x", 3, 6, 6), build.ints(0, 2, 3, 6)), perm=(0, 2, 1, 3))
    build.output(build.op("Reshape", x, build.ints(0, 6, 6)), "y")
    build.output(build.op("Relu", x), "z")
    assert applied(name_gathers, build.model) is None


def test_places_that_are_computed_stay() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", 3, 6, 6), perm=(1, 0, 2))
    x = build.op("Gather", x, build.input("places", 4, dtype=np.int64))
    build.output(build.op("Transpose", x, perm=(1, 0, 2)), "y")
    assert applied(name_gathers, build.model) is None


def conv(build: GraphBuilder, x: ir.Value, **attributes: Any) -> ir.Value:
    group = attributes.get("group", 1)
    return build.op("Conv", x, build.weights(6, 6 // group, 3), build.weights(6), **attributes)


CHOSEN = [places(3, 0, 4, 1, 5, 2), places(5, 1), places(-1, 0, 0)]


@pytest.mark.parametrize("numbers", CHOSEN)
@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
def test_convolution_makes_what_is_chosen(numbers: Any, op_type: str) -> None:
    build = GraphBuilder()
    x = build.op(op_type, build.input("x", "batch", 6, 10), build.weights(6, 6, 3), build.weights(6))
    build.output(build.op("Gather", x, build.constant(numbers), axis=1), "y")
    assert applied(fold_gathers, build.model) is not None
    assert ops_of(build.model) == [op_type]
    assert [str(dim) for dim in build.graph.outputs[0].shape or ()][:2] == ["batch", str(len(numbers))]


def test_convolutions_read_in_any_order() -> None:
    build = GraphBuilder()
    x = build.op("Gather", build.input("x", 3, 6, 10), build.constant(CHOSEN[0]), axis=1)
    build.output(conv(build, x), "y")
    build.output(conv(build, x, dilations=(2,)), "z")
    assert applied(fold_gathers, build.model, 4 * FEW_ULP) is not None
    assert ops_of(build.model) == ["Conv", "Conv"]


@pytest.mark.parametrize(("numbers", "group"), [(CHOSEN[0], 2), (places(0, 1, 2, 3, 4, 4), 1)])
def test_what_no_weights_can_take_stays(numbers: Any, group: int) -> None:
    """Groups read channels of their own; and a channel that is chosen twice has two columns of weights."""
    build = GraphBuilder()
    x = build.op("Gather", build.input("x", 3, 6, 10), build.constant(numbers), axis=1)
    build.output(conv(build, x, group=group), "y")
    assert applied(fold_gathers, build.model) is None
    build = GraphBuilder()
    x = conv(build, build.input("x", 3, 6, 10), group=2)
    build.output(build.op("Gather", x, build.constant(numbers), axis=1), "y")
    assert applied(fold_gathers, build.model) is None


def test_more_channels_than_before_stay_chosen() -> None:
    build = GraphBuilder()
    x = conv(build, build.input("x", 3, 6, 10))
    build.output(build.op("Gather", x, build.constant(places(*range(6), 0)), axis=1), "y")
    assert applied(fold_gathers, build.model) is None


@pytest.mark.parametrize("dims", SIZES)
def test_shuffle_between_convolutions_costs_nothing(dims: Dims) -> None:
    build = GraphBuilder()
    x = conv(build, build.input("x", *dims), pads=(1, 1))
    x = build.op("Transpose", build.op("Reshape", x, build.ints(-1, 2, 3, dims[2])), perm=(0, 2, 1, 3))
    build.output(conv(build, build.op("Reshape", x, build.ints(-1, 6, dims[2]))), "y")
    normalized(build.model)
    assert ops_of(build.model) == ["Transpose", "Conv", "Conv", "Transpose"]
