"""Transposed convolutions, against ONNX Runtime."""

from typing import Any

import pytest

from ovprep.interface import Dim
from tests.emit.keras.support import check_keras, kinds
from tests.graphs import GraphBuilder


@pytest.mark.parametrize("length", [7, "time"])
@pytest.mark.parametrize(
    ("taps", "attributes", "expected"),
    [
        (4, {"strides": (2,)}, ["Conv1DTranspose"]),
        (4, {"strides": (2,), "pads": (1, 1)}, ["Conv1DTranspose", "Cropping1D"]),
        (3, {"strides": (2,), "pads": (1, 1), "output_padding": (1,)}, ["Conv1DTranspose", "Cropping1D"]),
        (3, {"strides": (2,), "output_padding": (1,)}, ["Conv1DTranspose"]),  # one more tap of zeros
        (2, {"strides": (4,), "output_padding": (3,)}, ["Conv1DTranspose"]),
        (2, {"strides": (3,)}, ["Conv1DTranspose", "Cropping1D"]),  # Keras goes on to the next stride
        (3, {"strides": (2,), "dilations": (2,), "pads": (2, 1)}, ["Conv1DTranspose", "Cropping1D"]),
        (3, {}, ["Conv1DTranspose"]),
    ],
)
def test_lengths(taps: int, attributes: dict[str, Any], expected: list[str], length: Dim) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, length)
    weights = build.constant(build.rng.normal(size=(4, 3, taps)).astype("float32"))
    y = build.op("ConvTranspose", x, weights, build.weights(3), **attributes)
    build.output(y, "y")
    assert kinds(check_keras(build.model)) == expected


def test_groups_are_layers_of_their_own() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 9)
    y = build.op("ConvTranspose", x, build.weights(4, 3, 4), build.weights(6), group=2, strides=(2,), pads=(1, 1))
    build.output(y, "y")
    assert kinds(check_keras(build.model)) == [
        "Split",
        "Conv1DTranspose",
        "Conv1DTranspose",
        "Concatenate",
        "Cropping1D",
    ]


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_a_length_that_is_asked_for(auto_pad: str) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 9)
    y = build.op("ConvTranspose", x, build.weights(4, 3, 5), strides=(2,), auto_pad=auto_pad)
    build.output(y, "y")
    check_keras(build.model)


def test_images() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 5, 6)
    y = build.op("ConvTranspose", x, build.weights(4, 3, 3, 4), strides=(2, 3), pads=(1, 0, 0, 2))
    build.output(y, "y")
    check_keras(build.model)
