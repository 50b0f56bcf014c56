"""Operation nodes between layers, in both directions and at ranks 3 and 4."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from ovprep.errors import UnsupportedError
from ovprep.relayout.convert import relayout
from tests.relayout.support import FIRST, LAST, check, check_same, randomised

FORMATS = pytest.mark.parametrize("source", [FIRST, LAST])


def model_of(source: str, rank: int, function: Callable, length: int = 6) -> keras.Model:
    """`function` of a tensor `[N, C=4, H, W]` or in the other format, between layers that must move."""
    spatial = (5, length)[4 - rank :]
    start = keras.Input((4, *spatial) if source == FIRST else (*spatial, 4))
    x = function(getattr(layers, f"MaxPooling{rank - 2}D")(1, data_format=source)(start))
    if len(x.shape) in (3, 4):
        x = getattr(layers, f"MaxPooling{len(x.shape) - 2}D")(1, data_format=source)(x)
    return keras.Model(start, x)


table = np.linspace(-1, 1, 4 * 6, dtype=np.float32).reshape(4, 6)

ANY_RANK = {
    "arithmetic": lambda x: (x * 2 - 1) / (x + 5.0),
    "functions": lambda x: ops.tanh(ops.exp(-ops.abs(x))),
    "residual": lambda x: ops.maximum(x, ops.square(x) * 0.1),
    "mean": lambda x: ops.mean(x, axis=1),
    "mean of the last": lambda x: ops.mean(x, axis=-1),
    "kept mean": lambda x: x - ops.mean(x, axis=-1, keepdims=True),
    "deviation": lambda x: x / (0.1 + ops.std(x, axis=1, keepdims=True)),
    "sum of two": lambda x: ops.sum(x, axis=(1, 2)),
    "max of all": lambda x: x + ops.max(x, keepdims=True),
    "softmax": lambda x: ops.softmax(x, axis=1),
    "softmax of the last": lambda x: ops.softmax(x, axis=-1),
    "concatenate": lambda x: ops.concatenate([x, x * 2], axis=1),
    "concatenate the last": lambda x: ops.concatenate([x, x * 2], axis=-1),
    "slice": lambda x: x[:, 1:],
    "slice of the last": lambda x: x[..., ::2],
    "number": lambda x: x[:, 1],
    "number of the last": lambda x: x[..., -1],
    "gated": lambda x: ops.glu(x, axis=1) if x.shape[1] % 2 == 0 else x,
    "take": lambda x: ops.take(x, [2, 0, 1], axis=1),
    "flip": lambda x: ops.flip(x, axis=1),
    "roll": lambda x: ops.roll(x, 1, axis=-1),
    "cumsum": lambda x: ops.cumsum(x, axis=1),
    "squeeze": lambda x: ops.squeeze(ops.max(x, axis=-1, keepdims=True), axis=-1),
    "expand and squeeze": lambda x: ops.squeeze(ops.expand_dims(x, 1) * 2, 1),
    "clip": lambda x: ops.clip(x, -0.5, 0.5),
    "split": lambda x: ops.split(x, 2, axis=1)[0] if x.shape[1] % 2 == 0 else x,
    "pad": lambda x: ops.pad(x, [[0, 0], *[[axis, 1] for axis in range(len(x.shape) - 1)]]),
}


DROPPING = {FIRST: {"mean", "number"}, LAST: {"mean of the last", "number of the last", "squeeze"}}


@FORMATS
@pytest.mark.parametrize("rank", [3, 4])
@pytest.mark.parametrize("name", ANY_RANK)
def test_operations(name: str, rank: int, source: str) -> None:
    drops_channels = name in DROPPING[source] and rank == 4  # what then is the first axis was a spatial one
    check(model_of(source, rank, ANY_RANK[name]), source, permutes=int(drops_channels))


@FORMATS
def test_constants_move_with_the_tensors(source: str) -> None:
    """A table of the whole item, one per channel or step, and one per last axis."""
    shape = (4, 6) if source == FIRST else (6, 4)
    check(model_of(source, 3, lambda x: x * table.reshape(shape)), source)
    check(model_of(source, 3, lambda x: x + table[0, : shape[1]]), source)
    check(model_of(source, 3, lambda x: ops.subtract(table.reshape(shape)[:, :1], x)), source)


@FORMATS
def test_arrays_that_are_joined_stay_as_they_are(source: str) -> None:
    """With as many channels as steps, nothing but the values would tell."""
    table = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    start = keras.Input(batch_shape=(2, 4, 4))
    pooled = layers.MaxPooling1D(1, data_format=source)(start)
    joined = ops.concatenate([pooled, table], axis=1 if source == FIRST else -1)
    check(keras.Model(start, layers.MaxPooling1D(1, data_format=source)(joined)), source, permutes=2)
    flat = ops.concatenate([layers.Flatten()(pooled), table[:, 0]], axis=-1)
    check(keras.Model(start, layers.Dense(3)(flat)), source, permutes=1)


@FORMATS
def test_constants_follow_flattened_features(source: str) -> None:
    def function(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Dense(3)(layers.Flatten()(x) * table.ravel())

    check(model_of(source, 3, function), source)


@FORMATS
def test_reshape_and_transpose(source: str) -> None:
    check(model_of(source, 3, lambda x: layers.Dense(3)(ops.reshape(x, (-1, 24)))), source)
    folded = (-1, 4, 2, 3) if source == FIRST else (-1, 2, 3, 4)
    check(model_of(source, 3, lambda x: ops.reshape(x, folded)), source)
    result = check(
        model_of(source, 3, lambda x: ops.transpose(ops.transpose(x, (0, 2, 1)) * 2, (0, 2, 1))),
        source,
        round_trip=False,
    )
    assert not any(type(op).__name__ == "Transpose" for op in result.model.operations)


@FORMATS
def test_a_transpose_that_is_none_of_the_two_moves(source: str) -> None:
    check(model_of(source, 4, lambda x: ops.transpose(x, (0, 2, 1, 3))), source)


@FORMATS
def test_matmul_runs_as_written(source: str) -> None:
    def gram(x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.matmul(x, ops.transpose(x, (0, 2, 1)))

    result = check(model_of(source, 3, gram), source, permutes=2)
    assert all("Matmul" in each.reason for each in result.permutations)


@FORMATS
def test_a_row_becomes_an_image_and_back(source: str) -> None:
    """The new axis is the height, wherever that stands."""
    height = 2 if source == FIRST else 1
    check(model_of(source, 3, lambda x: ops.expand_dims(x, height)), source)
    there_and_back = lambda x: ops.squeeze(layers.Conv2D(3, 1, data_format=source)(ops.expand_dims(x, height)), height)  # noqa: E731
    check(model_of(source, 3, there_and_back), source)


KERNEL = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
WITH_A_FORMAT = {
    "conv": lambda x, source: ops.conv(x, KERNEL, padding="same", data_format=source),
    "depthwise_conv": lambda x, source: ops.depthwise_conv(x, KERNEL, padding="same", data_format=source),
    "max_pool": lambda x, source: ops.max_pool(x, 2, data_format=source),
    "average_pool": lambda x, source: ops.average_pool(x, 2, 1, "same", data_format=source),
}


@FORMATS
@pytest.mark.parametrize("name", WITH_A_FORMAT)
def test_operations_with_a_data_format(name: str, source: str) -> None:
    check(model_of(source, 3, lambda x: WITH_A_FORMAT[name](x, source)), source)


@FORMATS
def test_operations_on_images_with_a_data_format(source: str) -> None:
    check(model_of(source, 4, lambda x: ops.image.resize(x, (7, 4), data_format=source)), source)
    check(model_of(source, 4, lambda x: ops.nn.depth_to_space(x, 2, data_format=source)), source, exact=True)


def test_an_operation_with_a_data_format_that_is_not_known_is_refused() -> None:
    model = model_of(FIRST, 4, lambda x: ops.image.gaussian_blur(x, data_format=FIRST))
    with pytest.raises(UnsupportedError, match=r"\(GaussianBlur\) is channels_first, and nothing says how"):
        relayout(model, FIRST)


AS_WRITTEN = {
    "bounds in arrays": lambda x: ops.clip(x, np.linspace(-0.5, 0, x.shape[-1]).astype(np.float32), 1.0),
    "bounds in lists": lambda x: ops.clip(x, np.linspace(-0.5, 0, x.shape[-1]).tolist(), 1.0),
    "place of all": lambda x: x + ops.cast(ops.argmax(x, keepdims=True), "float32"),
    "table of rows": lambda x: ops.take(x, np.array([[0, 1, 2], [2, 1, 0]]), axis=1),
}


@FORMATS
@pytest.mark.parametrize("name", AS_WRITTEN)
def test_operations_that_run_as_written(name: str, source: str) -> None:
    model = model_of(source, 3, AS_WRITTEN[name])
    result = relayout(randomised(model), source, verify=False)
    check_same(model, result)
    assert len(result.permutations) == 2


@FORMATS
def test_rows_taken_by_a_table_are_an_output_of_another_rank(source: str) -> None:
    start = keras.Input((4, 6) if source == FIRST else (6, 4))
    rows = ops.take(layers.MaxPooling1D(1, data_format=source)(start), np.array([[0, 1, 2], [2, 1, 0]]), axis=1)
    model = keras.Model(start, rows * 2.0)
    check_same(model, relayout(model, source, verify=False))
