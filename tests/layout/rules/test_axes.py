"""Ops that join, cut, pad and resize."""

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from tests.graphs import FEW_ULP
from tests.layout.rules.support import SHAPES, Ints, build_op, check_rule, floats, ints, reason, reason_of

ALL_AXES = [0, 1, 2, -1, -2, -3]


@pytest.mark.parametrize("axis", ALL_AXES)
def test_concat(axis: int) -> None:
    check_rule("Concat", {"axis": axis}, (3, 3, 3), (3, 3, 3))
    check_rule("Concat", {"axis": axis}, (3, 3, 3), floats(3, 3, 3), (3, 3, 3))
    check_rule("Concat", {"axis": axis}, floats(3, 3, 3), (3, 3, 3))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_quantization(axis: int) -> None:
    """With one scale, and with one for each place; both ops of a pair."""
    many, zeros = floats(4), np.zeros(4, np.uint8)
    for shape in ((2, 4, 4), (3, 4, 4)):
        check_rule("QuantizeLinear", {"axis": axis}, shape, np.float32(0.1), np.uint8(3))
        check_rule("QuantizeLinear", {"axis": axis}, shape, many, zeros)
    check_rule("QuantizeLinear", {"axis": axis}, (2, 4, 4), many[:1].reshape(()))


def test_concat_of_different_sizes() -> None:
    check_rule("Concat", {"axis": 1}, (2, 3, 5), (2, 1, 5), floats(2, 4, 5))
    check_rule("Concat", {"axis": -1}, (2, 3, 5), (2, 3, 3), floats(2, 3, 1))
    check_rule("Concat", {"axis": 1}, (1, 3, 1), floats(1, 1, 1))


@pytest.mark.parametrize("axis", ALL_AXES)
def test_split(axis: int) -> None:
    check_rule("Split", {"axis": axis}, (4, 4, 4), ints(1, 3), outputs=2)
    check_rule("Split", {"axis": axis, "num_outputs": 2}, (4, 4, 4), outputs=2)


def test_split_of_the_default_axis() -> None:
    check_rule("Split", {"num_outputs": 2}, (4, 4, 4), outputs=2)


SLICES: list[tuple[Any, ...]] = [
    (ints(1), ints(3), ints(1)),
    (ints(1), ints(3), ints(2)),
    (ints(-2), ints(2**62), ints(-1)),
    (ints(1, 0), ints(4, 2), ints(2, 1)),
    (ints(1), ints(3)),
    (ints(0, 1), ints(2, 3)),
    (ints(0, 1, 2), ints(2, 3, 4)),
    (ints(3), ints(-5), ints(-2), ints(-1)),
    (ints(0, 0), ints(4, 3), ints(-1, -2), ints(2, 1)),
    (ints(0, 0, 1), ints(2, 4, 4), None, ints(1, 2, 1)),
]


@pytest.mark.parametrize("arguments", SLICES)
def test_slice(arguments: tuple[Any, ...]) -> None:
    check_rule("Slice", {}, (2, 4, 4), *arguments)
    check_rule("Slice", {}, (2, 5, 4), *arguments)


def test_slice_whose_axes_are_computed_pins() -> None:
    assert reason("Slice", {}, (2, 4, 4), ints(0), ints(1), Ints(1)) == "its axes are not constant"
    assert reason("Slice", {}, (2, 4, 4), Ints(1), Ints(1)) == "its axes are not constant"


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
def test_pad(mode: str) -> None:
    for shape in [(2, 3, 5), (2, 4, 4)]:
        check_rule("Pad", {"mode": mode}, shape, ints(0, 1, 2, 0, 0, 3))
        check_rule("Pad", {"mode": mode}, shape, ints(0, 2, 0, 0, 1, 0))
        check_rule("Pad", {"mode": mode}, shape, ints(2, 1), None, ints(1))
        check_rule("Pad", {"mode": mode}, shape, ints(2, 1, 0, 1), None, ints(-1, 1))


def test_pad_with_a_value_and_crops() -> None:
    check_rule("Pad", {}, (2, 4, 4), ints(1, 0, 1, 0, 3, 0), np.float32(7))
    check_rule("Pad", {}, (2, 4, 4), ints(0, -1, 1, 0, 1, -2))


def test_pad_refusals() -> None:
    assert reason("Pad", {}, (2, 4, 4), Ints(6)) == "its pads are not constant"
    node = build_op("Pad", {}, (2, 4, 4), ints(1, 1), None, Ints(1))
    node.outputs[0].shape = ir.Shape([2, 4, None])
    assert reason_of(node) == "its axes are not constant"


NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
LINEAR = {"mode": "linear"}
SCALES = [(1, 1, 2), (1, 3, 1), (1, 2, 3), (1, 1, 0.5)]


@pytest.mark.parametrize("attributes", [NEAREST, LINEAR, {**LINEAR, "coordinate_transformation_mode": "align_corners"}])
@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 4, 4)])
def test_resize(attributes: dict[str, str], shape: tuple[int, int, int]) -> None:
    for scales in SCALES:
        check_rule("Resize", attributes, shape, None, np.array(scales, np.float32), tolerance=FEW_ULP)
        sizes = [int(size * scale) for size, scale in zip(shape, scales, strict=True)]
        check_rule("Resize", attributes, shape, None, None, ints(*sizes), tolerance=FEW_ULP)


@pytest.mark.parametrize("attributes", [NEAREST, LINEAR])
@pytest.mark.parametrize("axis", [1, 2])
def test_resize_of_one_axis(attributes: dict[str, str], axis: int) -> None:
    named = {**attributes, "axes": (axis,)}
    check_rule("Resize", named, (2, 4, 4), None, np.array([2.5], np.float32), tolerance=FEW_ULP)
    check_rule("Resize", named, (2, 4, 4), None, None, ints(9), tolerance=FEW_ULP)


def test_resize_refusals() -> None:
    doubled = np.array([1, 1, 2], np.float32)
    unknown, other = "its scales are not constant for all axes", "names several axes, or smooths"
    assert reason("Resize", NEAREST, (2, 4, 4), None, (3,)) == unknown
    assert reason("Resize", NEAREST, (2, 4, 4), None, None, Ints(3)) == unknown
    assert reason("Resize", {**NEAREST, "axes": (2, 1, 0)}, (2, 4, 4), None, doubled) == other
    assert reason("Resize", {**LINEAR, "antialias": 1}, (2, 4, 4), None, doubled) == other
    cropping = {**LINEAR, "coordinate_transformation_mode": "tf_crop_and_resize"}
    region = np.array([0, 0, 0, 1, 1, 0.5], np.float32)
    assert reason("Resize", cropping, (2, 4, 4), region, doubled) == "crops to a region"


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_unsqueeze_and_squeeze(axis: int) -> None:
    check_rule("Unsqueeze", {}, (2, 4), ints(axis))
    shape = [2, 4, 4]
    shape[axis] = 1
    check_rule("Squeeze", {}, tuple(shape), ints(axis))


def test_unsqueeze_and_squeeze_of_all_but_one_axis() -> None:
    check_rule("Unsqueeze", {}, (4,), ints(1, 2))
    check_rule("Unsqueeze", {}, (4,), ints(0, -1))
    check_rule("Squeeze", {}, (2, 1, 1), ints(1, 2))
    check_rule("Squeeze", {}, (1, 4, 1), ints(0, 2))


def test_unsqueeze_and_squeeze_refusals() -> None:
    order = "the batch, so the order of the other axes would show"
    assert reason("Unsqueeze", {}, (2, 4), ints(0)) == f"adds {order}"
    assert reason("Unsqueeze", {}, (2, 4), ints(-3)) == f"adds {order}"
    assert reason("Squeeze", {}, (1, 4, 1), ints(0)) == f"drops {order}"
    assert reason("Squeeze", {}, (1, 4, 4), ints(-3)) == f"drops {order}"
    assert reason("Squeeze", {}, (2, 1, 4)) == "its axes are not constant"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_gather(shape: tuple[int, int, int], axis: int) -> None:
    last = shape[axis] - 1
    check_rule("Gather", {"axis": axis}, shape, np.array(last))
    check_rule("Gather", {"axis": axis}, shape, np.array(-1))
    check_rule("Gather", {"axis": axis}, shape, ints(last, 0, last))


def test_gather_of_the_batch() -> None:
    check_rule("Gather", {}, (2, 4, 4), ints(1, 0))
    assert reason("Gather", {}, (2, 4, 4), np.array(1)) == "drops the batch, so the order of the other axes would show"


def test_gather_refusals() -> None:
    assert reason("Gather", {"axis": 1}, (2, 4), ints(0, 1).reshape(1, 2)) == "its indices are not a constant list"
    assert reason("Gather", {}, floats(7, 4, 2), Ints(2)) == "works on a constant"
