"""Each layer singly, between two that must move, in both directions."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, LAST, check, check_same, randomised

FORMATS = pytest.mark.parametrize("source", [FIRST, LAST])
SPATIAL = {3: (21,), 4: (8, 9), 5: (6, 7, 8)}


def start_of(source: str, rank: int, channels: int = 4) -> keras.KerasTensor:
    spatial = SPATIAL[rank]
    return keras.Input((channels, *spatial) if source == FIRST else (*spatial, channels), name="signal")


def between(source: str, rank: int, layer: layers.Layer) -> keras.Model:
    """The layer behind one that must move, and before another where its output has the rank for it.

    They pool over one element, which changes nothing. (A padding they cannot be: TensorFlow 2.21 fuses it wrongly into
    a Conv3D with "same".)
    """
    pooling = getattr(layers, f"MaxPooling{rank - 2}D")
    start = start_of(source, rank)
    x = layer(pooling(1, data_format=source)(start))
    return keras.Model(start, pooling(1, data_format=source)(x) if len(x.shape) == rank else x)


def named(*kinds: str, **options: object) -> list:
    return [pytest.param(kind, options, id=f"{kind}-{options}") for kind in kinds]


FORMATTED = [
    *named("Conv1D", "Conv2D", "Conv3D", filters=5, kernel_size=3, strides=2, padding="same"),
    *named("Conv1D", filters=6, kernel_size=2, groups=2, dilation_rate=2, activation="relu"),
    *named("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", filters=5, kernel_size=3, strides=2),
    *named("DepthwiseConv1D", "DepthwiseConv2D", kernel_size=3, depth_multiplier=2),
    *named("SeparableConv1D", "SeparableConv2D", filters=5, kernel_size=3, depth_multiplier=2),
    *named("MaxPooling1D", "AveragePooling2D", "MaxPooling3D", pool_size=3, strides=2, padding="same"),
    *named("AveragePooling1D", "MaxPooling2D", "AveragePooling3D", pool_size=2),
    *named("GlobalAveragePooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling3D"),
    *named("GlobalMaxPooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling3D", keepdims=True),
    *named("AdaptiveAveragePooling1D", "AdaptiveMaxPooling1D", output_size=3),
    *named("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", padding=2),
    *named("Cropping2D", "Cropping3D", cropping=1),
    *named("UpSampling2D", size=(2, 3)),
    *named("UpSampling3D", size=2),
    *named("STFTSpectrogram", frame_length=8, frame_step=4, fft_length=8),
    *named("STFTSpectrogram", frame_length=8, frame_step=4, fft_length=8, expand_dims=True, mode="angle"),
    *named("SpatialDropout2D", "SpatialDropout3D", rate=0.5),
]


def rank_of(kind: str) -> int:
    return 2 + next((int(digit) for digit in kind if digit.isdigit()), 1)


@FORMATS
@pytest.mark.parametrize(("kind", "options"), FORMATTED)
def test_layers_with_a_data_format(kind: str, options: dict, source: str) -> None:
    layer = getattr(layers, kind)(data_format=source, **options)
    moves_data = not kind.startswith(("Conv", "Depth", "Sep", "Average", "Global", "Adaptive", "STFT"))
    check(between(source, rank_of(kind), layer), source, exact=moves_data)


ALONG = [
    (3, lambda axis: layers.BatchNormalization(axis=axis)),
    (4, lambda axis: layers.BatchNormalization(axis=axis)),
    (5, lambda axis: layers.GroupNormalization(groups=2, axis=axis)),
    (4, lambda axis: layers.LayerNormalization(axis=axis)),
    (4, lambda axis: layers.UnitNormalization(axis=axis)),
    (4, lambda axis: layers.Softmax(axis=axis)),
]


@FORMATS
@pytest.mark.parametrize(("rank", "make"), ALONG)
def test_layers_along_the_channels(rank: int, make: Callable, source: str) -> None:
    layer = make(1 if source == FIRST else -1)
    result = check(between(source, rank, layer), source)
    axis = result.model.get_layer(layer.name).axis
    assert axis in ((-1, [-1]) if source == FIRST else (1, [1]))


@FORMATS
@pytest.mark.parametrize(("rank", "axis"), [(3, [1, 2]), (4, [1, 3]), (4, [2, 3]), (4, [1, 2, 3])])
def test_layer_normalization_over_several_axes(rank: int, axis: list, source: str) -> None:
    check(between(source, rank, layers.LayerNormalization(axis=axis)), source)


@FORMATS
def test_layer_normalization_over_axes_from_both_ends(source: str) -> None:
    """Keras sorts -1 before 1, and reads the weights as if it were behind it."""
    check(between(source, 4, layers.LayerNormalization(axis=[1, -1])), source, permutes=2)


@FORMATS
@pytest.mark.parametrize("axis", [None, 1, -1, (1, 2), (2, 1)])
def test_normalization_by_what_it_learnt(axis: object, source: str) -> None:
    layer = layers.Normalization(axis=axis)
    layer.adapt(np.random.default_rng(0).standard_normal((9, *start_of(source, 3).shape[1:])) * 3 + 1)
    model = between(source, 3, layer)
    result = relayout(model, source, verify=False)
    check_same(model, result)
    assert result.permutations == ()


@FORMATS
def test_normalization_by_what_it_was_given(source: str) -> None:
    mean = [0.0, 1.0, 2.0, 3.0]
    check(between(source, 3, layers.Normalization(1 if source == FIRST else -1, mean, [1.0, 4.0, 9.0, 1.0])), source)


@FORMATS
@pytest.mark.parametrize("shared", [None, [1], [2], [1, 2], [-1]])
def test_prelu(shared: list | None, source: str) -> None:
    """To Keras -1 is the axis before the last; on the way back it is its number."""
    check(between(source, 3, layers.PReLU(shared_axes=shared)), source, exact=True, round_trip=shared != [-1])


def test_prelu_in_two_dimensions() -> None:
    check(between(FIRST, 4, layers.PReLU(shared_axes=[2])), FIRST, exact=True)


@FORMATS
def test_activations(source: str) -> None:
    for layer in (layers.ReLU(6.0), layers.LeakyReLU(), layers.ELU(), layers.Activation("gelu"), layers.Rescaling(2.0)):
        check(between(source, 3, layer), source)


@FORMATS
def test_a_softmax_activation_works_over_the_last_axis(source: str) -> None:
    """Behind the move that axis is another, which a Softmax as the activation says."""
    result = check(between(source, 3, layers.Activation("softmax", name="odds")), source)
    assert result.model.get_layer("odds").activation.axis in (1, -2)


@FORMATS
@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
def test_merges(kind: str, source: str) -> None:
    start = start_of(source, 3)
    x = layers.ZeroPadding1D(1, data_format=source)(start)
    y = layers.MaxPooling1D(3, 1, padding="same", data_format=source)(x)
    z = layers.GlobalMaxPooling1D(keepdims=True, data_format=source)(x)
    parts = [x, y] if kind == "Subtract" else [x, y, z]
    check(keras.Model(start, getattr(layers, kind)()(parts)), source)


@FORMATS
def test_features_joined_along_the_batch(source: str) -> None:
    start = keras.Input(batch_shape=(2, 4, 21) if source == FIRST else (2, 21, 4))
    flat = layers.Flatten()(layers.ZeroPadding1D(1, data_format=source)(start))
    joined = layers.Concatenate(axis=0)([flat, layers.ReLU()(flat)])
    check(keras.Model(start, layers.Dense(3)(joined)), source, permutes=1)


@FORMATS
@pytest.mark.parametrize("axes", [1, 2, -1, (1, 2), (2, 1)])
@pytest.mark.parametrize("normalize", [True, False])
def test_dot_multiplies_along_the_same_axes(axes: int | tuple, normalize: bool, source: str) -> None:
    """Also where as many channels as steps hide which axis it is; what it makes has the order that it had."""
    start = keras.Input((6, 6), name="signal")
    pairs = [layers.Conv1D(6, 3, padding="same", data_format=source)(start) for _ in range(2)]
    product = layers.Dot(axes, normalize=normalize, name="product")(pairs)
    result = check(keras.Model(start, layers.Dense(4)(product)), source)
    assert not result.permutations


@FORMATS
def test_a_merge_with_a_tensor_of_lower_rank_stays(source: str) -> None:
    """Keras puts the missing axis behind the batch."""
    start = start_of(source, 3)
    more = keras.Input((21,) if source == FIRST else (4,))
    x = layers.MaxPooling1D(3, 1, padding="same", data_format=source)(start)
    x = layers.ZeroPadding1D(1, data_format=source)(layers.Multiply()([x, more]))
    result = check(keras.Model([start, more], x), source, permutes=2)
    assert any("fewer axes" in each.reason for each in result.permutations)


@pytest.mark.parametrize(
    "layer",
    [
        layers.LSTM(4, return_sequences=True),
        layers.Bidirectional(layers.GRU(2, return_sequences=True)),
        layers.Dense(4),
        layers.RMSNormalization(),
        layers.EinsumDense("abc,cd->abd", (None, 4)),
        layers.TimeDistributed(layers.Dense(4)),
        layers.Lambda(lambda x: x[:, ::-1]),
    ],
    ids=lambda layer: layer.name,
)
@FORMATS
def test_layers_that_run_as_written(layer: layers.Layer, source: str) -> None:
    clone = (
        layers.Lambda(layer.function) if type(layer) is layers.Lambda else type(layer).from_config(layer.get_config())
    )
    result = check(between(source, 3, clone), source, permutes=2)
    assert all(layer.name in each.reason for each in result.permutations)


@FORMATS
def test_attention_runs_as_written(source: str) -> None:
    start = start_of(source, 3)
    x = layers.MaxPooling1D(3, 1, padding="same", data_format=source)(start)
    x = layers.MultiHeadAttention(2, 3)(x, x)
    check(keras.Model(start, layers.ZeroPadding1D(1, data_format=source)(x)), source, permutes=2)


@FORMATS
def test_spatial_dropout_drops_what_it_dropped(source: str) -> None:
    """It drops along axis 1 by definition; in the other layout a Dropout says so, and back it is what it was."""
    result = check(between(source, 3, layers.SpatialDropout1D(0.5, seed=1, name="drop")), source, exact=True)
    twin = result.model.get_layer("drop")
    assert (type(twin), twin.noise_shape) == (layers.Dropout, (None, None, 1))
    ones = twin(keras.ops.ones((2, 5, 6)), training=True)
    assert len({tuple(row) for row in keras.ops.convert_to_numpy(ones).reshape(10, 6).tolist()}) == 2


@FORMATS
@pytest.mark.parametrize(
    "layer", [layers.UpSampling1D(3), layers.Cropping1D((1, 2)), layers.Cropping1D((0, 2)), layers.Cropping1D((2, 0))]
)
def test_layers_along_axis_1_by_definition(layer: layers.Layer, source: str) -> None:
    """An operation node of the same name does the same when moved. A Sequential holds none, and gets Permutes."""
    twin = type(layer).from_config(layer.get_config())
    check(between(source, 3, twin), source, exact=True)
    parts = [
        start_of(source, 3),
        layers.MaxPooling1D(1, data_format=source),
        type(layer).from_config(layer.get_config()),
    ]
    parts.append(layers.MaxPooling1D(1, data_format=source))
    result = check(keras.Sequential(parts), source, permutes=2, exact=True)
    assert any("which a Sequential cannot hold" in each.reason for each in result.permutations)


def test_a_class_without_a_rule_runs_as_written() -> None:
    class Reversed(layers.Layer):
        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return x[:, ::-1]

    result = check(between(LAST, 3, Reversed()), LAST, permutes=2)
    assert any("not known" in each.reason for each in result.permutations)


def test_a_class_of_the_user_keeps_its_name() -> None:
    """Which its configuration does not have, where Keras makes that of the constructor's arguments."""

    class Scaled(layers.Layer):
        def __init__(self, factor: float = 2.0, **options: object) -> None:
            super().__init__(**options)
            self.factor = factor

        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return x * self.factor

    layer = Scaled(3.0)
    assert check(between(LAST, 3, layer), LAST, permutes=2).model.get_layer(layer.name).factor == 3.0


