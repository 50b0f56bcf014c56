"""Convolutions and poolings over two axes, one of which has size one."""

from typing import Any

import numpy as np
import pytest

from ovprep.graph.constants import ints_of
from tests.graphs import FEW_ULP
from tests.layout.rules.support import floats
from tests.passes.unit_axis.support import AXES, dropped, is_lowered, widened, window


def kernel(axis: int, taps: int, length: int = 3, inputs: int = 3) -> Any:
    """Weights `[4, inputs, ...]` with a number of taps over the axis of size one; all numbers differ."""
    return floats(4, inputs, *window(axis, length, taps))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("bias", [False, True])
def test_convolution(bias: bool, axis: int) -> None:
    options = {
        "strides": window(axis, 2),
        "dilations": window(axis, 3),
        "pads": (*window(axis, 2, 0), *window(axis, 1, 0)),
    }
    others = [kernel(axis, 1), *([floats(4)] if bias else [])]
    node = dropped(axis, "Conv", *others, **options, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert [ints_of(node, name) for name in ("strides", "dilations", "pads")] == [(2,), (3,), (2, 1)]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("before", "after"), [(1, 1), (0, 2), (2, 0)])
def test_one_tap_of_a_window_meets_the_sample(before: int, after: int, axis: int) -> None:
    """A 3 x 3 convolution over one row sees zeros above and below."""
    pads = (*window(axis, 0, before), *window(axis, 0, after))
    node = dropped(axis, "Conv", kernel(axis, 3), pads=pads, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert ints_of(node, "pads") == (0, 0)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_padding_that_the_op_computes(auto_pad: str, taps: int, axis: int) -> None:
    node = dropped(
        axis, "Conv", kernel(axis, taps, length=2), auto_pad=auto_pad, strides=window(axis, 3, 2), tolerance=FEW_ULP
    )
    assert is_lowered(node)
    assert node.attributes.get_string("auto_pad") == auto_pad


@pytest.mark.parametrize("axis", AXES)
def test_dilated_window(axis: int) -> None:
    """Two taps that are two apart, of which the second stands on the sample; or none does."""
    dilations, pads = window(axis, 1, 2), (*window(axis, 0, 2), *window(axis, 0, 0))
    assert is_lowered(dropped(axis, "Conv", kernel(axis, 2), dilations=dilations, pads=pads, tolerance=FEW_ULP))
    pads = (*window(axis, 0, 1), *window(axis, 0, 1))
    assert not is_lowered(dropped(axis, "Conv", kernel(axis, 2), dilations=dilations, pads=pads))


@pytest.mark.parametrize("axis", AXES)
def test_depthwise(axis: int) -> None:
    weights = floats(3, 1, *window(axis, 3, 3))
    pads = (*window(axis, 1), *window(axis, 1))
    assert is_lowered(dropped(axis, "Conv", weights, group=3, pads=pads, tolerance=FEW_ULP))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("taps", "before", "after"), [(1, 0, 0), (3, 1, 1), (2, 1, 0), (2, 0, 1)])
def test_transposed_convolution(taps: int, before: int, after: int, axis: int) -> None:
    weights = floats(3, 4, *window(axis, 3, taps))
    pads = (*window(axis, 1, before), *window(axis, 0, after))
    extra = window(axis, 1, 0)
    node = dropped(
        axis, "ConvTranspose", weights, strides=window(axis, 2), pads=pads, output_padding=extra, tolerance=FEW_ULP
    )
    assert is_lowered(node)
    assert [ints_of(node, name) for name in ("strides", "pads", "output_padding")] == [(2,), (1, 0), (1,)]


@pytest.mark.parametrize("axis", AXES)
def test_transposed_convolution_of_a_given_shape_stays(axis: int) -> None:
    weights = floats(3, 4, *window(axis, 3))
    assert not is_lowered(dropped(axis, "ConvTranspose", weights, output_shape=window(axis, 10), tolerance=FEW_ULP))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_pooling(op_type: str, axis: int) -> None:
    pads = (*window(axis, 1, 0), *window(axis, 1, 0))
    node = dropped(axis, op_type, kernel_shape=window(axis, 3), strides=window(axis, 2), pads=pads, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert [ints_of(node, name) for name in ("kernel_shape", "strides", "pads")] == [(3,), (2,), (1, 1)]


@pytest.mark.parametrize("axis", AXES)
def test_pooling_over_padding(axis: int) -> None:
    """A maximum and an average do not see it, unless the average is asked to count it."""
    shape, pads = window(axis, 2, 3), (*window(axis, 0, 1), *window(axis, 0, 1))
    assert is_lowered(dropped(axis, "MaxPool", kernel_shape=shape, pads=pads))
    assert is_lowered(dropped(axis, "AveragePool", kernel_shape=shape, pads=pads, tolerance=FEW_ULP))
    assert not is_lowered(dropped(axis, "AveragePool", kernel_shape=shape, pads=pads, count_include_pad=1))


def test_places_of_the_maxima_stay_at_rank_4() -> None:
    assert not is_lowered(dropped(2, "MaxPool", outputs=2, kernel_shape=(1, 2)))


def test_numbers_differ() -> None:
    """The template must see a wrong tap."""
    weights = kernel(2, 3)
    assert not np.array_equal(weights[:, :, 0], weights[:, :, 1])
    assert widened(2, 1, 2, 3) == (1, 2, 1, 3)
