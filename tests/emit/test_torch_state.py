"""Weights in PyTorch: each module, written by hand, takes them all and computes what Keras does."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from keras import layers
from numpy.typing import NDArray

import ovprep
from ovprep import InterfaceOptions, ModelError, UnsupportedError
from tests.frontends.keras.support import compare, randomise
from tests.graphs import GraphBuilder
from tests.torch_environment import PYTHON

Array = NDArray[Any]
Torch = Callable[[str, dict[str, Array], Array, Path], Array]

BATCH, ROWS = 3, 9


@pytest.fixture(scope="module")
def run_torch() -> Iterator[Torch]:
    """Runs a module in the environment that has PyTorch, which is started once."""
    if not PYTHON.exists():
        pytest.skip("PyTorch is not there: scripts/bench torch installs it")
    worker = Path(__file__).with_name("torch_worker.py")
    with subprocess.Popen([PYTHON, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(code: str, state: dict[str, Array], inputs: Array, folder: Path) -> Array:
            files = {name: str(folder / name) for name in ("state.npz", "inputs.npy", "outputs.npy")}
            np.savez(files["state.npz"], **state)
            np.save(files["inputs.npy"], inputs)
            request = {"code": code, **{Path(name).stem: path for name, path in files.items()}}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            error = json.loads(process.stdout.readline())
            assert error is None, error
            return np.load(files["outputs.npy"])

        yield run
        process.stdin.close()


def normalized(model: keras.Model, folder: Path) -> Path:
    """The ONNX file that `ovprep normalize --layout ncw` writes."""
    path = folder / "model.keras"
    model.save(path)
    return ovprep.normalize(path, folder / "model.onnx", interface=InterfaceOptions(layout="ncw"), verify=False).path


def module(modules: str, forward: str) -> str:
    """A module with these members, and what it makes of `x`."""
    members = "\n".join(f"        self.{line.strip()}" for line in modules.strip().splitlines())
    steps = "\n".join(f"        {line.strip()}" for line in forward.strip().splitlines())
    return (
        "class Module(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{members}\n\n    def forward(self, x):\n{steps}\n        return x\n"
    )


def check_torch(model: keras.Model, code: str, run_torch: Torch, folder: Path) -> dict[str, Array]:
    """Asserts that the file in ONNX Runtime and the module with its weights compute what Keras does.

    The module takes and gives channel-first tensors, as the file does.
    """
    randomise(model)
    rng = np.random.default_rng(1)
    shape = (BATCH, *model.inputs[0].shape[1:])
    whole = model.inputs[0].dtype == "int32"
    x = rng.integers(0, ROWS, shape).astype(np.int32) if whole else rng.normal(size=shape).astype(np.float32)
    wanted = channels_first(np.asarray(model(x, training=False)))
    file = normalized(model, folder)
    onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(file)
    compare("the file, in ONNX Runtime", session.run(None, {session.get_inputs()[0].name: channels_first(x)}), [wanted])
    state = ovprep.torch_state(file)
    compare("in PyTorch", [run_torch(code, state, channels_first(x), folder)], [wanted])
    return state


def channels_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array


def sequential(shape: tuple[int, ...], *stack: keras.Layer, dtype: str = "float32") -> keras.Model:
    return keras.Sequential([keras.Input(shape, dtype=dtype, name="x"), *stack], name="model")


CONVOLUTIONS: dict[str, tuple[Callable[[], keras.Layer], str, str]] = {
    "strided, same": (
        lambda: layers.Conv1D(6, 5, strides=2, padding="same", name="conv"),
        "conv = nn.Conv1d(4, 6, 5, stride=2)",
        "x = self.conv(F.pad(x, (1, 2)))",
    ),
    "dilated, without bias": (
        lambda: layers.Conv1D(4, 3, dilation_rate=2, padding="same", use_bias=False, name="conv"),
        "conv = nn.Conv1d(4, 4, 3, dilation=2, padding=2, bias=False)",
        "x = self.conv(x)",
    ),
    "grouped": (
        lambda: layers.Conv1D(6, 3, groups=2, name="conv"),
        "conv = nn.Conv1d(4, 6, 3, groups=2)",
        "x = self.conv(x)",
    ),
    "depthwise": (
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, name="conv"),
        "conv = nn.Conv1d(4, 8, 3, groups=4)",
        "x = self.conv(x)",
    ),
    "causal": (
        lambda: layers.Conv1D(6, 3, dilation_rate=2, padding="causal", name="conv"),
        "conv = nn.Conv1d(4, 6, 3, dilation=2)",
        "x = self.conv(F.pad(x, (4, 0)))",
    ),
    "transposed": (
        lambda: layers.Conv1DTranspose(6, 4, strides=2, padding="same", name="conv"),
        "conv = nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1)",
        "x = self.conv(x)",
    ),
    "transposed, dilated": (
        lambda: layers.Conv1DTranspose(6, 3, dilation_rate=2, name="conv"),
        "conv = nn.ConvTranspose1d(4, 6, 3, dilation=2)",
        "x = self.conv(x)",
    ),
    "separable": (
        lambda: layers.SeparableConv1D(6, 3, depth_multiplier=2, name="conv"),
        """conv = nn.Module()
        conv.depthwise = nn.Conv1d(4, 8, 3, groups=4, bias=False)
        conv.pointwise = nn.Conv1d(8, 6, 1)""",
        "x = self.conv.pointwise(self.conv.depthwise(x))",
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name: str, run_torch: Torch, tmp_path: Path) -> None:
    make, modules, forward = CONVOLUTIONS[name]
    check_torch(sequential((16, 4), make()), module(modules, forward), run_torch, tmp_path)


OTHERS: dict[str, tuple[Callable[[], keras.Layer], str, str]] = {
    "batch norm": (
        lambda: layers.BatchNormalization(name="norm"),
        "norm = nn.BatchNorm1d(6, eps=1e-3)",
        "x = self.norm(x)",
    ),
    "batch norm, no scale": (
        lambda: layers.BatchNormalization(scale=False, name="norm"),
        "norm = nn.BatchNorm1d(6, eps=1e-3)",
        "x = self.norm(x)",
    ),
    "layer norm": (
        lambda: layers.LayerNormalization(name="norm"),
        "norm = nn.LayerNorm(6, eps=1e-3)",
        "x = self.norm(x.transpose(1, 2)).transpose(1, 2)",
    ),
    "layer norm of all": (
        lambda: layers.LayerNormalization(axis=(1, 2), name="norm"),
        "norm = nn.LayerNorm((6, 6), eps=1e-3)",
        "x = self.norm(x)",
    ),
    "group norm": (
        lambda: layers.GroupNormalization(2, name="norm"),
        "norm = nn.GroupNorm(2, 6, eps=1e-3)",
        "x = self.norm(x)",
    ),
    "dense over time": (
        lambda: layers.Dense(6, name="dense"),
        "dense = nn.Linear(6, 6)",
        "x = self.dense(x.transpose(1, 2)).transpose(1, 2)",
    ),
    "dense over time, no bias": (
        lambda: layers.Dense(5, use_bias=False, activation="relu", name="dense"),
        "dense = nn.Linear(6, 5, bias=False)",
        "x = F.relu(self.dense(x.transpose(1, 2)).transpose(1, 2))",
    ),
    "lstm": (
        lambda: layers.LSTM(5, return_sequences=True, name="memory"),
        "memory = nn.LSTM(6, 5, batch_first=True)",
        "x = self.memory(x.transpose(1, 2))[0].transpose(1, 2)",
    ),
    "lstm, last state, backwards": (
        lambda: layers.LSTM(5, go_backwards=True, use_bias=False, name="memory"),
        "memory = nn.LSTM(6, 5, batch_first=True, bias=False)",
        "x = self.memory(x.transpose(1, 2).flip(1))[0][:, -1]",
    ),
    "gru": (
        lambda: layers.GRU(5, return_sequences=True, name="memory"),
        "memory = nn.GRU(6, 5, batch_first=True)",
        "x = self.memory(x.transpose(1, 2))[0].transpose(1, 2)",
    ),
    "simple rnn": (
        lambda: layers.SimpleRNN(5, activation="relu", name="memory"),
        "memory = nn.RNN(6, 5, nonlinearity='relu', batch_first=True)",
        "x = self.memory(x.transpose(1, 2))[0][:, -1]",
    ),
    "bidirectional lstm": (
        lambda: layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="memory"),
        "memory = nn.LSTM(6, 5, batch_first=True, bidirectional=True)",
        "x = self.memory(x.transpose(1, 2))[0].transpose(1, 2)",
    ),
    "bidirectional gru, last states": (
        lambda: layers.Bidirectional(layers.GRU(5), name="memory"),
        "memory = nn.GRU(6, 5, batch_first=True, bidirectional=True)",
        "x = torch.cat(list(self.memory(x.transpose(1, 2))[1]), dim=1)",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_layers_with_as_many_channels_as_steps(name: str, run_torch: Torch, tmp_path: Path) -> None:
    make, modules, forward = OTHERS[name]
    check_torch(sequential((6, 6), make()), module(modules, forward), run_torch, tmp_path)


INSIDE = {
    **{name: OTHERS[name] for name in ("dense over time", "lstm", "layer norm")},
    "prelu": (lambda: layers.PReLU(shared_axes=[1], name="slope"), "slope = nn.PReLU(6)", "x = self.slope(x)"),
    "prelu, a slope for each place": (
        lambda: layers.PReLU(name="slope"),
        "slope = nn.Module()\nslope.weight = nn.Parameter(torch.zeros(1, 6, 38))",
        "x = torch.where(x > 0, x, x * self.slope.weight)",
    ),
}


@pytest.mark.parametrize("name", INSIDE)
def test_layers_between_convolutions(name: str, run_torch: Torch, tmp_path: Path) -> None:
    make, modules, forward = INSIDE[name]
    stack = [layers.Conv1D(6, 3, name="conv"), make(), layers.Conv1D(64, 3, name="last")]
    width = 5 if name == "lstm" else 6
    modules = f"conv = nn.Conv1d(4, 6, 3)\n{modules}\nlast = nn.Conv1d({width}, 64, 3)"
    code = module(modules, f"x = self.conv(x)\n{forward}\nx = self.last(x)")
    check_torch(sequential((40, 4), *stack), code, run_torch, tmp_path)


def test_flatten_then_batch_norm_then_dense(run_torch: Torch, tmp_path: Path) -> None:
    """Rows behind a Flatten, and the statistics before them, are in PyTorch's order; 6 channels, 6 steps."""
    stack = [layers.Conv1D(6, 3, name="conv"), layers.Flatten(), layers.BatchNormalization(name="norm")]
    stack += [layers.Dense(5, activation="relu", name="hidden"), layers.Dense(2, use_bias=False, name="scores")]
    code = module(
        """conv = nn.Conv1d(4, 6, 3)
        norm = nn.BatchNorm1d(36, eps=1e-3)
        hidden = nn.Linear(36, 5)
        scores = nn.Linear(5, 2, bias=False)""",
        "x = self.scores(F.relu(self.hidden(self.norm(self.conv(x).flatten(1)))))",
    )
    check_torch(sequential((8, 4), *stack), code, run_torch, tmp_path)


