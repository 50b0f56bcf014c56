"""Files with the weights of PyTorch's modules: their names, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from keras import layers

import ovprep
from ovprep import InterfaceOptions, ModelError, UnsupportedError
from tests.emit.torch_support import normalized, sequential
from tests.graphs import GraphBuilder


def test_names_in_the_file_are_those_of_the_state(tmp_path: Path) -> None:
    stack = [layers.Conv1D(6, 3, use_bias=False, name="conv"), layers.BatchNormalization(name="norm")]
    stack += [layers.Flatten(), layers.Dense(2, name="scores")]
    file = normalized(sequential((8, 4), *stack), tmp_path)
    graph = onnx.load(file).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer if tensor.data_type == 1}
    norm = {f"norm.{name}": (6,) for name in ("weight", "bias", "running_mean", "running_var")}
    assert shapes == {"conv.weight": (6, 4, 3), **norm, "scores.weight": (2, 36), "scores.bias": (2,)}
    assert {name: array.shape for name, array in ovprep.torch_state(file).items()} == shapes
    assert [node.op_type for node in graph.node] == ["Conv", "BatchNormalization", "Reshape", "Gemm"]


@pytest.mark.parametrize("bound", [layers.LayerNormalization, layers.PReLU])
def test_features_in_the_order_of_channels_last_are_told(bound: type[keras.Layer], tmp_path: Path) -> None:
    stack = [layers.Conv1D(6, 3), layers.Flatten(), bound(), layers.Dense(2)]
    with pytest.warns(UserWarning, match=r"flattens .* in the order of \[W, C\].*: write x.transpose"):
        ovprep.torch_state(normalized(sequential((8, 4), *stack), tmp_path))


def test_onnx_keeps_its_own_names(tmp_path: Path) -> None:
    """A file of PyTorch gives back the state that it was exported with, and what no module has."""
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 16)
    kernel, bias = build.weights(6, 4, 3, name="body.0.conv.weight"), build.weights(6, name="body.0.conv.bias")
    places = build.weights(1, 6, 14, name="places/table")
    y = build.op("Flatten", build.op("Add", build.op("Conv", x, kernel, bias), places))
    table = build.weights(84, 5, name="onnx::MatMul_9")
    y = build.op("Add", build.op("MatMul", y, table), build.weights(5, name="head.bias"))
    build.output(y, "y")
    onnx.save(ir.to_proto(build.model), tmp_path / "in.onnx")
    file = ovprep.normalize(
        tmp_path / "in.onnx", tmp_path / "out.onnx", interface=InterfaceOptions(layout="ncw"), threads=1
    ).path
    state = ovprep.torch_state(file)
    assert list(state) == ["body.0.conv.weight", "body.0.conv.bias", "head.weight", "head.bias", "places.table"]
    assert kernel.const_value is not None
    assert table.const_value is not None
    np.testing.assert_array_equal(state["body.0.conv.weight"], kernel.const_value.numpy())
    np.testing.assert_array_equal(state["head.weight"], table.const_value.numpy().T)


def test_normalising_again_keeps_the_weights_or_says_that_they_are_gone(tmp_path: Path) -> None:
    stack = [layers.Conv1D(6, 3, name="conv"), layers.Dense(5, name="dense"), layers.LSTM(4, name="memory")]
    file = normalized(sequential((8, 4), *stack), tmp_path)
    first = InterfaceOptions(layout="ncw")
    again = ovprep.normalize(file, tmp_path / "again.onnx", interface=first, verify=False).path
    state, other = ovprep.torch_state(file), ovprep.torch_state(again)
    assert list(state) == list(other)
    assert all(np.array_equal(state[name], other[name]) for name in state)
    last = ovprep.normalize(file, tmp_path / "last.onnx", verify=False).path
    with pytest.raises(ModelError, match="does not have its weights as PyTorch does"):
        ovprep.torch_state(last)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: layers.GRU(5, reset_after=False, name="memory"), "reset_after=False"),
        (lambda: layers.LSTM(5, activation="relu", name="memory"), "the activations Sigmoid, Relu, Relu"),
    ],
)
def test_recurrences_that_pytorch_does_not_have_are_refused(
    layer: Callable[[], keras.Layer], reason: str, tmp_path: Path
) -> None:
    file = normalized(sequential((6, 6), layer()), tmp_path)
    with pytest.raises(UnsupportedError, match=f"'memory' .*{reason}.* write one by hand.*memory.W"):
        ovprep.torch_state(file)
    assert {"memory.W", "memory.R", "memory.B"} <= {tensor.name for tensor in onnx.load(file).graph.initializer}


def test_files_that_do_not_have_the_weights_so_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "model.keras"
    sequential((8, 4), layers.Conv1D(3, 3)).save(model)
    last = ovprep.normalize(model, tmp_path / "last.onnx", verify=False).path
    (tmp_path / "text.onnx").write_text("weights")
    for path, reason in [(last, "--layout ncw"), (tmp_path / "none.onnx", "no file"), (tmp_path / "text.onnx", "read")]:
        with pytest.raises(ModelError, match=reason):
            ovprep.torch_state(path)
