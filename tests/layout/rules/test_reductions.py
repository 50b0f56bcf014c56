"""Reductions, ArgMax, softmax."""

import numpy as np
import pytest

from tests.graphs import FEW_ULP
from tests.layout.rules.support import SHAPES, check_rule, ints, reason

KINDS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]
REDUCTIONS = [f"Reduce{kind}" for kind in KINDS]
AXES = [(1,), (2,), (-1,), (-2,), (1, 2), (2, 1), (0,), (0, 2), (-3, 1)]


@pytest.mark.parametrize("op_type", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_reduction_that_keeps_its_axes(op_type: str, shape: tuple[int, int, int]) -> None:
    for axes in AXES:
        check_rule(op_type, {"keepdims": 1}, shape, ints(*axes), tolerance=FEW_ULP)


@pytest.mark.parametrize("op_type", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_reduction_that_drops_them(op_type: str, shape: tuple[int, int, int]) -> None:
    for axes in AXES:
        if axes != (0,):
            check_rule(op_type, {"keepdims": 0}, shape, ints(*axes), tolerance=FEW_ULP)


def test_keepdims_is_the_default() -> None:
    node = check_rule("ReduceMax", {}, (2, 4, 4), ints(0))
    assert node.op_type == "ReduceMax"


def test_reduction_of_no_axis() -> None:
    check_rule("ReduceSum", {"noop_with_empty_axes": 1}, (2, 4, 4), ints())
    check_rule("ReduceSum", {"keepdims": 0}, (2, 4, 4), ints(), tolerance=FEW_ULP)


@pytest.mark.parametrize("axes", AXES)
def test_reduction_whose_axes_are_an_attribute(axes: tuple[int, ...]) -> None:
    node = check_rule("ReduceMax", {"axes": axes}, (2, 4, 4), opset=17)
    assert len(node.inputs) == 1


def test_reduction_refusals() -> None:
    dropped = "drops the batch, so the order of the other axes would show"
    assert reason("ReduceMean", {"keepdims": 0}, (4, 4, 4), ints(0)) == dropped
    assert reason("ReduceMean", {"keepdims": 0}, (4, 4, 4), ints(-3)) == dropped
    assert reason("ReduceMean", {}, (2, 4, 4)) == "its axes are not constant"


@pytest.mark.parametrize("op_type", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [1, 2, -1, -2])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_arg_reduction(op_type: str, shape: tuple[int, int, int], axis: int, keepdims: int) -> None:
    check_rule(op_type, {"axis": axis, "keepdims": keepdims}, shape)


def test_arg_reduction_of_the_batch() -> None:
    check_rule("ArgMax", {}, (2, 4, 4))
    check_rule("ArgMax", {"axis": 0, "keepdims": 1}, (2, 4, 4))
    assert reason("ArgMax", {"keepdims": 0}, (2, 4, 4)) == "drops the batch, so the order of the other axes would show"


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("attributes", [{}, {"axis": 0}, {"axis": 1}, {"axis": 2}, {"axis": -1}, {"axis": -2}])
def test_softmax(op_type: str, attributes: dict[str, int]) -> None:
    for shape in SHAPES:
        check_rule(op_type, attributes, shape, tolerance=FEW_ULP)


def test_arg_max_of_integers_stays_exact() -> None:
    check_rule("ArgMax", {"axis": 1, "select_last_index": 1}, (2, 4, 4), dtype=np.int32)
