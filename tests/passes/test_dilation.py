"""Convolutions over phases are dilated convolutions."""

from typing import Any

import onnx_ir as ir
import pytest

from ovprep.graph.constants import ints_of
from ovprep.passes.dilation import restore_dilation
from ovprep.passes.transposed_ones import narrow_transposes
from tests.graphs import FEW_ULP, GraphBuilder
from tests.passes.support import SWAP, applied, ops_of


def detour(
    build: GraphBuilder,
    x: ir.Value,
    phases: int,
    *,
    time: int = 12,
    kernel: tuple[int, ...] = (5, 4, 3),
    to_batch: tuple[int, ...] = (2, 0, 1, 3),
    **options: Any,
) -> ir.Value:
    """A convolution of `[N, time, 4]` as TensorFlow dilates it, by SpaceToBatch and BatchToSpace."""
    x = build.op("Reshape", x, build.ints(-1, time // phases, phases, 4))
    x = build.op("Reshape", build.op("Transpose", x, perm=to_batch), build.ints(-1, time // phases, 4))
    x = build.op(
        "Conv", build.op("Transpose", x, perm=SWAP), build.weights(*kernel), build.weights(kernel[0]), **options
    )
    assert x.shape is not None
    left = x.shape[2]
    assert isinstance(left, int)
    x = build.op("Reshape", build.op("Transpose", x, perm=SWAP), build.ints(phases, -1, left, kernel[0]))
    return build.op("Reshape", build.op("Transpose", x, perm=(1, 2, 0, 3)), build.ints(-1, left * phases, kernel[0]))


@pytest.mark.parametrize("batch", [1, 2, "batch"])
@pytest.mark.parametrize("phases", [2, 3, 4])
def test_drawing(phases: int, batch: int | str) -> None:
    build = GraphBuilder()
    build.output(detour(build, build.input("x", batch, 12, 4), phases), "y")
    change = applied(restore_dilation, build.model, FEW_ULP)
    assert change is not None
    assert change.summary == "restored the dilation of 1 convolution"
    assert ops_of(build.model) == ["Transpose", "Conv", "Transpose"]
    assert ints_of(build.graph[1], "dilations") == (phases,)


def test_depthwise() -> None:
    build = GraphBuilder()
    build.output(detour(build, build.input("x", "batch", 12, 4), 2, kernel=(4, 1, 3), group=4), "y")
    applied(restore_dilation, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Transpose", "Conv", "Transpose"]


def test_two_in_a_row() -> None:
    build = GraphBuilder()
    x = detour(build, build.input("x", "batch", 12, 4), 2, kernel=(4, 4, 3))
    build.output(detour(build, x, 4, time=8, kernel=(5, 4, 2)), "y")
    change = applied(restore_dilation, build.model, FEW_ULP)
    assert change is not None
    assert len(change.details) == 2
    assert ops_of(build.model).count("Reshape") == 0


@pytest.mark.parametrize(("crop", "end"), [(1, 9), (2, 8), (1, -1), (3, -3)])
def test_surplus_padding_goes(end: int, crop: int) -> None:
    """Results of which the last `crop` are cut off need as many zeros less."""
    build = GraphBuilder()
    x = build.op("Pad", build.input("x", "batch", 7, 4), build.ints(0, 2, 0, 0, 5, 0))
    x = detour(build, x, 2, time=14)
    build.output(build.op("Slice", x, build.ints(0), build.ints(end), build.ints(1)), "y")
    applied(restore_dilation, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Pad", "Transpose", "Conv", "Transpose"]
    assert ints_of(build.graph[0], "", 1) == (0, 2, 0, 0, 5 - crop, 0)


@pytest.mark.parametrize(("start", "end", "axis"), [(1, 9, 1), (0, 4, 1), (0, 3, 2)])
def test_other_cuts_stay(start: int, end: int, axis: int) -> None:
    build = GraphBuilder()
    x = build.op("Pad", build.input("x", "batch", 7, 4), build.ints(0, 2, 0, 0, 5, 0))
    x = detour(build, x, 2, time=14)
    build.output(build.op("Slice", x, build.ints(start), build.ints(end), build.ints(axis)), "y")
    applied(restore_dilation, build.model, FEW_ULP)
    assert ops_of(build.model) == ["Pad", "Transpose", "Conv", "Transpose", "Slice"]


REFUSED: list[dict[str, Any]] = [
    {"strides": (2,)},
    {"dilations": (2,)},
    {"pads": (1, 0)},
    {"auto_pad": "SAME_UPPER"},
    {"to_batch": (1, 0, 2, 3)},  # every phase is a run of samples
]


@pytest.mark.parametrize("options", REFUSED)
def test_other_convolutions_stay(options: dict[str, Any]) -> None:
    build = GraphBuilder()
    build.output(detour(build, build.input("x", 2, 12, 4), 2, **options), "y")
    assert applied(restore_dilation, build.model) is None


def test_phases_that_others_read_stay() -> None:
    build = GraphBuilder()
    y = detour(build, build.input("x", 2, 12, 4), 2)
    build.output(y, "y")
    conv = next(node for node in build.graph if node.op_type == "Conv")
    build.output(build.op("Relu", conv.outputs[0]), "z")
    assert applied(restore_dilation, build.model) is None


def test_phases_that_come_back_in_another_number_stay() -> None:
    """Two phases of four samples are read as four of two."""
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 2, 12, 4), build.ints(2, 6, 2, 4))
    x = build.op("Reshape", build.op("Transpose", x, perm=(2, 0, 1, 3)), build.ints(4, 6, 4))
    x = build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(5, 4, 3))
    x = build.op("Reshape", build.op("Transpose", x, perm=SWAP), build.ints(4, 2, 2, 5))
    build.output(build.op("Reshape", build.op("Transpose", x, perm=(1, 2, 0, 3)), build.ints(2, 8, 5)), "y")
    assert applied(restore_dilation, build.model) is None


def test_axes_of_size_one_between_reshapes() -> None:
    """The drawing: as a dilation along one of two axes is written."""
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", "batch", 8, 4), build.ints(0, 1, 1, 4, 2, 4))
    x = build.op("Transpose", x, perm=(1, 4, 0, 2, 3, 5))
    build.output(build.op("Reshape", x, build.ints(-1, 4, 4)), "y")
    change = applied(narrow_transposes, build.model)
    assert change is not None
    assert change.summary == "took axes of size one out of 1 Transpose"
    assert ints_of(build.graph[0], "", 1) == (0, 4, 2, 4)
    assert ints_of(build.graph[1], "perm") == (2, 0, 1, 3)


@pytest.mark.parametrize(("target", "narrow"), [((0, 4, -1), True), ((6, 0, -1), False)])
def test_sizes_that_the_next_reshape_takes(target: tuple[int, ...], narrow: bool) -> None:
    """`[batch, 1, 4, 2]` behind the Transpose: its first size stays the first, its second does not."""
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 3, 8), build.ints(3, 4, 1, 2))
    x = build.op("Transpose", x, perm=(0, 2, 1, 3))
    build.output(build.op("Reshape", x, build.ints(*target)), "y")
    assert (applied(narrow_transposes, build.model) is not None) == narrow


def test_transposes_that_others_read_stay() -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", 3, 8), build.ints(3, 4, 1, 2))
    x = build.op("Transpose", x, perm=(0, 2, 1, 3))
    build.output(build.op("Reshape", x, build.ints(3, 8)), "y")
    build.output(build.op("Relu", x), "z")
    assert applied(narrow_transposes, build.model) is None
