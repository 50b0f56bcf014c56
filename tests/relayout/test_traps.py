"""Models on which converters of data formats go wrong, each by name."""

import keras
import numpy as np
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from tests.relayout.support import (
    FIRST,
    FORMATS,
    LAST,
    channel_axis,
    check,
    check_same,
    conv,
    permutes,
    randomised,
    run,
    signal,
    turn,
)


@FORMATS
def test_flatten_then_dense(source: str) -> None:
    x = start = signal(source)
    x = layers.Flatten()(conv(source, 5)(x))
    x = layers.Dense(4)(layers.Activation("tanh")(layers.BatchNormalization()(x)))
    result = check(keras.Model(start, x), source)
    assert "target_shape" not in str(result.changed)


@FORMATS
@pytest.mark.parametrize("rank", [4, 5])
def test_flatten_in_more_dimensions_then_dense(rank: int, source: str) -> None:
    """Here the way there is not the way back."""
    spatial = (3, 4, 5)[: rank - 2]
    start = keras.Input((2, *spatial) if source == FIRST else (*spatial, 2))
    x = layers.Flatten()(getattr(layers, f"Conv{rank - 2}D")(6, 2, data_format=source)(start))
    check(keras.Model(start, layers.Dense(3)(x)), source)


@FORMATS
def test_flatten_beside_other_features_then_dense(source: str) -> None:
    start, more = signal(source), keras.Input((2,))
    flat = layers.Flatten()(conv(source, 5)(start))
    x = layers.Concatenate()([more, flat, layers.GlobalMaxPooling1D(data_format=source)(start)])
    check(keras.Model([start, more], layers.Dense(4)(layers.LayerNormalization()(x))), source)


def test_flatten_that_is_channels_first_itself_then_dense() -> None:
    start = signal(FIRST)
    x = layers.Dense(4)(layers.Flatten(data_format=FIRST)(conv(FIRST, 5)(start)))
    model = randomised(keras.Model(start, x))
    kernel = model.get_weights()[-2]
    result = check(model, FIRST)
    np.testing.assert_array_equal(result.model.get_weights()[-2], kernel)


@FORMATS
def test_flatten_as_an_output_keeps_its_order(source: str) -> None:
    start = signal(source)
    check(keras.Model(start, layers.Flatten()(conv(source, 5)(start))), source, permutes=1)


@FORMATS
@pytest.mark.parametrize("axis", [1, 2, -1, -2, [1], [1, 2], [-1, -2]], ids=str)
@pytest.mark.parametrize(
    "kind", [layers.Softmax, layers.LayerNormalization, layers.UnitNormalization], ids=lambda k: k.__name__
)
def test_softmax_and_normalization_over_an_explicit_axis(kind: type, axis: object, source: str) -> None:
    start = signal(source)
    model = keras.Model(start, conv(source, 4)(kind(axis=axis)(conv(source, 5)(start))))
    check(model, source, round_trip=axis != [-1, -2])


@FORMATS
@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_concatenate_over_an_explicit_axis(axis: int, source: str) -> None:
    start = signal(source)
    x = layers.Concatenate(axis=axis)([conv(source, 5)(start), conv(source, 5)(start)])
    check(keras.Model(start, conv(source, 4)(x)), source)


@FORMATS
def test_reshape_in_the_middle(source: str) -> None:
    """`[.., 16]` to `[.., 2, 8]` and a convolution in two dimensions, as periods are folded."""
    start = signal(source)
    x = conv(source, 4)(start)
    x = layers.Reshape((4, 2, 8) if source == FIRST else (2, 8, 4))(x)
    x = layers.Conv2D(5, 2, padding="same", data_format=source)(x)
    x = layers.Reshape((5, 16) if source == FIRST else (16, 5))(x)
    check(keras.Model(start, conv(source, 2)(x)), source)