def test_a_dense_that_stays_a_matrix(run_torch: Torch, tmp_path: Path) -> None:
    """Before a recurrence, which is channel-last, as many features go in as come out."""
    stack = [layers.Conv1D(5, 3, name="conv"), layers.Dense(5, name="dense"), layers.LSTM(4, name="memory")]
    code = module(
        "conv = nn.Conv1d(4, 5, 3)\ndense = nn.Linear(5, 5)\nmemory = nn.LSTM(5, 4, batch_first=True)",
        "x = self.memory(self.dense(self.conv(x).transpose(1, 2)))[0][:, -1]",
    )
    model = sequential((12, 4), *stack)
    check_torch(model, code, run_torch, tmp_path)
    assert "MatMul" in {node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node}


def test_attention(run_torch: Torch, tmp_path: Path) -> None:
    x = keras.Input((10, 4), name="x")
    y = layers.Conv1D(6, 3, name="conv")(x)
    model = keras.Model(x, layers.Conv1D(5, 3, name="last")(layers.MultiHeadAttention(2, 3, name="heads")(y, y)))
    code = module(
        """conv = nn.Conv1d(4, 6, 3)
        heads = nn.Module()
        heads.query, self.heads.key, self.heads.value = (nn.Linear(6, 6) for _ in range(3))
        heads.attention_output = nn.Linear(6, 6)
        last = nn.Conv1d(6, 5, 3)""",
        """y = self.conv(x).transpose(1, 2)
        made = (part(y) for part in (self.heads.query, self.heads.key, self.heads.value))
        q, k, v = (one.view(-1, 8, 2, 3).transpose(1, 2) for one in made)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = self.last(self.heads.attention_output(y).transpose(1, 2))""",
    )
    check_torch(model, code, run_torch, tmp_path)


