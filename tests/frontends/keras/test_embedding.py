"""Embedding and ReversibleEmbedding."""

from pathlib import Path

import keras
import pytest
from keras import layers

from ovprep.errors import UnsupportedError
from ovprep.frontends.keras.reader import read_keras
from tests.frontends.keras.support import check_against_keras, randomise


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
@pytest.mark.parametrize("length", [7, None])
def test_rows_of_a_table(dtype: str, length: int | None, tmp_path: Path) -> None:
    x = keras.Input((length,), dtype=dtype, name="x")
    y = layers.Conv1D(3, 2)(layers.Embedding(11, 4)(x))
    check_against_keras(keras.Model(x, y), tmp_path, lengths=(7, 12))


def test_a_mask_that_nothing_uses(tmp_path: Path) -> None:
    x = keras.Input((7,), dtype="int32", name="x")
    check_against_keras(keras.Model(x, layers.Flatten()(layers.Embedding(11, 4, mask_zero=True)(x))), tmp_path)


def test_several_axes_and_a_shared_table(tmp_path: Path) -> None:
    table = layers.Embedding(5, 4)
    one, other = keras.Input((3, 6), dtype="int32", name="a"), keras.Input((6,), dtype="int32", name="b")
    check_against_keras(keras.Model([one, other], [table(one), layers.Dense(2)(table(other))]), tmp_path)


@pytest.mark.parametrize("options", [{}, {"tie_weights": False}, {"logit_soft_cap": 0.7}], ids=str)
def test_there_and_back(options: dict[str, object], tmp_path: Path) -> None:
    table = layers.ReversibleEmbedding(9, 4, **options)
    x = keras.Input((7,), dtype="int32", name="x")
    y = table(layers.Dense(4)(table(x)), reverse=True)
    check_against_keras(keras.Model(x, y), tmp_path)


def test_going_back_in_another_type_is_refused(tmp_path: Path) -> None:
    table = layers.ReversibleEmbedding(9, 4, reverse_dtype="float16")
    x = keras.Input((7,), dtype="int32", name="x")
    model = keras.Model(x, table(table(x), reverse=True))
    randomise(model)
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match="goes back in float16"):
        read_keras(tmp_path / "model.keras")