@FORMATS
def test_reshape_that_mixes_the_axes(source: str) -> None:
    """What a person would call a bug, but what the model computes: `[3, 16]` read as `[8, 6]`."""
    start = signal(source)
    x = layers.Reshape((8, 6))(conv(source, 3)(start))
    check(keras.Model(start, conv(source, 2)(x)), source, permutes=2)


@FORMATS
def test_dense_then_reshape(source: str) -> None:
    start = keras.Input((7,))
    x = layers.Dense(20, activation="relu")(start)
    x = layers.Reshape((4, 5) if source == FIRST else (5, 4))(x)
    check(keras.Model(start, conv(source, 2)(x)), source)


@FORMATS
def test_flatten_dense_reshape(source: str) -> None:
    start = signal(source)
    x = layers.Dense(20)(layers.Flatten()(conv(source, 5)(start)))
    x = layers.Reshape((4, 5) if source == FIRST else (5, 4))(x)
    check(keras.Model(start, conv(source, 2)(x)), source)


@FORMATS
def test_permute_in_the_middle(source: str) -> None:
    """The Permutes around an LSTM are there for it, and are not needed any more."""
    start = signal(source)
    x = layers.Permute((2, 1))(conv(source, 4)(start))
    x = layers.Permute((2, 1))(layers.LSTM(6, return_sequences=True)(x))
    model = keras.Model(start, conv(source, 2)(x))
    result = check(model, source, round_trip=False)
    assert permutes(result.model) == 0


def test_lstm_behind_a_convolution() -> None:
    start = signal(LAST)
    x = layers.LSTM(6, return_sequences=True)(conv(LAST, 4)(start))
    result = check(keras.Model(start, conv(LAST, 2)(x)), LAST, permutes=2)
    assert any("steps along axis 1" in permute.reason for permute in result.permutations)


@FORMATS
def test_channels_equal_to_length(source: str) -> None:
    start = signal(source, 8, 8)
    x = layers.BatchNormalization(axis=channel_axis(source))(conv(source, 8)(start))
    x = layers.PReLU(shared_axes=[2] if source == FIRST else [1])(x)
    x = layers.Softmax(axis=1)(conv(source, 8)(x))
    check(keras.Model(start, layers.Dense(3)(layers.Flatten()(x))), source)


@FORMATS
def test_shared_layers_used_in_two_places(source: str) -> None:
    """One Dense behind two Flattens of other shapes: its rows cannot be in two orders, so the signals turn back."""
    one, two = signal(source, 4, 6), keras.Input(signal(source, 6, 4).shape[1:])
    dense = layers.Dense(3)
    outputs = [dense(layers.Flatten()(conv(source, each.shape[channel_axis(source)])(each))) for each in (one, two)]
    result = check(keras.Model([one, two], layers.Add()(outputs)), source, permutes=2)
    assert all("different configurations" in each.reason or "Flatten" in each.reason for each in result.permutations)


@FORMATS
@pytest.mark.parametrize("sequential", [False, True])
def test_nested_models(sequential: bool, source: str) -> None:
    """The order of the features that a backbone flattens is for the Dense outside to follow."""
    inside, start = signal(source), signal(source)
    parts = [conv(source, 5), layers.Flatten()]
    inner = keras.Sequential([inside, *parts]) if sequential else keras.Model(inside, parts[1](parts[0](inside)))
    check(keras.Model(start, layers.Dense(3)(inner(start))), source)


@FORMATS
def test_a_residual_that_adds_a_transposed_branch(source: str) -> None:
    """`x + transpose(x)` with as many channels as steps: one of the two must stay transposed."""
    start = signal(source, 6, 6)
    x = conv(source, 6)(start)
    x = layers.Add()([x, layers.Permute((2, 1))(x)])
    result = check(keras.Model(start, conv(source, 6)(x)), source)
    assert permutes(result.model) == 1


