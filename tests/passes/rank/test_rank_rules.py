"""Every rule: the op computes the same with one more axis, in either layout."""

from typing import Any

import numpy as np
import pytest

from ovprep.graph.constants import ints_of
from tests.graphs import FEW_ULP, Array
from tests.layout.rules.support import ints
from tests.passes.rank.support import by_layout, is_lifted, op_lifted

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


def scales(*factors: float) -> Array:
    return np.array(factors, np.float32)


@by_layout()
@pytest.mark.parametrize("op_type", ["Relu", "Erf", "Dropout", "Identity"])
def test_unary(op_type: str, layout: str) -> None:
    assert is_lifted(op_lifted(layout, op_type, tolerance=FEW_ULP))


@by_layout()
@pytest.mark.parametrize("shape", [(), (8,), (4, 1), (4, 8), (1, 4, 1), (1, 1, 8), (2, 4, 8)])
@pytest.mark.parametrize("op_type", ["Add", "Sub", "PRelu"])
def test_constants_of_each_rank(op_type: str, shape: tuple[int, ...], layout: str) -> None:
    if op_type == "PRelu" and not shape:
        shape = (1,)
    assert is_lifted(op_lifted(layout, op_type, numbers(*shape)))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1, -2, 0])
@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "ArgMax"])
def test_along_one_axis(op_type: str, axis: int, layout: str) -> None:
    assert is_lifted(op_lifted(layout, op_type, axis=axis, tolerance=FEW_ULP))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_split(axis: int, layout: str) -> None:
    assert is_lifted(op_lifted(layout, "Split", ints(*((1, 3) if axis in (1, -2) else (3, 5))), outputs=2, axis=axis))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_gather(axis: int, layout: str) -> None:
    assert is_lifted(op_lifted(layout, "Gather", ints(3, 0), axis=axis))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concat_with_a_constant(axis: int, layout: str) -> None:
    shape = (2, 3, 8) if axis == 1 else (2, 4, 3)
    assert is_lifted(op_lifted(layout, "Concat", numbers(*shape), axis=axis))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_cumsum(axis: int, layout: str) -> None:
    assert is_lifted(op_lifted(layout, "CumSum", np.array(axis, np.int64), tolerance=FEW_ULP))


@by_layout()
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_quantize(axis: int, layout: str) -> None:
    scales = rng.uniform(0.1, 1, 4 if axis == 1 else 8).astype(np.float32)
    assert is_lifted(op_lifted(layout, "QuantizeLinear", scales, np.zeros(scales.shape, np.int8), axis=axis))


@by_layout()
def test_dense(layout: str) -> None:
    assert is_lifted(op_lifted(layout, "MatMul", numbers(8, 5), tolerance=FEW_ULP))


@by_layout()
@pytest.mark.parametrize("axis", [2, -1])
def test_layer_normalization(axis: int, layout: str) -> None:
    assert is_lifted(op_lifted(layout, "LayerNormalization", numbers(8), numbers(8), axis=axis, tolerance=FEW_ULP))


@by_layout()
@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pad(mode: str, layout: str) -> None:
    node = op_lifted(layout, "Pad", ints(0, 1, 2, 0, 3, 4), mode=mode)
    assert is_lifted(node)
    assert ints_of(node, "", 1) == ((0, 1, 0, 2, 0, 3, 0, 4) if layout == "ncw" else (0, 0, 1, 2, 0, 0, 3, 4))


@by_layout()
@pytest.mark.parametrize(
    "others",
    [
        (ints(1, 2), ints(3, -1), ints(1, 2), ints(1, 2)),
        (ints(1), ints(9), ints(-1)),
        (ints(-1), ints(-9), ints(-2), ints(-1)),
        (ints(0, 1, 2), ints(2, 9, 7)),
    ],
)
def test_slice(others: tuple[Array, ...], layout: str) -> None:
    assert is_lifted(op_lifted(layout, "Slice", *others))


@by_layout()
def test_tile(layout: str) -> None:
    assert is_lifted(op_lifted(layout, "Tile", ints(1, 2, 3)))


