"""Ops that are channel-first, or channel-last, by definition."""

from typing import Any

import pytest

from ovprep.layout.orientation import FIRST, LAST, Orientation
from tests.graphs import FEW_ULP
from tests.layout.rules.support import IMAGES, SHAPES, Tensor, check_rule, floats, reason

X = (2, 4, 4)
CASES: list[tuple[str, dict[str, Any], list[Tensor]]] = [
    ("Conv", {}, [X, floats(4, 4, 3)]),
    ("ConvTranspose", {}, [X, floats(4, 4, 3)]),
    ("MaxPool", {"kernel_shape": (2,)}, [X]),
    ("AveragePool", {"kernel_shape": (2,)}, [X]),
    ("LpPool", {"kernel_shape": (2,)}, [X]),
    ("GlobalAveragePool", {}, [X]),
    ("GlobalMaxPool", {}, [X]),
    ("BatchNormalization", {}, [X, floats(4), floats(4), floats(4), floats(4)]),
    ("InstanceNormalization", {}, [X, floats(4), floats(4)]),
    ("GroupNormalization", {"num_groups": 2}, [X, floats(4), floats(4)]),
]


@pytest.mark.parametrize(("op_type", "attributes", "inputs"), CASES)
def test_channel_first_by_definition(op_type: str, attributes: dict[str, Any], inputs: list[Tensor]) -> None:
    assert reason(op_type, attributes, *inputs) == f"{op_type} is channel-first by definition"


def test_layer_normalization() -> None:
    assert reason("LayerNormalization", {}, X, floats(4)) == "LayerNormalization works on the last axes by definition"
    assert reason("LayerNormalization", {"axis": 1}, X, floats(4)) == reason("LayerNormalization", {}, X, floats(4))


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_normalization_over_channels_and_time(shape: tuple[int, ...]) -> None:
    check_rule("LayerNormalization", {"axis": 1}, shape, floats(*shape[1:]), floats(*shape[1:]), tolerance=FEW_ULP)
    check_rule("LayerNormalization", {"axis": -2}, shape, floats(*shape[1:]), tolerance=FEW_ULP)


@pytest.mark.parametrize("written", [FIRST, LAST])
@pytest.mark.parametrize("shape", IMAGES)
def test_layer_normalization_of_whole_images(shape: tuple[int, ...], written: Orientation) -> None:
    weights = floats(*shape[1:]), floats(*shape[1:])
    check_rule("LayerNormalization", {"axis": 1}, shape, *weights, tolerance=FEW_ULP, written=written)
