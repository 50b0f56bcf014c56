"""Conv1D, DepthwiseConv1D, SeparableConv1D and Conv1DTranspose against real Keras."""

from pathlib import Path
from typing import Any

import pytest
from keras import layers

from tests.frontends.keras.support import FORMATS, check_layer, shaped, time_axis

LENGTH = 19
"""Divisible by none of the strides."""


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 4, 5])
@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
def test_conv1d_pads_as_keras_does(padding: str, kernel: int, stride: int, tmp_path: Path) -> None:
    layer = layers.Conv1D(5, kernel, strides=stride, padding=padding)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("length", [16, 17, 18, 20])
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 3), (2, 3)])
def test_conv1d_same_padding_depends_on_the_length(kernel: int, stride: int, length: int, tmp_path: Path) -> None:
    check_layer(layers.Conv1D(2, kernel, strides=stride, padding="same"), (length, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("dilation", [2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
def test_conv1d_dilation(padding: str, kernel: int, dilation: int, tmp_path: Path) -> None:
    layer = layers.Conv1D(5, kernel, dilation_rate=dilation, padding=padding)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}], ids=str)
@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("groups", [2, 3, 6])
def test_conv1d_groups(groups: int, padding: str, options: dict[str, int], tmp_path: Path) -> None:
    layer = layers.Conv1D(12, 3, groups=groups, padding=padding, **options)
    check_layer(layer, (LENGTH, 6), tmp_path, open_time=1)


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}, {"groups": 2}], ids=str)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv1d_channels_first(padding: str, options: dict[str, int], tmp_path: Path) -> None:
    layer = layers.Conv1D(6, 4, padding=padding, data_format="channels_first", **options)
    check_layer(layer, (4, LENGTH), tmp_path, open_time=2)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("activation", [None, "relu", "softmax"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_conv1d_bias_and_activation(use_bias: bool, activation: str | None, data_format: str, tmp_path: Path) -> None:
    """A softmax goes over the last axis, which is time in a channels-first layer."""
    layer = layers.Conv1D(5, 3, use_bias=use_bias, activation=activation, data_format=data_format)
    check_layer(layer, shaped(data_format, LENGTH, 3), tmp_path, open_time=time_axis(data_format))


@pytest.mark.parametrize("data_format", FORMATS)
def test_conv1d_is_not_confused_by_equal_sizes(data_format: str, tmp_path: Path) -> None:
    """With as many channels as samples, no size tells the axes apart.

    Without a bias where channels come first: `keras.ops.add` of Keras 3.15 looks for the axis of a bias by its size,
    takes the last one here, and so computes something else in eager mode than in `predict`.
    """
    layer = layers.Conv1D(8, 3, padding="same", data_format=data_format, use_bias=data_format == "channels_last")
    check_layer(layer, (8, 8), tmp_path)


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"strides": 3}, {"dilation_rate": 2}], ids=str)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_conv1d(multiplier: int, padding: str, options: dict[str, int], tmp_path: Path) -> None:
    layer = layers.DepthwiseConv1D(4, depth_multiplier=multiplier, padding=padding, **options)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}, {"padding": "same"}], ids=str)
def test_depthwise_conv1d_channels_first(options: dict[str, Any], tmp_path: Path) -> None:
    layer = layers.DepthwiseConv1D(
        3, depth_multiplier=2, use_bias=False, activation="relu", data_format="channels_first", **options
    )
    check_layer(layer, (3, LENGTH), tmp_path, open_time=2)


@pytest.mark.parametrize(
    "options",
    [{}, {"strides": 2}, {"strides": 3}, {"dilation_rate": 3}, {"use_bias": False, "activation": "tanh"}],
    ids=str,
)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_separable_conv1d(multiplier: int, padding: str, options: dict[str, Any], tmp_path: Path) -> None:
    layer = layers.SeparableConv1D(5, 4, depth_multiplier=multiplier, padding=padding, **options)
    check_layer(layer, (LENGTH, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}], ids=str)
def test_separable_conv1d_channels_first(options: dict[str, Any], tmp_path: Path) -> None:
    layer = layers.SeparableConv1D(5, 3, depth_multiplier=2, data_format="channels_first", **options)
    check_layer(layer, (3, LENGTH), tmp_path, open_time=2)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv1d_transpose(padding: str, kernel: int, stride: int, tmp_path: Path) -> None:
    """Also where the kernel is smaller than the stride, which leaves samples that are bias alone."""
    layer = layers.Conv1DTranspose(5, kernel, strides=stride, padding=padding)
    check_layer(layer, (7, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("output_padding", [0, 1, 2])
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv1d_transpose_output_padding(padding: str, kernel: int, output_padding: int, tmp_path: Path) -> None:
    layer = layers.Conv1DTranspose(5, kernel, strides=3, padding=padding, output_padding=output_padding)
    check_layer(layer, (7, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("dilation", [2, 3])
@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv1d_transpose_dilation(padding: str, kernel: int, dilation: int, tmp_path: Path) -> None:
    layer = layers.Conv1DTranspose(5, kernel, padding=padding, dilation_rate=dilation)
    check_layer(layer, (7, 3), tmp_path, open_time=1)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "options", [{"use_bias": False, "activation": "relu"}, {"strides": 2, "padding": "same"}], ids=str
)
def test_conv1d_transpose_in_both_formats(options: dict[str, Any], data_format: str, tmp_path: Path) -> None:
    layer = layers.Conv1DTranspose(4, 3, data_format=data_format, **options)
    check_layer(layer, shaped(data_format, 7, 3), tmp_path, open_time=time_axis(data_format))
