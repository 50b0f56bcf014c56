"""Models of one axis that are written in two, whole: equal to the original, and at rank 3 between their ends."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import onnx_ir as ir
import pytest
from keras import layers

from ovprep.graph.shapes import rank_of
from ovprep.passes.pipeline import normalize
from tests.frontends.keras.support import check_against_keras
from tests.graphs import GraphBuilder
from tests.passes.support import normalized, ops_of

SPATIAL = ("AveragePool", "Conv", "ConvTranspose", "MaxPool", "Resize")


def ranks_of(model: ir.Model) -> set[int | None]:
    return {rank_of(node.inputs[0]) for node in model.graph if node.op_type in SPATIAL}


def ends_of(model: ir.Model) -> tuple[int, int]:
    """How many ops drop axes of size one, and how many add them."""
    ops = ops_of(model)
    return ops.count("Squeeze"), ops.count("Unsqueeze")


def pooled(column: bool) -> list[Any]:
    def along(number: int) -> tuple[int, int]:
        return (number, 1) if column else (1, number)

    return [
        layers.Conv2D(6, along(5), padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(along(2)),
        layers.Conv2D(6, along(3), dilation_rate=along(2)),
        layers.AveragePooling2D(along(2)),
        layers.Conv2D(6, along(3), strides=along(2), padding="same"),
    ]


def crepe() -> list[Any]:
    """After Kim, Salamon, Li, Bello, 2018: audio as a column."""
    blocks: list[Any] = [layers.Reshape((256, 1, 1))]
    for filters, kernel, stride in ((8, 64, 4), (4, 8, 1)):
        blocks += [layers.Conv2D(filters, (kernel, 1), strides=(stride, 1), padding="same", activation="relu")]
        blocks += [layers.BatchNormalization(), layers.MaxPooling2D((2, 1)), layers.Dropout(0.25)]
    return [*blocks, layers.Permute((2, 1, 3)), layers.Flatten(), layers.Dense(12, activation="sigmoid")]


def upsampling() -> list[Any]:
    return [
        layers.Conv2D(6, (5, 1), strides=(2, 1), padding="same", activation="relu"),
        layers.Conv2DTranspose(4, (4, 1), strides=(2, 1), padding="same"),
        layers.UpSampling2D((2, 1)),
        layers.DepthwiseConv2D((3, 1), padding="same"),
        layers.SeparableConv2D(4, (3, 1), padding="same"),
    ]


def trimmed() -> list[Any]:
    return [
        layers.ZeroPadding2D(((2, 1), (0, 0))),
        layers.Conv2D(6, (4, 1)),
        layers.Cropping2D(((1, 0), (0, 0))),
        layers.LayerNormalization(),
        layers.Dense(5),
    ]


KERAS: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]], tuple[int, int]]] = {
    "column": ((64, 1, 3), lambda: [*pooled(True), layers.GlobalAveragePooling2D(), layers.Dense(4)], (1, 0)),
    "row": ((1, 64, 3), lambda: [*pooled(False), layers.Flatten(), layers.Dense(4)], (1, 0)),
    "column, sequence": ((64, 1, 3), lambda: pooled(True), (1, 1)),
    "row, sequence": ((1, 64, 3), lambda: pooled(False), (1, 1)),
    "reshaped": ((64, 3), lambda: [layers.Reshape((64, 1, 3)), *pooled(True), layers.Reshape((7, 6))], (0, 0)),
    "CREPE": ((256,), crepe, (0, 0)),
    "upsampling": ((32, 1, 3), upsampling, (1, 1)),
    "trimmed": ((32, 1, 3), trimmed, (1, 1)),
    "windows over the one sample": ((32, 1, 3), lambda: [layers.Conv2D(6, 3, padding="same")], (1, 1)),
}


@pytest.mark.parametrize("name", KERAS)
def test_keras(name: str, tmp_path: Path) -> None:
    shape, make, ends = KERAS[name]
    source = check_against_keras(keras.Sequential([layers.Input(shape), *make()]), tmp_path, suffixes=(".keras",))
    model = source.graph.clone()
    normalize(model)
    assert ranks_of(model) == {3}
    unsqueezed = name == "CREPE"  # whose [N, W] has no channels
    assert ends_of(model) == ((0, 1) if unsqueezed else ends)


def test_keras_that_is_partly_of_two_axes(tmp_path: Path) -> None:
    """Down to rank 3 where it is of one axis, and as it was where it is of two."""
    blocks = [layers.Conv2D(6, (5, 1), activation="relu"), layers.Permute((1, 3, 2)), layers.Conv2D(4, (3, 3))]
    model = keras.Sequential([layers.Input((32, 1, 3)), *blocks, layers.Flatten(), layers.Dense(4)])
    graph = check_against_keras(model, tmp_path, suffixes=(".keras",)).graph.clone()
    normalize(graph)
    assert [rank_of(node.inputs[0]) for node in graph.graph if node.op_type == "Conv"] == [3, 4]


@pytest.mark.parametrize("column", [True, False], ids=["N, C, W, 1", "N, C, 1, W"])
@pytest.mark.parametrize("flat", [True, False])
def test_pytorch(column: bool, flat: bool) -> None:
    """Conv2d, MaxPool2d and ConvTranspose2d; the interface becomes channel-last, at the rank that it has."""

    def along(number: int, other: int = 1) -> Sequence[int]:
        return (number, other) if column else (other, number)

    build = GraphBuilder()
    x = build.input("x", "batch", 3, *along(32))
    x = build.op("Conv", x, build.weights(8, 3, *along(7)), build.weights(8), pads=(*along(3, 0), *along(3, 0)))
    statistics = [build.weights(8) for _ in range(4)]
    x = build.op("Relu", build.op("BatchNormalization", x, *statistics))
    x = build.op("MaxPool", x, kernel_shape=along(2), strides=along(2))
    weights = build.weights(8, 4, *along(4))
    x = build.op("ConvTranspose", x, weights, strides=along(2), pads=(*along(1, 0), *along(1, 0)))
    if flat:
        x = build.op("Gemm", build.op("Flatten", x, axis=1), build.weights(4 * 32, 5))
    build.output(x, "y")
    done = normalized(build.model)
    assert ranks_of(build.model) == {3}
    assert ends_of(build.model) == (1, 0 if flat else 1)
    assert (done.original.inputs[0].layout, done.interface.inputs[0].layout) == ("NCHW", "NHWC")
    assert ops_of(build.model).count("Transpose") == (1 if flat else 2)


def test_pytorch_with_channels_last() -> None:
    """`[N, 1, W, C]` as data pipelines have it, turned to Conv2d's `[N, C, 1, W]` inside."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 1, 32, 3), perm=(0, 3, 1, 2))
    x = build.op("Relu", build.op("Conv", x, build.weights(8, 3, 1, 5)))
    build.output(build.op("Transpose", x, perm=(0, 2, 3, 1)), "y")
    done = normalized(build.model)
    assert done.interface.inputs[0].layout == "NHWC"
    assert ops_of(build.model) == ["Squeeze", "Transpose", "Conv", "Relu", "Transpose", "Unsqueeze"]
    assert ranks_of(build.model) == {3}
