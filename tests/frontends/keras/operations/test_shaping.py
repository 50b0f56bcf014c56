"""Shapes, orders of axes, repeats and padding between layers against real Keras."""

from pathlib import Path

import keras
import pytest
from keras import layers, ops

from tests.frontends.keras.operations.table import Function, check_functions
from tests.frontends.keras.support import check_against_keras

SHAPES: dict[str, list[Function]] = {
    "reshape": [
        lambda x: ops.reshape(x, (-1, 24)),
        lambda x: ops.reshape(x, (-1, 4, 6)),
        lambda x: ops.reshape(x, (-1, 3, 2, 4)),
    ],
    "reshape over the batch": [
        lambda x: ops.reshape(x, (-1, 4)),
        lambda x: ops.reshape(ops.reshape(x, (-1, 4)) * 2, (-1, 6, 4)),
        lambda x: ops.ravel(x),
    ],
    "transpose": [lambda x: ops.transpose(x, (0, 2, 1)), lambda x: ops.transpose(x, [0, -1, 1]), ops.transpose],
    "swapaxes": [lambda x: ops.swapaxes(x, 1, 2), lambda x: ops.swapaxes(x, -1, 0)],
    "moveaxis": [
        lambda x: ops.moveaxis(x, 1, -1),
        lambda x: ops.moveaxis(ops.expand_dims(x, 1), [1, 3], [2, 1]),
    ],
    "squeeze": [
        lambda x: ops.squeeze(ops.mean(x, axis=1, keepdims=True), 1),
        lambda x: ops.squeeze(ops.mean(x, axis=(1, 2), keepdims=True), (1, 2)),
        lambda x: ops.squeeze(ops.mean(x, keepdims=True)),
    ],
    "expand_dims": [
        lambda x: ops.expand_dims(x, 1),
        lambda x: ops.expand_dims(x, -1),
        lambda x: ops.expand_dims(x, (1, 3)),
    ],
    "flip": [lambda x: ops.flip(x, axis=1), lambda x: ops.flip(x, axis=(1, 2)), lambda x: ops.flip(x)],
    "roll": [lambda x: ops.roll(x, 2, axis=1), lambda x: ops.roll(x, -1, axis=-1)],
    "repeat": [lambda x: ops.repeat(x, 2, axis=1), lambda x: ops.repeat(x, [1, 0, 2, 3], axis=2)],
    "tile": [lambda x: ops.tile(x, (1, 2, 1)), lambda x: ops.tile(x, (1, 1, 3)), lambda x: ops.tile(x, 2)],
    "broadcast_to": [lambda x: ops.broadcast_to(ops.ones((1, 6, 4)), (3, 6, 4))[:1] + x],
    "pad": [
        lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))),
        lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0)), constant_values=1.5),
        lambda x: ops.pad(x, ((0, 0), (2, 3), (0, 0)), mode="reflect"),
        lambda x: ops.pad(x, ((0, 0), (2, 3), (1, 0)), mode="symmetric"),
    ],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str, tmp_path: Path) -> None:
    # Keras does not know the size of a tensor that is cut along the batch.
    check_functions(SHAPES[name], tmp_path, shapes=name not in ("tile", "reshape over the batch"))


def test_open_time(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.transpose(x, (0, 2, 1)),
        lambda x: ops.flip(x, axis=1),
        lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))),
        lambda x: ops.expand_dims(x, -1),
        lambda x: ops.roll(x, 1, axis=2),
    ]
    check_functions(functions, tmp_path, shape=(None, 4), lengths=(5, 9))


def test_between_convolutions(tmp_path: Path) -> None:
    """Axes of the file are axes of the graph, whatever the layout."""
    x = keras.Input((12, 12), name="x")
    y = layers.Conv1D(12, 3, padding="same")(x)
    y = ops.flip(ops.pad(y, ((0, 0), (2, 0), (0, 0))), axis=1)[:, 2:]
    y = layers.Conv1D(12, 3, padding="same")(ops.transpose(y, (0, 2, 1)))
    y = layers.Conv1D(4, 3)(ops.roll(y, 3, axis=1) + ops.repeat(x, 1, axis=1))
    check_against_keras(keras.Model(x, ops.mean(y, axis=1)), tmp_path)
