"""Ops without axes, and ops along one axis, once the axis of size one is gone."""

from typing import Any

import numpy as np
import pytest

from ovprep.graph.constants import array_of, int_of
from ovprep.graph.shapes import rank_of
from ovprep.passes.unit_axis.drop import drop_unit_axis
from tests.graphs import FEW_ULP, GraphBuilder
from tests.layout.rules.support import floats
from tests.passes.support import applied
from tests.passes.unit_axis.support import AXES, dropped, is_lowered, pooled, widened


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("op_type", ["Relu", "LeakyRelu", "Sigmoid", "Identity", "Erf"])
def test_unary(op_type: str, axis: int) -> None:
    assert is_lowered(dropped(axis, op_type)) or op_type == "Identity"


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("shape", [(3, 1), (1, 8), (3, 8), (1, 3, 8), (1,), ()])
def test_constants_lose_the_axis(shape: tuple[int, ...], axis: int) -> None:
    """Given for the last three or four axes, with the axis of size one among them."""
    full = (1,) * (3 - len(shape)) + shape
    array = floats(*widened(axis, *full)) if shape else floats()
    node = dropped(axis, "Add", array)
    assert is_lowered(node)
    assert rank_of(node.inputs[1]) == (3 if shape else 0)


@pytest.mark.parametrize("axis", AXES)
def test_constants_too_low_for_the_axis_stay(axis: int) -> None:
    array = floats(8) if axis == 2 else floats(1)
    node = dropped(axis, "Mul", array)
    assert is_lowered(node)
    assert np.array_equal(np.ravel(array_of(node.inputs[1])), array)


def test_constants_along_the_last_axis() -> None:
    """`[8, 1]` of `[N, C, W, 1]` is `[8]` of `[N, C, W]`."""
    node = dropped(3, "Mul", floats(8, 1))
    assert is_lowered(node)
    assert array_of(node.inputs[1]).shape == (8,)


@pytest.mark.parametrize("axis", AXES)
def test_residual(axis: int) -> None:
    build = GraphBuilder()
    x = pooled(build, axis)
    build.output(build.op("Add", x, build.op("Relu", x)), "y")
    assert applied(drop_unit_axis, build.model) is not None
    assert [rank_of(node.outputs[0]) for node in build.graph] == [3, 3, 3, 3, 4]  # a Squeeze and an Unsqueeze


def test_computed_tensor_of_a_lower_rank() -> None:
    """`[8]` and `[1, 8]` broadcast along the last axis; only what does not reach the axis can stay."""
    for shape, lowered in (((8,), True), ((1, 8), False)):
        build = GraphBuilder()
        node = build.op("Add", pooled(build, 2), build.input("low", *shape)).producer()
        assert node is not None
        build.output(node.outputs[0], "y")
        applied(drop_unit_axis, build.model)
        assert is_lowered(node) == lowered


ALONG: list[tuple[str, dict[str, Any]]] = [
    ("Softmax", {"axis": 1}),
    ("LogSoftmax", {"axis": -3}),
    ("Concat", {"axis": 1}),
    ("ArgMax", {"axis": 1, "keepdims": 1}),
]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("op_type", "attributes"), ALONG)
def test_along_the_channels(op_type: str, attributes: dict[str, Any], axis: int) -> None:
    others = [floats(2, *widened(axis - 1, 5, 8))] if op_type == "Concat" else []
    node = dropped(axis, op_type, *others, **attributes, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert int_of(node, "axis", 0) == 1


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("op_type", ["Softmax", "Concat"])
def test_along_time(op_type: str, axis: int) -> None:
    others = [floats(*widened(axis, 2, 3, 4))] if op_type == "Concat" else []
    node = dropped(axis, op_type, *others, axis=5 - axis, tolerance=FEW_ULP)
    assert is_lowered(node)
    assert int_of(node, "axis", 0) == 2


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("op_type", ["Softmax", "ArgMax"])
def test_along_the_axis_itself_stays(op_type: str, axis: int) -> None:
    assert not is_lowered(dropped(axis, op_type, axis=axis))


@pytest.mark.parametrize("axis", AXES)
def test_split(axis: int) -> None:
    node = dropped(axis, "Split", np.array([1, 2]), outputs=2, axis=1)
    assert is_lowered(node)
    assert not is_lowered(dropped(axis, "Split", np.array([1, 0]), outputs=2, axis=axis))


@pytest.mark.parametrize("axis", AXES)
def test_gather(axis: int) -> None:
    assert is_lowered(dropped(axis, "Gather", np.array([2, 0]), axis=1))
    assert is_lowered(dropped(axis, "Gather", np.array([5, 1, 1]), axis=5 - axis))
    assert not is_lowered(dropped(axis, "Gather", np.array(2), axis=1))  # drops an axis of its own
    assert not is_lowered(dropped(axis, "Gather", np.array([0]), axis=axis))


@pytest.mark.parametrize("axis", AXES)
def test_dense(axis: int) -> None:
    assert is_lowered(dropped(axis, "MatMul", floats(8 if axis == 2 else 1, 5), tolerance=FEW_ULP)) == (axis == 2)


@pytest.mark.parametrize("axis", AXES)
def test_layer_normalization(axis: int) -> None:
    size = 8 if axis == 2 else 1
    node = dropped(axis, "LayerNormalization", floats(size), floats(size), axis=-1, tolerance=FEW_ULP)
    assert is_lowered(node) == (axis == 2)


@pytest.mark.parametrize("axis", AXES)
def test_ops_over_all_spatial_axes(axis: int) -> None:
    assert is_lowered(dropped(axis, "GlobalAveragePool", tolerance=FEW_ULP))
    assert is_lowered(dropped(axis, "InstanceNormalization", floats(3), floats(3), tolerance=FEW_ULP))
    norm = [floats(3), floats(3), floats(3), floats(3)]
    assert is_lowered(dropped(axis, "BatchNormalization", *norm, tolerance=FEW_ULP))


@pytest.mark.parametrize("axis", AXES)
def test_quantisation(axis: int) -> None:
    scales, zeros = floats(3), np.zeros(3, np.int8)
    assert is_lowered(dropped(axis, "QuantizeLinear", scales, zeros, axis=1))
    assert is_lowered(dropped(axis, "QuantizeLinear", np.float32(0.1), np.int8(3)))
    assert is_lowered(dropped(axis, "QuantizeLinear", floats(8), np.zeros(8, np.int8), axis=5 - axis))
    assert not is_lowered(dropped(axis, "QuantizeLinear", floats(1), np.zeros(1, np.int8), axis=axis))
