"""A transposed convolution of stride one is a convolution."""

from typing import Any

import pytest

from ovprep.passes.transposed_convolution import turn_kernels
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import applied, ops_of


def transposed(kernel: tuple[int, ...], bias: bool = True, **attributes: Any) -> GraphBuilder:
    """Of six channels into four per group, over as many axes as the kernel has."""
    build = GraphBuilder()
    x = build.input("x", "batch", 6, *[9, 7][: len(kernel)])
    weights = [build.weights(6, 4, *kernel)]
    if bias:
        weights.append(build.weights(4 * int(attributes.get("group", 1))))
    build.output(build.op("ConvTranspose", x, *weights, **attributes), "y")
    return build


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [
        ((3,), {}),
        ((4,), {"pads": (1, 2)}),
        ((4,), {"pads": (0, 6), "dilations": (2,)}),
        ((3,), {"group": 3, "pads": (2, 1)}),
        ((3,), {"group": 6, "auto_pad": "VALID"}),
        ((1,), {"strides": (1,), "output_padding": (0,)}),
        ((3, 2), {"pads": (1, 0, 2, 1), "dilations": (1, 3), "group": 2}),
    ],
    ids=str,
)
def test_it_computes_the_same(kernel: tuple[int, ...], attributes: dict[str, Any], bias: bool) -> None:
    build = transposed(kernel, bias, **attributes)
    change = applied(turn_kernels, build.model, FEW_ULP)
    assert change is not None
    assert change.summary == "wrote 1 transposed convolution of stride 1 as convolutions"
    assert ops_of(build.model) == ["Conv"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": (2,)},
        {"pads": (3, 0)},
        {"pads": (0, 3)},
        {"auto_pad": "SAME_UPPER"},
        {"output_shape": (11,)},
        {"strides": (2,), "output_padding": (1,)},
    ],
    ids=str,
)
def test_what_stays(attributes: dict[str, Any]) -> None:
    build = transposed((3,), **attributes)
    assert applied(turn_kernels, build.model) is None
    assert ops_of(build.model) == ["ConvTranspose"]


def test_computed_weights_stay() -> None:
    build = GraphBuilder()
    build.output(build.op("ConvTranspose", build.input("x", 2, 3, 8), build.input("w", 3, 4, 2)), "y")
    assert applied(turn_kernels, build.model) is None
