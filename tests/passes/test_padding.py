"""Zero padding goes into the convolution."""

from typing import Any

import numpy as np
import pytest

from ovprep.graph.constants import ints_of
from ovprep.passes.padding import fold_padding
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run


def padded(
    zeros: tuple[int, ...], value: float | None = None, mode: str | None = None, **attributes: Any
) -> GraphBuilder:
    build = GraphBuilder()
    fill = None if value is None else build.constant(np.float32(value))
    x = build.op("Pad", build.input("x", 2, 4, 8), build.ints(*zeros), fill, mode=mode)
    build.output(build.op("Conv", x, build.weights(4, 4, 3), **attributes), "y")
    return build


@pytest.mark.parametrize("value", [None, 0.0])
@pytest.mark.parametrize("own", [None, (1, 2)])
def test_causal_padding(value: float | None, own: tuple[int, int] | None) -> None:
    build = padded((0, 0, 2, 0, 0, 1), value, pads=own)
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    change = fold_padding(build.model)
    check(build.model)
    assert change is not None
    assert change.summary == "folded 1 Pad into the convolution behind"
    assert ints_of(build.graph[0], "pads") == ((2, 1) if own is None else (3, 3))
    assert difference(run(build.model, feeds)[0], wanted[0]) <= FEW_ULP
    width = 9 if own is None else 12
    assert listing(build.model) == f"Conv: Conv([2, 4, 8]) -> [2, 4, {width}]"


def test_padding_before_a_convolution_that_says_valid() -> None:
    build = padded((0, 0, 2, 0, 0, 1), auto_pad="VALID")
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    assert fold_padding(build.model) is not None
    check(build.model)
    assert difference(run(build.model, feeds)[0], wanted[0]) <= FEW_ULP


@pytest.mark.parametrize("pads", [(0, 2, 0, 0, 1, 0), (0, 0, 0, 0, 3, 0)])
def test_padding_before_a_transpose(pads: tuple[int, ...]) -> None:
    build = GraphBuilder()
    x = build.op("Pad", build.input("x", 2, 8, 4), build.ints(*pads))
    build.output(build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 4, 3)), "y")
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    assert fold_padding(build.model) is not None
    check(build.model)
    assert listing(build.model).splitlines()[0] == "Transpose: Transpose([2, 8, 4]) -> [2, 4, 8]"
    assert ints_of(build.graph[1], "pads") == (pads[1], pads[4])
    assert difference(run(build.model, feeds)[0], wanted[0]) <= FEW_ULP


def test_padding_of_channels_before_a_transpose_stays() -> None:
    build = GraphBuilder()
    x = build.op("Pad", build.input("x", 2, 8, 3), build.ints(0, 0, 0, 0, 0, 1))
    build.output(build.op("Conv", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(4, 4, 3)), "y")
    assert fold_padding(build.model) is None


REFUSED: list[tuple[tuple[int, ...], float | None, str | None, dict[str, Any]]] = [
    ((0, 0, 2, 0, 0, 0), 1.0, None, {}),
    ((0, 0, 2, 0, 0, 0), None, "reflect", {}),
    ((0, 0, 2, 0, 0, 0), None, "edge", {}),
    ((0, 0, -1, 0, 0, 0), None, None, {}),
    ((1, 0, 2, 0, 0, 0), None, None, {}),
    ((0, 0, 2, 0, 0, 0), None, None, {"auto_pad": "SAME_UPPER"}),
]


@pytest.mark.parametrize(("pads", "value", "mode", "attributes"), REFUSED)
def test_other_padding_stays(
    pads: tuple[int, ...], value: float | None, mode: str | None, attributes: dict[str, Any]
) -> None:
    assert fold_padding(padded(pads, value, mode, **attributes).model) is None


def test_padding_of_channels_stays() -> None:
    build = GraphBuilder()
    x = build.op("Pad", build.input("x", 2, 3, 8), build.ints(0, 1, 2, 0, 0, 0))
    build.output(build.op("Conv", x, build.weights(4, 4, 3)), "y")
    assert fold_padding(build.model) is None


def test_padding_with_another_reader_stays() -> None:
    build = padded((0, 0, 2, 0, 0, 0))
    build.output(build.op("Relu", build.graph[0].outputs[0]), "z")
    assert fold_padding(build.model) is None
    build = padded((0, 0, 2, 0, 0, 0))
    build.output(build.graph[0].outputs[0], "z")
    assert fold_padding(build.model) is None


def test_padded_weights_stay() -> None:
    build = GraphBuilder()
    kernel = build.op("Pad", build.input("kernel", 4, 4, 3), build.ints(0, 0, 2, 0, 0, 0))
    build.output(build.op("Conv", build.input("x", 2, 4, 8), kernel), "y")
    assert fold_padding(build.model) is None


def test_one_pad_of_two_convolutions() -> None:
    build = padded((0, 0, 2, 0, 0, 0))
    build.output(build.op("Conv", build.graph[0].outputs[0], build.weights(1, 4, 3)), "z")
    fold_padding(build.model)
    assert [ints_of(node, "pads") for node in build.graph] == [(2, 0), (2, 0)]