@by_layout()
def test_expand(layout: str) -> None:
    assert is_lifted(op_lifted(layout, "Expand", ints(2, 4, 8)))


@by_layout()
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [(1,), (2,), (-1,), (-2,), (1, 2), (0, 2)])
@pytest.mark.parametrize("op_type", ["ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"])
def test_reduction(op_type: str, axes: tuple[int, ...], keepdims: int, layout: str) -> None:
    node = op_lifted(layout, op_type, ints(*axes), keepdims=keepdims, tolerance=FEW_ULP)
    assert is_lifted(node)
    over = ints_of(node, "axes", 1)
    assert over is not None
    assert (2 if layout == "ncw" else 1) in over


SPATIAL: list[tuple[str, tuple[Array | None, ...], dict[str, Any]]] = [
    ("Conv", (numbers(5, 4, 3), numbers(5)), {"pads": (2, 1), "strides": (2,), "dilations": (2,)}),
    ("Conv", (numbers(6, 2, 3),), {"group": 2, "auto_pad": "SAME_LOWER", "kernel_shape": (3,)}),
    ("Conv", (numbers(4, 1, 5),), {"group": 4, "pads": (4, 0)}),
    ("ConvTranspose", (numbers(4, 3, 4), numbers(3)), {"strides": (3,), "pads": (1, 0), "output_padding": (1,)}),
    ("ConvTranspose", (numbers(4, 3, 2),), {"group": 2, "strides": (2,), "auto_pad": "SAME_UPPER"}),
    ("MaxPool", (), {"kernel_shape": (3,), "strides": (2,), "pads": (1, 0), "ceil_mode": 1}),
    ("MaxPool", (), {"kernel_shape": (2,), "dilations": (3,)}),
    ("AveragePool", (), {"kernel_shape": (3,), "pads": (1, 2), "count_include_pad": 1}),
    ("AveragePool", (), {"kernel_shape": (3,), "pads": (1, 2), "count_include_pad": 0}),
    ("LpPool", (), {"kernel_shape": (3,), "p": 2}),
    ("GlobalAveragePool", (), {}),
    ("GlobalMaxPool", (), {}),
    ("InstanceNormalization", (numbers(4), numbers(4)), {}),
    ("GroupNormalization", (numbers(4), numbers(4)), {"num_groups": 2}),
    ("BatchNormalization", (numbers(4), numbers(4), numbers(4), np.abs(numbers(4))), {}),
    ("Resize", (None, scales(1, 1, 3)), {"mode": "nearest"}),
    ("Resize", (None, scales(1, 1, 2.5)), {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
    ("Resize", (None, None, ints(2, 4, 5)), {"mode": "linear"}),
]


@pytest.mark.parametrize(("op_type", "others", "attributes"), SPATIAL)
def test_spatial(op_type: str, others: tuple[Array | None, ...], attributes: dict[str, Any]) -> None:
    node = op_lifted("ncw", op_type, *others, tolerance=FEW_ULP, **attributes)
    assert is_lifted(node)
    assert ints_of(node, "kernel_shape") in (None, *((1, size) for size in range(9)))


@pytest.mark.parametrize(
    ("op_type", "others", "attributes"),
    [
        ("Gather", (np.array(1, np.int64),), {"axis": 2}),
        ("ArgMax", (), {"axis": 1, "keepdims": 0}),
        ("LayerNormalization", (numbers(4, 8),), {"axis": 1}),
        ("Resize", (None, None, ints(1, 2, 5)), {"mode": "nearest", "keep_aspect_ratio_policy": "not_larger"}),
        ("Resize", (None, scales(1, 1, 2)), {"coordinate_transformation_mode": "tf_crop_and_resize"}),
    ],
)
def test_no_rule_covers(op_type: str, others: tuple[Array | None, ...], attributes: dict[str, Any]) -> None:
    if attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        others, attributes = (scales(0, 0, 0, 1, 1, 1), *others[1:]), {**attributes}
    assert not is_lifted(op_lifted("ncw", op_type, *others, tolerance=FEW_ULP, **attributes))