def test_embedding(run_torch: Torch, tmp_path: Path) -> None:
    stack = [layers.Embedding(ROWS, 4, name="words"), layers.Conv1D(6, 3, name="conv")]
    code = module(
        "words = nn.Embedding(9, 4)\nconv = nn.Conv1d(4, 6, 3)", "x = self.conv(self.words(x).transpose(1, 2))"
    )
    check_torch(sequential((8,), *stack, dtype="int32"), code, run_torch, tmp_path)


def test_images(run_torch: Torch, tmp_path: Path) -> None:
    stack = [layers.Conv2D(5, (3, 2), name="conv"), layers.BatchNormalization(name="norm"), layers.Flatten()]
    code = module(
        "conv = nn.Conv2d(2, 5, (3, 2))\nnorm = nn.BatchNorm2d(5, eps=1e-3)\nscores = nn.Linear(5 * 4 * 5, 3)",
        "x = self.scores(self.norm(self.conv(x)).flatten(1))",
    )
    check_torch(sequential((6, 6, 2), *stack, layers.Dense(3, name="scores")), code, run_torch, tmp_path)


def test_a_shared_layer_is_one_and_names_in_nested_models_are_kept_apart(run_torch: Torch, tmp_path: Path) -> None:
    shared = layers.Conv1D(4, 3, padding="same", name="conv")
    inner = sequential((8, 4), layers.Conv1D(4, 3, padding="same", name="conv"))
    x = keras.Input((8, 4), name="x")
    model = keras.Model(x, layers.Add()([shared(shared(x)), inner(x)]))
    code = module(
        "conv = nn.Conv1d(4, 4, 3, padding=1)\nconv_1 = nn.Conv1d(4, 4, 3, padding=1)",
        "x = self.conv(self.conv(x)) + self.conv_1(x)",
    )
    check_torch(model, code, run_torch, tmp_path)


def test_a_layer_behind_two_flattens_of_different_order_is_two(run_torch: Torch, tmp_path: Path) -> None:
    """Only one of the two has an order of rows that a module could have for both."""
    x = keras.Input((4, 3), name="x")
    dense = layers.Dense(2, name="dense")
    flat = layers.Flatten()(layers.Conv1D(3, 1, name="conv")(x))
    model = keras.Model(x, layers.Add()([dense(flat), dense(layers.Dense(12, name="other")(flat))]))
    code = module(
        "conv = nn.Conv1d(3, 3, 1)\ndense = nn.Linear(12, 2)\nother = nn.Linear(12, 12)\ndense_1 = nn.Linear(12, 2)",
        "x = self.conv(x).flatten(1)\nx = self.dense(x) + self.dense_1(self.other(x))",
    )
    check_torch(model, code, run_torch, tmp_path)


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