@FORMATS
def test_a_residual_whose_branch_is_transposed_there_and_back(source: str) -> None:
    start = signal(source, 4, 6)
    x = conv(source, 4)(start)
    branch = layers.Permute((2, 1))(layers.Activation("tanh")(layers.Permute((2, 1))(x)))
    result = check(keras.Model(start, conv(source, 6)(layers.Add()([x, branch]))), source, round_trip=False)
    assert permutes(result.model) == 0


def test_inputs_and_outputs_can_be_kept() -> None:
    start = signal(FIRST)
    model = keras.Model(start, conv(FIRST, 4)(conv(FIRST, 5)(start)))
    result = check(model, FIRST, permutes=2, inputs="keep")
    assert result.inputs == result.outputs == (None,)
    assert result.model.input_shape == model.input_shape
    moved = relayout(model, FIRST)
    assert moved.inputs == moved.outputs == ((0, 2, 1),)


def test_a_channels_first_model_equals_its_numpy_reading_where_channels_equal_length() -> None:
    """The documented meaning, computed by hand, since Keras itself confuses the axes of the bias there."""
    start = signal(FIRST, 3, 8)
    model = randomised(keras.Model(start, conv(FIRST, 8)(start)))
    kernel, bias = model.get_weights()
    x = np.random.default_rng(3).standard_normal((2, 3, 8)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    want = sum(np.einsum("ncw,cf->nwf", padded[:, :, k : k + 8], kernel[k]) for k in range(3)) + bias
    have = run(relayout(model, FIRST).model, [turn(x, (0, 2, 1))])[0]
    np.testing.assert_allclose(have, want, atol=1e-6)


def test_the_comparison_sees_a_wrong_weight() -> None:
    start = signal(FIRST)
    model = randomised(keras.Model(start, layers.Dense(4)(layers.Flatten()(conv(FIRST, 5)(start)))))
    result = relayout(model, FIRST)
    kernel = result.model.layers[-1].kernel
    kernel.assign(np.asarray(kernel)[::-1])
    with pytest.raises(AssertionError):
        check_same(model, result)


@FORMATS
def test_an_input_flattened_beside_a_convolution(source: str) -> None:
    """What is known of one part of a concatenation must not be taken for the whole."""
    start, other = signal(source), signal(source, 4, 6)
    other = keras.Input(other.shape[1:], name="other")
    flat = [layers.Flatten()(start), layers.Flatten()(conv(source, 5)(other))]
    check(keras.Model({"signal": start, "other": other}, layers.Dense(4)(layers.Concatenate()(flat))), source)


def test_a_mask_is_handed_on() -> None:
    start = signal(LAST, 4)
    masked = layers.Masking()(start)
    x = layers.LSTM(3, return_sequences=True)(masked)
    x = layers.Activation("tanh")(x)
    gate = conv(LAST, 3)(start)
    model = randomised(keras.Model(start, layers.LSTM(2)(layers.Add()([x, gate]))))
    result = relayout(model, LAST, verify=False)
    arrays = np.random.default_rng(0).standard_normal((2, 16, 4)).astype(np.float32)
    arrays[:, 9:] = 0
    np.testing.assert_allclose(
        run(result.model, [turn(arrays, result.inputs[0])])[0], run(model, [arrays])[0], atol=1e-6
    )


def test_a_mask_in_a_sequential_that_would_need_a_permute_is_refused() -> None:
    parts = [signal(LAST, 4), layers.Masking(), layers.LSTM(3, return_sequences=True), conv(LAST, 3)]
    with pytest.raises(UnsupportedError, match="hands on a mask"):
        relayout(keras.Sequential(parts), LAST)


def test_a_model_without_any_data_format_keeps_its_inputs() -> None:
    start = signal(LAST)
    x = layers.Permute((2, 1))(layers.Dense(4)(layers.Permute((2, 1))(start)))
    result = check(keras.Model(start, x), LAST)
    assert result.inputs == result.outputs == (None,)
    assert result.model.get_config() == keras.Model.from_config(result.model.get_config()).get_config()
