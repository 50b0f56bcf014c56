"""Normalisations stay layers; against ONNX Runtime."""

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
import pytest

import ovprep
from ovprep.errors import UnsupportedError
from tests.emit.keras.support import check_keras, kinds, train_a_step
from tests.graphs import FEW_ULP, GraphBuilder


def convolved(build: GraphBuilder, channels: int = 6) -> ir.Value:
    x = build.input("x", "batch", 4, "time")
    return build.op("Conv", x, build.constant(build.rng.normal(size=(channels, 4, 3)).astype("float32"), "conv.weight"))


@pytest.mark.parametrize("epsilon", [1e-5, 0.3])
def test_batch_norm(epsilon: float) -> None:
    build = GraphBuilder()
    statistics = [build.weights(6, name=f"norm.{name}") for name in ("weight", "bias", "running_mean", "running_var")]
    y = build.op("BatchNormalization", convolved(build), *statistics, epsilon=epsilon, momentum=0.8)
    build.output(y, "y")
    made = check_keras(build.model)
    assert kinds(made) == ["Conv1D", "BatchNormalization"]
    assert made.layers[-1].momentum == pytest.approx(0.8)
    train_a_step(made)


def test_batch_norm_of_features() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 5)
    build.output(build.op("BatchNormalization", x, *(build.weights(5) for _ in range(4))), "y")
    assert kinds(check_keras(build.model)) == ["BatchNormalization"]


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("factored", [True, False])
def test_group_norm_as_pytorch_exports_it(groups: int, factored: bool) -> None:
    build = GraphBuilder()
    y = convolved(build)
    cut = build.op("Reshape", y, build.ints(0, groups, -1))
    numbers = build.constant(np.ones(groups, np.float32)), build.constant(np.zeros(groups, np.float32))
    normed = build.op("InstanceNormalization", cut, *numbers, epsilon=1e-3)
    back = build.op("Reshape", normed, build.ints(0, 6, -1))
    if factored:
        back = build.op("Add", build.op("Mul", back, build.weights(6, 1)), build.weights(6, 1))
    build.output(build.op("Relu", back), "y")
    made = check_keras(build.model, 4 * FEW_ULP)
    assert kinds(made) == ["Conv1D", "GroupNormalization", "ReLU"]


def test_group_norm_as_one_op() -> None:
    build = GraphBuilder()
    y = build.op("GroupNormalization", convolved(build), build.weights(6), build.weights(6), num_groups=3, epsilon=1e-2)
    build.output(y, "y")
    made = check_keras(build.model, 4 * FEW_ULP)
    assert kinds(made) == ["Conv1D", "GroupNormalization"]
    train_a_step(made)


def test_instance_norm() -> None:
    build = GraphBuilder()
    y = build.op("InstanceNormalization", convolved(build), build.weights(6), build.weights(6), epsilon=1e-2)
    build.output(y, "y")
    assert kinds(check_keras(build.model, 4 * FEW_ULP)) == ["Conv1D", "GroupNormalization"]


def test_statistics_of_parts_are_no_group_norm() -> None:
    """Of seven rows that are no groups of six channels."""
    build = GraphBuilder()
    x = build.input("x", "batch", 6, 14)
    cut = build.op("Reshape", x, build.ints(0, 7, -1))
    normed = build.op("InstanceNormalization", cut, build.weights(7), build.weights(7))
    build.output(build.op("Reshape", normed, build.ints(0, 6, 14)), "y")
    check_keras(build.model, 4 * FEW_ULP, permutes=2, kept=("x", "y"))


@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm_over_channels_needs_no_transposes(bias: bool) -> None:
    build = GraphBuilder()
    x = build.op("Transpose", convolved(build), perm=(0, 2, 1))
    extra = [build.weights(6)] if bias else []
    normed = build.op("LayerNormalization", x, build.weights(6), *extra, epsilon=1e-2)
    build.output(build.op("Transpose", normed, perm=(0, 2, 1)), "y")
    made = check_keras(build.model, 4 * FEW_ULP)
    assert kinds(made) == ["Conv1D", "LayerNormalization"]
    assert made.layers[-1].center == bias


@pytest.mark.parametrize("length", [9, 6])
def test_layer_norm_over_channels_and_time_turns_its_weights(length: int) -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, length)
    y = build.op("Conv", x, build.weights(6, 4, 3), pads=(1, 1))
    weights = [build.constant(build.rng.normal(size=(6, length)).astype("float32")) for _ in range(2)]
    build.output(build.op("LayerNormalization", y, *weights, axis=-2), "y")
    assert kinds(check_keras(build.model, 4 * FEW_ULP)) == ["Conv1D", "LayerNormalization"]


@pytest.mark.parametrize(
    "op", ["InstanceNormalization", "GroupNormalization", "BatchNormalization", "LayerNormalization"]
)
def test_as_many_steps_as_channels(op: str) -> None:
    """Each layer must still scale and shift its channels; at a batch of one no other axis is longer than one."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 8), build.weights(6, 4, 3))
    numbers = [build.weights(6) for _ in range(4 if op == "BatchNormalization" else 2)]
    turned = build.op("Transpose", x, perm=(0, 2, 1)) if op == "LayerNormalization" else x
    y = build.op(op, turned, *numbers, num_groups=3 if op == "GroupNormalization" else None)
    build.output(build.op("Transpose", y, perm=(0, 2, 1)) if op == "LayerNormalization" else y, "y")
    check_keras(build.model, 4 * FEW_ULP)


def test_statistics_of_a_layer_norm_are_refused() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21]>
        g (float[batch, 5, 6] x, float[6] scale) => (float[batch, 5, 6] y, float[batch, 5, 1] mean)
        <float[6] scale = {1, 2, 3, 4, 5, 6}> { y, mean = LayerNormalization(x, scale) }"""
    )
    del model.graph.input[1]
    with pytest.raises(UnsupportedError, match="gives its statistics"):
        ovprep.to_keras(model, verify=False)
