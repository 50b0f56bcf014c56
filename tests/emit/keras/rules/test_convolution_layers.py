"""Convolutions: what each configuration becomes, against ONNX Runtime."""

from typing import Any

import keras
import onnx_ir as ir
import pytest

from ovprep.errors import UnsupportedError
from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import GraphBuilder


def convolution(shape: tuple[Dim, ...], kernel: tuple[int, ...], bias: bool = True, **attributes: Any) -> ir.Model:
    build = GraphBuilder()
    x = build.input("x", "batch", *shape)
    inputs = [build.constant(build.rng.normal(size=kernel).astype("float32"), "conv.weight")]
    if bias:
        inputs.append(build.constant(build.rng.normal(size=kernel[0]).astype("float32"), "conv.bias"))
    y = build.op("Conv", x, *inputs, **attributes)
    build.output(build.op("Relu", y), "y")
    return build.model


def layer(model: keras.Model) -> keras.layers.Layer:
    return next(one for one in model.layers if one.name == "conv")


@pytest.mark.parametrize(
    ("attributes", "length", "expected", "padding"),
    [
        ({}, 20, ["Conv1D", "ReLU"], "valid"),
        ({"pads": (2, 2)}, "time", ["Conv1D", "ReLU"], "same"),
        ({"pads": (4, 0)}, "time", ["Conv1D", "ReLU"], "causal"),
        ({"pads": (4, 0), "strides": (3,)}, "time", ["Conv1D", "ReLU"], "causal"),
        ({"pads": (8, 0), "dilations": (2,)}, 20, ["Conv1D", "ReLU"], "causal"),
        ({"pads": (4, 4), "dilations": (2,)}, "time", ["Conv1D", "ReLU"], "same"),
        ({"pads": (2, 2), "strides": (2,)}, 20, ["ZeroPadding1D", "Conv1D", "ReLU"], "valid"),  # not Keras' (1, 2)
        ({"pads": (1, 2), "strides": (2,)}, 20, ["Conv1D", "ReLU"], "same"),
        ({"pads": (2, 2), "strides": (2,)}, 21, ["Conv1D", "ReLU"], "same"),  # with an odd length the two agree
        ({"pads": (2, 2), "strides": (2,)}, "time", ["ZeroPadding1D", "Conv1D", "ReLU"], "valid"),
        ({"pads": (1, 3)}, "time", ["ZeroPadding1D", "Conv1D", "ReLU"], "valid"),
        ({"auto_pad": "SAME_UPPER", "strides": (3,)}, 20, ["Conv1D", "ReLU"], "same"),
        ({"auto_pad": "SAME_LOWER", "strides": (2,)}, 20, ["ZeroPadding1D", "Conv1D", "ReLU"], "valid"),
        ({"auto_pad": "VALID", "strides": (2,)}, 20, ["Conv1D", "ReLU"], "valid"),
        ({"strides": (3,), "dilations": (2,)}, 20, ["Conv1D", "MaxPooling1D", "ReLU"], "valid"),
        ({"strides": (2,), "dilations": (3,), "pads": (6, 6)}, "time", ["Conv1D", "MaxPooling1D", "ReLU"], "same"),
    ],
)
def test_padding_strides_and_dilations(
    attributes: dict[str, Any], length: Dim, expected: list[str], padding: str
) -> None:
    made = check_keras(convolution((4, length), (6, 4, 5), **attributes))
    assert kinds(made) == expected
    assert layer(made).padding == padding


@pytest.mark.parametrize(
    ("kernel", "group", "expected"),
    [
        ((6, 2, 3), 2, "Conv1D"),
        ((4, 1, 3), 4, "DepthwiseConv1D"),
        ((12, 1, 3), 4, "DepthwiseConv1D"),  # three filters for each channel
        ((8, 1, 1), 4, "DepthwiseConv1D"),
    ],
)
@pytest.mark.parametrize("strides", [(1,), (2,)])
def test_groups(kernel: tuple[int, ...], group: int, expected: str, strides: tuple[int, ...]) -> None:
    made = check_keras(convolution((4, 17), kernel, group=group, strides=strides, bias=group == 2))
    assert kinds(made) == [expected, "ReLU"]


def test_channels_equal_length() -> None:
    check_keras(convolution((5, 5), (5, 5, 3), pads=(1, 1)))


def test_a_depthwise_convolution_has_no_causal_padding() -> None:
    made = check_keras(convolution((4, "time"), (4, 1, 3), group=4, pads=(2, 0)))
    assert kinds(made) == ["ZeroPadding1D", "DepthwiseConv1D", "ReLU"]


@pytest.mark.parametrize(
    ("kernel", "attributes", "expected"),
    [
        ((6, 4, 3, 5), {"pads": (1, 2, 1, 2)}, ["Conv2D", "ReLU"]),
        ((6, 4, 3, 5), {"pads": (1, 2, 1, 2), "strides": (1, 2)}, ["ZeroPadding2D", "Conv2D", "ReLU"]),
        ((6, 4, 3, 3), {"dilations": (1, 2), "strides": (2, 1)}, ["Conv2D", "MaxPooling2D", "ReLU"]),
        ((8, 1, 3, 3), {"group": 4, "strides": (1, 2)}, ["DepthwiseConv2D", "MaxPooling2D", "ReLU"]),
    ],
)
def test_images(kernel: tuple[int, ...], attributes: dict[str, Any], expected: list[str]) -> None:
    made = check_keras(convolution((4, 8, 14), kernel, **attributes))
    assert kinds(made) == expected
    assert made.input_shape == (None, 8, 14, 4)


def test_volumes() -> None:
    made = check_keras(convolution((3, 5, 6, 7), (4, 3, 2, 3, 2), pads=(1, 0, 0, 0, 0, 0)))
    assert kinds(made) == ["ZeroPadding3D", "Conv3D", "ReLU"]


def test_computed_weights_are_refused_by_name() -> None:
    build = GraphBuilder()
    x, w = build.input("x", "batch", 2, 9), build.input("w", 3, 2, 3)
    build.output(build.op("Conv", x, w), "y")
    with pytest.raises(UnsupportedError, match="Conv node 'Conv' has weights that are not constant"):
        check_keras(build.model)


def test_every_kind_trains() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 24)
    for kernel, attributes in (
        ((6, 4, 3), {"strides": (2,), "dilations": (2,)}),
        ((6, 3, 3), {"group": 2, "pads": (1, 1)}),
        ((12, 1, 3), {"group": 6}),
    ):
        x = build.op("Conv", x, build.weights(*kernel), **attributes)
    build.output(x, "y")
    train_a_step(check_keras(build.model))
