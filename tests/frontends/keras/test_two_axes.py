"""The layers of two spatial axes against real Keras; each axis has a size, a stride, a padding of its own."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from keras import layers

from ovprep.errors import ModelError, UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.files import config_of, with_config
from tests.frontends.keras.support import FORMATS, check_against_keras, check_layer

SHARED = Path(__file__).parents[4] / "shared" / "models"
POOLING = (layers.MaxPooling2D, layers.AveragePooling2D)
GLOBAL = (layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D)


def image(data_format: str, channels: int = 3) -> tuple[int, ...]:
    """One sample of 11 by 9.

    No output is as wide as it has channels: Keras 3.15 then adds a bias to the wrong axis where channels come first.
    """
    return (channels, 11, 9) if data_format == "channels_first" else (11, 9, channels)


def row_axis(data_format: str) -> int:
    return 2 if data_format == "channels_first" else 1


def check_in(data_format: str, layer: keras.Layer, tmp_path: Path, channels: int = 3) -> None:
    check_layer(layer, image(data_format, channels), tmp_path, open_time=row_axis(data_format))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": (2, 1)},
        {"strides": (3, 2), "activation": "relu"},
        {"dilation_rate": (1, 2)},
        {"groups": 3, "use_bias": False},
        {"strides": 2, "groups": 2, "activation": "softmax"},
    ],
    ids=str,
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d(padding: str, options: dict[str, Any], data_format: str, tmp_path: Path) -> None:
    layer = layers.Conv2D(12, (3, 2), padding=padding, data_format=data_format, **options)
    check_in(data_format, layer, tmp_path, channels=6)


@pytest.mark.parametrize("shape", [(19, 1, 3), (1, 19, 3)], ids=str)
@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"padding": "same"}], ids=str)
def test_a_1d_convolution_in_2d(options: dict[str, Any], shape: tuple[int, ...], tmp_path: Path) -> None:
    taps = (5, 1) if shape[1] == 1 else (1, 5)
    x = keras.Input(shape, name="x")
    y = layers.Conv2D(4, taps, activation="relu", **options)(x)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(taps)(y))
    check_against_keras(keras.Model(x, layers.Dense(3)(layers.Flatten()(y))), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
def test_conv2d_is_not_confused_by_equal_sizes(data_format: str, tmp_path: Path) -> None:
    check_layer(layers.Conv2D(6, 3, padding="same", use_bias=False, data_format=data_format), (6, 6, 6), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "options",
    [{}, {"strides": 2}, {"dilation_rate": 2}, {"use_bias": False, "activation": "tanh"}],
    ids=str,
)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", [layers.DepthwiseConv2D, layers.SeparableConv2D])
def test_depthwise_and_separable_conv2d(
    kind: type[keras.Layer], padding: str, options: dict[str, Any], data_format: str, tmp_path: Path
) -> None:
    first = {} if kind is layers.DepthwiseConv2D else {"filters": 10}
    layer = kind(kernel_size=(2, 3), depth_multiplier=2, padding=padding, data_format=data_format, **first, **options)
    check_in(data_format, layer, tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": (3, 2), "activation": "relu"},
        {"strides": (1, 4)},
        {"strides": (3, 2), "output_padding": (2, 1)},
        {"strides": (2, 3), "output_padding": (0, 1), "use_bias": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d_transpose(padding: str, options: dict[str, Any], data_format: str, tmp_path: Path) -> None:
    layer = layers.Conv2DTranspose(4, (4, 3), padding=padding, data_format=data_format, **options)
    check_in(data_format, layer, tmp_path)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d_transpose_dilation(padding: str, tmp_path: Path) -> None:
    layer = layers.Conv2DTranspose(4, (2, 3), padding=padding, dilation_rate=2)
    check_in("channels_last", layer, tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(("size", "strides"), [(2, None), ((3, 2), None), ((2, 3), (2, 1)), ((1, 3), 2)], ids=str)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", POOLING)
def test_pooling(
    kind: type[keras.Layer], padding: str, size: Any, strides: Any, data_format: str, tmp_path: Path
) -> None:
    check_in(data_format, kind(size, strides=strides, padding=padding, data_format=data_format), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("kind", GLOBAL)
def test_global_pooling(kind: type[keras.Layer], keepdims: bool, data_format: str, tmp_path: Path) -> None:
    check_in(data_format, kind(keepdims=keepdims, data_format=data_format), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("amount", [0, 2, (1, 0), (0, 3), ((2, 1), (0, 3))], ids=str)
@pytest.mark.parametrize("kind", [layers.ZeroPadding2D, layers.Cropping2D])
def test_padding_and_cropping(kind: type[keras.Layer], amount: Any, data_format: str, tmp_path: Path) -> None:
    check_in(data_format, kind(amount, data_format=data_format), tmp_path)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("size", [1, 2, (1, 3), (3, 2)], ids=str)
def test_up_sampling(size: Any, data_format: str, tmp_path: Path) -> None:
    check_in(data_format, layers.UpSampling2D(size, data_format=data_format), tmp_path)


def test_up_sampling_that_interpolates_is_refused(tmp_path: Path) -> None:
    x = keras.Input((6, 5, 2), name="x")
    keras.Model(x, layers.UpSampling2D(2, interpolation="bilinear")(x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=r"\(UpSampling2D, layer 2\) interpolates with 'bilinear'"):
        read_keras(tmp_path / "model.keras")


def test_spatial_dropout(tmp_path: Path) -> None:
    x = keras.Input((6, 5, 2), name="x")
    check_against_keras(keras.Model(x, layers.SpatialDropout2D(0.5)(layers.Conv2D(3, 2)(x))), tmp_path)


@pytest.mark.parametrize(
    ("layer", "key", "value"),
    [
        (layers.Conv2D(4, 3), "kernel_size", [3, 3, 3]),
        (layers.Conv2D(4, 3), "strides", [1, 0]),
        (layers.Conv2D(4, 3), "padding", "causal"),
        (layers.MaxPooling2D(2), "pool_size", [2, "2"]),
        (layers.ZeroPadding2D(2), "padding", [[1, 2], [1, -2]]),
        (layers.ZeroPadding2D(2), "padding", [1, 2, 3]),
        (layers.Cropping2D(1), "cropping", [[1, 1], [4, 5]]),
        (layers.Conv2DTranspose(4, 3, strides=(3, 2)), "output_padding", [1, 2]),
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense(layer: keras.Layer, key: str, value: Any, tmp_path: Path) -> None:
    x = keras.Input((11, 9, 3), name="x")
    keras.Model(x, layer(x)).save(tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")
    config["config"]["layers"][1]["config"][key] = value
    with pytest.raises(ModelError, match=f"has {key}=.*, which makes no sense"):
        read_keras(with_config(tmp_path / "model.keras", config))


def test_a_wake_word_model_of_keras_2() -> None:
    """A depthwise layer with `groups`, its kernel under the name of Keras 2, and a `scale` that is 1."""
    path = SHARED / "mlperf_tiny_streaming_ww.h5"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    reference = np.load(path.with_suffix(".reference.npz"))
    source = read_keras(path)
    session = onnxruntime.InferenceSession(ir.to_proto(source.graph).SerializeToString())
    (found,) = session.run(None, {source.interface.inputs[0].name: reference["in0"]})
    np.testing.assert_allclose(found, reference["out0"], rtol=1e-5, atol=1e-9)
