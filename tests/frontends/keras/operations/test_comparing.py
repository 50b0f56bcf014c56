"""Comparisons, logic, choices and casts between layers against real Keras."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops

from tests.frontends.keras.operations.table import Function, check_functions

ROW = np.array([0.5, -0.5, 0.25, 1.0], np.float32)

COMPARISONS: dict[str, list[Function]] = {
    "greater": [lambda x, y: x > y, lambda x, y: x > 0.5, lambda x, y: x > ROW],
    "greater_equal": [lambda x, y: ops.round(x) >= ops.round(y), lambda x, y: ops.round(x) >= 1],
    "less": [lambda x, y: x < y, lambda x, y: x < 1, lambda x, y: x < -0.5],
    "less_equal": [lambda x, y: ops.round(x) <= ops.round(y), lambda x, y: ops.round(x) <= -1],
    "equal": [lambda x, y: ops.equal(ops.round(x), ops.round(y)), lambda x, y: ops.equal(x > 0, y > 0)],
    "not_equal": [lambda x, y: ops.not_equal(ops.round(x), ops.round(y)), lambda x, y: ops.not_equal(x, 0)],
    "logical": [
        lambda x, y: ops.logical_and(x > 0, y > 0),
        lambda x, y: ops.logical_or(x > 0, y > 0),
        lambda x, y: ops.logical_xor(x > 0, y > 0),
        lambda x, y: ops.logical_not(x > 0),
        lambda x, y: ops.logical_and(ops.round(x), y > 0),
        lambda x, y: ops.logical_not(ops.round(x / 2)),
    ],
    "where": [
        lambda x, y: ops.where(x > 0, x, y),
        lambda x, y: ops.where(x > y, x, 0.0),
        lambda x, y: ops.where(x > y, 1, y),
        lambda x, y: ops.where(ops.round(x / 2), ROW, y),
        lambda x, y: ops.where(x > y, 1, 0),
    ],
    "any and all": [
        lambda x, y: ops.any(x > 1, axis=1),
        lambda x, y: ops.all(x > -1, axis=(1, 2)),
        lambda x, y: ops.any(ops.round(y), axis=-1, keepdims=True),
        lambda x, y: ops.all(x > -3),
    ],
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name: str, tmp_path: Path) -> None:
    check_functions([*COMPARISONS[name], lambda x, y: x + y], tmp_path, number=2)


def test_special_numbers(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.isnan(ops.log(x)),
        lambda x: ops.isinf(1 / ops.relu(x)),
        lambda x: ops.isfinite(1 / ops.relu(x)),
        lambda x: ops.nan_to_num(ops.log(x), nan=0.5),
    ]
    check_functions(functions, tmp_path)


def test_casts(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.cast(3 * x, "int32"),
        lambda x: ops.cast(3 * x, "int64"),
        lambda x: ops.cast(ops.round(x), "bool"),
        lambda x: ops.cast(ops.cast(x, "int32"), "bool"),
        lambda x: ops.cast(x > 0, "float32") * x,
        lambda x: ops.cast(x, "float32"),
    ]
    check_functions(functions, tmp_path)


def test_one_hot(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.one_hot(x, 4),
        lambda x: ops.one_hot(x, 4, axis=1),
        lambda x: ops.one_hot(x, 3, dtype="int32"),
        lambda x: ops.one_hot(ops.argmax(ops.one_hot(x, 5), axis=-1), 5),
    ]
    check_functions(functions, tmp_path, dtype="int32", spread=3.0)


def test_filled(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.concatenate([ops.zeros_like(x), x], axis=-1),
        lambda x: ops.concatenate([x, ops.ones_like(x)], axis=1),
        lambda x: ops.full_like(x, 2.5) + x,
        lambda x: ops.ones_like(x, dtype="int32"),
    ]
    check_functions(functions, tmp_path, shapes=False)
