"""Weights in PyTorch: each module, written by hand, takes them all and computes what Keras does."""

from collections.abc import Callable
from pathlib import Path

import keras
import onnx
import pytest
from keras import layers

from tests.emit.torch_support import ROWS, check_torch, module, sequential
from tests.torch_environment import Torch

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
