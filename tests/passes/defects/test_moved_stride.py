"""Convolutions of kernel one with a stride and padding."""

import itertools
from pathlib import Path

import onnx_ir as ir

from ovprep.passes.defects.moved_stride import hold_strides
from tests.graphs import GraphBuilder, feeds_of
from tests.passes.defects.support import are_right
from tests.passes.support import applied, ops_of


def strided(
    rank: int = 3,
    width: int = 9,
    pads: tuple[int, int] = (1, 1),
    stride: int = 2,
    *,
    before: str | None = "Tanh",
    kernel: int = 1,
    group: int = 1,
) -> ir.Model:
    build = GraphBuilder()
    ones, zeros = [1] * (rank - 3), [0] * (rank - 3)
    x = build.input("x", 2, 4, *ones, width)
    x = build.op(before, x) if before else x
    weights = build.weights(4, 4 // group, *ones, kernel)
    settings = {"pads": [*zeros, pads[0], *zeros, pads[1]], "strides": [*ones, stride], "group": group}
    build.output(build.op("Conv", x, weights, **settings), "y")
    return build.model


def test_the_rewrite_is_right(tmp_path: Path) -> None:
    models, feeds = {}, {}
    for case in itertools.product((3, 4), (1, 2, 9, 16), ((0, 1), (1, 1)), (2, 3)):
        model, name = strided(*case), "-".join(map(str, case)).replace(" ", "")
        feeds[name] = feeds_of(model, signed=True)
        change = applied(hold_strides, model)
        assert change is not None
        assert change.details == ("Conv",)
        models[name] = model
    assert all(are_right(models, feeds, tmp_path).values())


def test_drawing() -> None:
    model = strided()
    change = hold_strides(model)
    assert change is not None
    assert change.summary == "kept OpenVINO from moving the stride of 1 padded convolution of kernel one"
    assert ops_of(model) == ["Tanh", "PRelu", "Conv"]


def test_what_is_right_stays(tmp_path: Path) -> None:
    models = {
        "input": strided(before=None),
        "padding alone": strided(stride=1),
        "stride alone": strided(pads=(0, 0)),
        "kernel": strided(kernel=2),
        "group": strided(group=4),
    }
    assert all(hold_strides(model) is None for model in models.values())
    feeds = {name: feeds_of(model, signed=True) for name, model in models.items()}
    found = are_right(models, feeds, tmp_path)
    assert found == dict.fromkeys(models, True)
