"""Activations, against ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

from tests.emit.keras.support import check_keras, kinds
from tests.graphs import GraphBuilder


@pytest.mark.parametrize(
    ("op", "attributes", "expected"),
    [
        ("Relu", {}, "ReLU"),
        ("LeakyRelu", {"alpha": 0.3}, "LeakyReLU"),
        ("LeakyRelu", {}, "LeakyReLU"),
        ("Elu", {"alpha": 0.7}, "ELU"),
        ("Celu", {"alpha": 0.7}, "Celu"),
        ("Selu", {}, "Activation"),
        ("Selu", {"alpha": 1.2, "gamma": 0.9}, "Multiply"),
        ("Selu", {"alpha": 1.2}, "Multiply"),
        ("Sigmoid", {}, "Activation"),
        ("Tanh", {}, "Activation"),
        ("Softplus", {}, "Activation"),
        ("Softsign", {}, "Activation"),
        ("Mish", {}, "Activation"),
        ("HardSwish", {}, "Activation"),
        ("HardSigmoid", {"alpha": 1 / 6}, "Activation"),
        ("HardSigmoid", {}, "Clip"),
        ("Gelu", {}, "Activation"),
        ("Gelu", {"approximate": "tanh"}, "Gelu"),
        ("ThresholdedRelu", {"alpha": 0.6}, "Threshold"),
    ],
)
def test_one_by_one(op: str, attributes: dict[str, Any], expected: str) -> None:
    build = GraphBuilder()
    x = build.op("Mul", build.input("x", "batch", 3), build.constant(np.full(3, 3.0, np.float32)))
    build.output(build.op(op, x, **attributes), "y")
    assert kinds(check_keras(build.model))[-1] == expected


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("channels", [6, 10])
def test_softmax_along_either_axis(op: str, axis: int, channels: int) -> None:
    """With ten channels, of ten steps, only the axis tells which is meant."""
    build = GraphBuilder()
    y = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(channels, 4, 3))
    build.output(build.op(op, y, axis=axis), "y")
    check_keras(build.model)


@pytest.mark.parametrize("shape", [(6, 1), (1, 1), (6, 10), (1, 10)])
def test_prelu_shares_its_slopes(shape: tuple[int, int]) -> None:
    build = GraphBuilder()
    y = build.op("Conv", build.input("x", "batch", 4, 12), build.weights(6, 4, 3))
    build.output(build.op("PRelu", build.op("Neg", y), build.weights(*shape)), "y")
    made = check_keras(build.model)
    assert made.layers[-1].shared_axes == {(6, 1): [1], (1, 1): [1, 2], (6, 10): None, (1, 10): [2]}[shape]
