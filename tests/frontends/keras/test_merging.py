"""Concatenate and the elementwise merges against real Keras."""

from pathlib import Path

import keras
import pytest
from keras import layers

from tests.frontends.keras.support import check_against_keras

ELEMENTWISE = (layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)


def merged(layer: keras.Layer, *shapes: tuple[int | None, ...]) -> keras.Model:
    inputs = [keras.Input(shape, name=f"x{index}") for index, shape in enumerate(shapes)]
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize("axis", [-1, 1, 2, -2])
def test_concatenate(axis: int, tmp_path: Path) -> None:
    shapes = [(7, 5), (7, 5), (7, 5)]
    shapes[1] = (3, 5) if axis in (1, -2) else (7, 3)
    check_against_keras(merged(layers.Concatenate(axis=axis), *shapes), tmp_path)


def test_concatenate_at_rank_2(tmp_path: Path) -> None:
    check_against_keras(merged(layers.Concatenate(), (4,), (3,)), tmp_path)


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("length", [9, 4])
def test_concatenate_between_convolutions(axis: int, length: int, tmp_path: Path) -> None:
    """Along time or along channels, whichever way the tensors lie; with length 4 no size tells the axes apart."""
    x = keras.Input((length, 3), name="x")
    branches = [layers.Conv1D(4, 3, padding="same")(x), layers.Conv1D(4, 5, padding="same")(x)]
    y = layers.Concatenate(axis=axis)(branches)
    check_against_keras(keras.Model(x, layers.Conv1D(2, 3)(y)), tmp_path)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_elementwise(kind: type[keras.Layer], count: int, tmp_path: Path) -> None:
    check_against_keras(merged(kind(), *[(7, 5)] * count), tmp_path)


def test_subtract_keeps_the_order(tmp_path: Path) -> None:
    check_against_keras(merged(layers.Subtract(), (7, 5), (7, 5)), tmp_path)


@pytest.mark.parametrize("shapes", [((7, 5), (1, 5)), ((7, 1), (7, 5)), ((1, 5), (7, 1)), ((7, 5), (1, 1))], ids=str)
@pytest.mark.parametrize("kind", [*ELEMENTWISE, layers.Subtract])
def test_broadcasting(kind: type[keras.Layer], shapes: tuple[tuple[int, int], ...], tmp_path: Path) -> None:
    check_against_keras(merged(kind(), *shapes), tmp_path)


def test_squeeze_and_excite(tmp_path: Path) -> None:
    """One gate per channel, spread over time."""
    x = keras.Input((9, 3), name="x")
    y = layers.Conv1D(4, 3, padding="same")(x)
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling1D(keepdims=True)(y))
    check_against_keras(keras.Model(x, layers.Conv1D(2, 3)(layers.Multiply()([y, gate]))), tmp_path)


@pytest.mark.parametrize("kind", [*ELEMENTWISE, layers.Subtract, layers.Concatenate])
def test_merging_with_open_time(kind: type[keras.Layer], tmp_path: Path) -> None:
    x = keras.Input((None, 3), name="x")
    branches = [layers.Conv1D(3, kernel, padding="same")(x) for kernel in (1, 3)]
    check_against_keras(keras.Model(x, kind()(branches)), tmp_path, lengths=(5, 8))


@pytest.mark.parametrize("shapes", [((7, 5), (5,)), ((5,), (7, 5)), ((5, 5), (5,)), ((2, 7, 5), (7, 1), (5,))], ids=str)
@pytest.mark.parametrize("kind", [layers.Add, layers.Average, layers.Subtract])
def test_tensors_of_different_rank(
    kind: type[keras.Layer], shapes: tuple[tuple[int, ...], ...], tmp_path: Path
) -> None:
    """Keras puts the axes that are missing behind the batch: `[N, 5]` becomes `[N, 1, 5]`."""
    if kind is layers.Subtract and len(shapes) > 2:
        pytest.skip("Keras subtracts two tensors only")
    check_against_keras(merged(kind(), *shapes), tmp_path)


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_a_merge_of_one_tensor_gives_it_back(kind: type[keras.Layer], tmp_path: Path) -> None:
    x = keras.Input((7, 5), name="x")
    check_against_keras(keras.Model(x, layers.ReLU()(kind()([x]))), tmp_path)
