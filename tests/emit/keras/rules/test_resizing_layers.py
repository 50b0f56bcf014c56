"""Resizing, against ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

from ovprep.errors import UnsupportedError
from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds
from tests.graphs import GraphBuilder

FLOOR = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def resized(length: Dim, scale: float | None, size: int | None = None, **attributes: Any) -> GraphBuilder:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, length), build.weights(6, 4, 3), pads=(1, 1))
    scales = None if scale is None else build.constant(np.array([1, 1, scale], np.float32))
    y = build.op("Resize", x, None, scales, None if size is None else build.ints(3, 6, size), **attributes)
    build.output(build.op("Conv", y, build.weights(2, 6, 1)), "y")
    return build


@pytest.mark.parametrize("length", [9, "time"])
@pytest.mark.parametrize("scale", [2.0, 3.0])
def test_repeats(length: Dim, scale: float) -> None:
    made = check_keras(resized(length, scale, **FLOOR).model)
    assert kinds(made) == ["Conv1D", "UpSampling1D", "Conv1D"]
    check_keras(resized(length, scale, mode="nearest").model)


@pytest.mark.parametrize("scale", [2.0, 1.5, 0.4])
@pytest.mark.parametrize("how", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])
def test_lines(scale: float, how: str) -> None:
    check_keras(resized(10, scale, mode="linear", coordinate_transformation_mode=how).model)


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("how", ["half_pixel", "asymmetric"])
def test_nearest_by_a_part(rounding: str, how: str) -> None:
    attributes = {"mode": "nearest", "nearest_mode": rounding, "coordinate_transformation_mode": how}
    check_keras(resized(10, 1.7, **attributes).model)


def test_images() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 5, 6), build.weights(6, 4, 3, 3))
    scales = build.constant(np.array([1, 1, 2, 3], np.float32))
    build.output(build.op("Conv", build.op("Resize", x, None, scales, **FLOOR), build.weights(2, 6, 1, 1)), "y")
    check_keras(build.model)


def test_what_is_not_exact_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Resize node 'Resize' interpolates along an open axis"):
        check_keras(resized("time", 2.0, mode="linear").model)
    with pytest.raises(UnsupportedError, match="Resize node 'Resize' resizes by cubic"):
        check_keras(resized(10, 2.0, mode="cubic").model)