def test_a_class_of_the_user_with_a_data_format_is_refused() -> None:
    class OwnConv(layers.Conv1D):
        pass

    with pytest.raises(UnsupportedError, match=r"\(OwnConv\) is channels_first, and nothing says how"):
        relayout(between(FIRST, 3, OwnConv(4, 3, data_format=FIRST)), FIRST)


def test_a_class_of_the_user_with_a_known_name_has_no_rule() -> None:
    class Relu(layers.Layer):
        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return x[:, ::-1]

    check(between(LAST, 3, Relu()), LAST, permutes=2)


def test_a_subclassed_model_is_refused() -> None:
    class Own(keras.Model):
        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return x

    with pytest.raises(UnsupportedError, match="not a Functional or built Sequential"):
        relayout(Own(), FIRST)
    with pytest.raises(UnsupportedError, match="not a Functional or built Sequential"):
        relayout(keras.Sequential([layers.Conv1D(2, 3)]), LAST)


def test_what_is_in_the_other_format_stays() -> None:
    """A model of both formats: a channels_last part behind a Permute."""
    start = start_of(FIRST, 4)
    x = layers.Conv2D(5, 3, data_format=FIRST)(start)
    x = layers.Conv2D(3, 3, data_format=LAST)(layers.Permute((2, 3, 1))(x))
    x = layers.Conv2D(2, 2, data_format=FIRST)(layers.Permute((3, 1, 2))(x))
    result = check(randomised(keras.Model(start, x)), FIRST, round_trip=False)
    assert not any(type(layer) is layers.Permute for layer in result.model.layers)
