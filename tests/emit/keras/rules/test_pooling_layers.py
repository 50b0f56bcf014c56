"""Pools, against ONNX Runtime; on numbers of either sign, where zeros would show among maxima."""

from typing import Any

import pytest

from ovprep.errors import UnsupportedError
from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds
from tests.graphs import GraphBuilder


def pooled(op: str, shape: tuple[Dim, ...] = (3, 17), **attributes: Any) -> GraphBuilder:
    build = GraphBuilder()
    x = build.op(
        "Sub", build.input("x", "batch", *shape), build.constant(build.rng.uniform(5, 6, ()).astype("float32"))
    )
    build.output(build.op(op, x, **attributes), "y")
    return build


@pytest.mark.parametrize(
    ("attributes", "length", "expected"),
    [
        ({"kernel_shape": (2,), "strides": (2,)}, "time", ["MaxPooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1)}, "time", ["MaxPooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1), "strides": (2,)}, 17, ["MaxPooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1), "strides": (2,)}, 16, ["Pad", "MaxPooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1), "strides": (2,)}, "time", ["Pad", "MaxPooling1D"]),
        ({"kernel_shape": (3,), "strides": (2,), "ceil_mode": 1}, 18, ["MaxPooling1D"]),
        ({"kernel_shape": (2,), "strides": (3,), "ceil_mode": 1}, 17, ["MaxPooling1D"]),
        ({"kernel_shape": (3,), "strides": (3,), "ceil_mode": 1, "pads": (1, 0)}, 17, ["Pad", "MaxPooling1D"]),
        ({"kernel_shape": (3,), "strides": (2,), "ceil_mode": 1}, "time", ["Pad", "MaxPooling1D"]),
        # A last window would begin in the padding.
        ({"kernel_shape": (2,), "strides": (2,), "ceil_mode": 1, "pads": (1, 1)}, 7, ["Pad", "MaxPooling1D"]),
        ({"kernel_shape": (3,), "dilations": (2,), "strides": (2,)}, 17, [*["GetItem"] * 3, *["Maximum"] * 2]),
        (
            {"kernel_shape": (3,), "dilations": (3,), "pads": (2, 2)},
            "time",
            ["Pad", *["GetItem"] * 3, *["Maximum"] * 2],
        ),
    ],
)
def test_max(attributes: dict[str, Any], length: Dim, expected: list[str]) -> None:
    made = check_keras(pooled("MaxPool", (3, length), **attributes).model)
    assert sorted(kinds(made)[1:]) == sorted(expected)


@pytest.mark.parametrize(
    ("attributes", "length", "expected"),
    [
        ({"kernel_shape": (4,), "strides": (4,)}, "time", ["AveragePooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1)}, "time", ["AveragePooling1D"]),
        ({"kernel_shape": (3,), "pads": (1, 1), "count_include_pad": 1}, "time", ["ZeroPadding1D", "AveragePooling1D"]),
        (
            {"kernel_shape": (3,), "pads": (1, 1), "strides": (2,)},
            16,
            ["ZeroPadding1D", "AveragePooling1D", "Multiply"],
        ),
        (
            {"kernel_shape": (3,), "pads": (1, 2), "strides": (2,)},
            16,
            ["ZeroPadding1D", "AveragePooling1D", "Multiply"],
        ),
        (
            {"kernel_shape": (4,), "pads": (1, 1), "strides": (3,), "ceil_mode": 1, "count_include_pad": 1},
            18,
            ["ZeroPadding1D", "AveragePooling1D", "Multiply"],
        ),
        ({"kernel_shape": (4,), "strides": (3,), "ceil_mode": 1}, 18, ["AveragePooling1D"]),
        (
            {"kernel_shape": (4,), "strides": (3,), "ceil_mode": 1},
            20,
            ["ZeroPadding1D", "AveragePooling1D", "Multiply"],
        ),
    ],
)
def test_average(attributes: dict[str, Any], length: Dim, expected: list[str]) -> None:
    made = check_keras(pooled("AveragePool", (3, length), **attributes).model)
    assert kinds(made)[1:] == expected


def test_images() -> None:
    build = pooled("MaxPool", (3, 9, 12), kernel_shape=(2, 3), strides=(2, 2), pads=(0, 1, 1, 1))
    check_keras(build.model)
    check_keras(pooled("AveragePool", (3, 9, 12), kernel_shape=(2, 3), pads=(1, 0, 0, 1)).model)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global(op: str) -> None:
    made = check_keras(pooled(op, (3, "time")).model)
    assert kinds(made)[1:] == [f"{op}ing1D"]


def test_what_is_not_exact_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="AveragePool node 'AveragePool' leaves padding out along an open axis"):
        check_keras(pooled("AveragePool", (3, "time"), kernel_shape=(3,), pads=(1, 1), strides=(2,)).model)
    with pytest.raises(UnsupportedError, match="AveragePool node 'AveragePool' is dilated"):
        check_keras(pooled("AveragePool", kernel_shape=(3,), dilations=(2,)).model)
    with pytest.raises(UnsupportedError, match="LpPool node 'LpPool'"):
        check_keras(pooled("LpPool", kernel_shape=(3,)).model)
