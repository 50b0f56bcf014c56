"""What every rule shares: the defaults of entries that a file leaves out, and the number of tensors that it takes."""

from pathlib import Path
from typing import Any

import keras
import onnx_ir as ir
import pytest
from keras import layers

from ovprep.errors import ModelError
from ovprep.frontends.keras.layers import RULES
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import randomise

REQUIRED = {
    *("name", "filters", "kernel_size", "units", "target_shape", "dims", "pool_size", "activation"),
    *("cell", "layer", "n", "output_size"),
}
"""Entries that have no default in Keras, or, as the activation, none that a layer could do without."""
REQUIRED_BY = {
    "CategoryEncoding": {"num_tokens"},
    "Discretization": {"bin_boundaries"},
    "EinsumDense": {"equation", "output_shape"},
    "Embedding": {"input_dim", "output_dim"},
    "GroupNormalization": {"groups"},
    "GroupQueryAttention": {"head_dim", "num_query_heads", "num_key_value_heads"},
    "MultiHeadAttention": {"num_heads", "key_dim"},
    "Rescaling": {"scale"},
    "ReversibleEmbedding": {"input_dim", "output_dim"},
}
"""Entries that other layers may leave out; 32 groups are more than the channels here."""

DEFAULTS: dict[str, Any] = {
    "Activation": lambda: layers.Activation("tanh"),
    "AdaptiveAveragePooling1D": lambda: layers.AdaptiveAveragePooling1D(3),
    "AdaptiveAveragePooling2D": lambda: layers.AdaptiveAveragePooling2D((3, 7)),
    "AdaptiveMaxPooling1D": lambda: layers.AdaptiveMaxPooling1D(3),
    "AdaptiveMaxPooling2D": lambda: layers.AdaptiveMaxPooling2D((3, 7)),
    "AveragePooling1D": lambda: layers.AveragePooling1D(2),
    "AveragePooling2D": lambda: layers.AveragePooling2D(2),
    "BatchNormalization": layers.BatchNormalization,
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
    "CategoryEncoding": lambda: layers.CategoryEncoding(5),
    "ConvLSTM1D": lambda: layers.ConvLSTM1D(4, 3),
    "Conv1D": lambda: layers.Conv1D(4, 3),
    "Conv1DTranspose": lambda: layers.Conv1DTranspose(4, 3),
    "Conv2D": lambda: layers.Conv2D(4, 3),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(4, 3),
    "Cropping1D": layers.Cropping1D,
    "Cropping2D": layers.Cropping2D,
    "Dense": lambda: layers.Dense(4),
    "DepthwiseConv1D": lambda: layers.DepthwiseConv1D(3),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3),
    "Discretization": lambda: layers.Discretization([0.0, 1.0]),
    "ELU": layers.ELU,
    "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", (9, 3)),
    "Embedding": lambda: layers.Embedding(7, 4),
    "Flatten": layers.Flatten,
    "GRU": lambda: layers.GRU(4),
    "GlobalAveragePooling1D": layers.GlobalAveragePooling1D,
    "GlobalAveragePooling2D": layers.GlobalAveragePooling2D,
    "GlobalMaxPooling1D": layers.GlobalMaxPooling1D,
    "GlobalMaxPooling2D": layers.GlobalMaxPooling2D,
    "GroupNormalization": lambda: layers.GroupNormalization(2),
    "LSTM": lambda: layers.LSTM(4),
    "Masking": layers.Masking,
    "LayerNormalization": layers.LayerNormalization,
    "LeakyReLU": layers.LeakyReLU,
    "MaxPooling1D": layers.MaxPooling1D,
    "MaxPooling2D": layers.MaxPooling2D,
    "MelSpectrogram": layers.MelSpectrogram,
    "Normalization": layers.Normalization,
    "PReLU": layers.PReLU,
    "Permute": lambda: layers.Permute((2, 1)),
    "RNN": lambda: layers.RNN(layers.LSTMCell(4)),
    "RMSNormalization": layers.RMSNormalization,
    "ReLU": layers.ReLU,
    "Rescaling": lambda: layers.Rescaling(0.5),
    "RepeatVector": lambda: layers.RepeatVector(3),
    "Reshape": lambda: layers.Reshape((12, 3)),
    "ReversibleEmbedding": lambda: layers.ReversibleEmbedding(7, 4),
    "STFTSpectrogram": lambda: layers.STFTSpectrogram(window=None),
    "SeparableConv1D": lambda: layers.SeparableConv1D(4, 3),
    "SeparableConv2D": lambda: layers.SeparableConv2D(4, 3),
    "SimpleRNN": lambda: layers.SimpleRNN(4),
    "Softmax": layers.Softmax,
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(4)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(4)),
    "UnitNormalization": layers.UnitNormalization,
    "UpSampling1D": layers.UpSampling1D,
    "UpSampling2D": layers.UpSampling2D,
    "ZeroPadding1D": layers.ZeroPadding1D,
    "ZeroPadding2D": layers.ZeroPadding2D,
}
WITH_STATES = {"Bidirectional", "ConvLSTM1D", "GRU", "LSTM", "RNN", "SimpleRNN"}
"""Layers that take their initial states as more tensors."""
CUDNN = {"CuDNNGRU", "CuDNNLSTM"}
"""Of Keras 2; Keras 3 cannot write them."""
MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
ATTENTION = {
    "AdditiveAttention": layers.AdditiveAttention,
    "Attention": layers.Attention,
    "GroupQueryAttention": lambda: layers.GroupQueryAttention(2, 4, 2),
    "MultiHeadAttention": lambda: layers.MultiHeadAttention(2, 3),
}
TRAINING = {
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"),
    "SpatialDropout1D",
    "SpatialDropout2D",
}


SHAPES = {
    layers.ConvLSTM1D: (9, 7, 4),
    layers.RepeatVector: (9,),
    layers.MelSpectrogram: (2000,),
    layers.STFTSpectrogram: (300, 2),
}


def saved(layer: keras.Layer, folder: Path, inputs: int = 1) -> Path:
    shape = (9, 7, 4) if "2D" in type(layer).__name__ else SHAPES.get(type(layer), (9, 4))
    given = [keras.Input(shape, name=f"x{index}") for index in range(inputs)]
    apart = isinstance(layer, layers.MultiHeadAttention | layers.GroupQueryAttention)
    model = keras.Model(given, layer(*given) if apart else layer(given if inputs > 1 else given[0]))
    randomise(model)
    model.save(folder / "model.keras")
    return folder / "model.keras"


def text_of(path: Path) -> bytes:
    return ir.to_proto(read_keras(path).graph).SerializeToString()


def test_every_rule_is_listed_here() -> None:
    assert set(RULES) == {*DEFAULTS, *ATTENTION, "GroupedQueryAttention"} | CUDNN | MERGING | TRAINING


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_entry_that_is_left_out_means_what_it_means_in_keras(name: str, tmp_path: Path) -> None:
    expect_defaults(name, saved(DEFAULTS[name](), tmp_path))


@pytest.mark.parametrize("name", ATTENTION)
def test_an_entry_that_attention_leaves_out(name: str, tmp_path: Path) -> None:
    expect_defaults(name, saved(ATTENTION[name](), tmp_path, inputs=2))


def expect_defaults(name: str, path: Path) -> None:
    config = config_of(path)
    layer = config["config"]["layers"][-1]
    required = REQUIRED | REQUIRED_BY.get(name, set())
    layer["config"] = {key: value for key, value in layer["config"].items() if key in required}
    assert text_of(with_config(path, config)) == text_of(path)


def test_a_pool_without_a_stride_moves_by_its_own_size(tmp_path: Path) -> None:
    path = saved(layers.MaxPooling1D(3), tmp_path)
    config = config_of(path)
    config["config"]["layers"][1]["config"]["strides"] = None
    assert text_of(with_config(path, config)) == text_of(path)


@pytest.mark.parametrize("name", sorted({*DEFAULTS} - WITH_STATES | TRAINING))
def test_a_tensor_too_many_or_too_few(name: str, tmp_path: Path) -> None:
    path = saved(layers.Add(), tmp_path, inputs=2)
    config = config_of(path)
    last = config["config"]["layers"][-1]
    last["class_name"] = name
    with pytest.raises(ModelError, match=rf"\({name}, layer 3\) takes 1 tensor, but is given 2"):
        read_keras(with_config(path, config))
    last["inbound_nodes"][0]["args"] = []
    with pytest.raises(ModelError, match="takes 1 tensor, but is given 0"):
        read_keras(with_config(path, config))


def test_a_merge_of_nothing(tmp_path: Path) -> None:
    path = saved(layers.Add(), tmp_path, inputs=2)
    config = config_of(path)
    config["config"]["layers"][-1]["inbound_nodes"][0]["args"] = []
    with pytest.raises(ModelError, match="merges tensors, but is given none"):
        read_keras(with_config(path, config))
