"""Reductions between layers against real Keras."""

from pathlib import Path

import pytest
from keras import ops

from tests.frontends.keras.operations.table import Function, check_functions

AXES = [1, -1, (1, 2), (-1,), 0]


def _over_axes(function: Function) -> list[Function]:
    cut = [lambda x, axis=axis: function(x, axis=axis) for axis in AXES]
    kept = [lambda x, axis=axis: function(x, axis=axis, keepdims=True) for axis in AXES[:3]]
    return [*cut, *kept, function]


REDUCTIONS: dict[str, list[Function]] = {
    name: _over_axes(getattr(ops, name)) for name in ("mean", "sum", "max", "min", "prod", "var", "std", "logsumexp")
}
REDUCTIONS |= {
    "amax, amin": [lambda x: ops.amax(x, axis=1), lambda x: ops.amin(x, axis=-1)],
    "initial": [lambda x: ops.max(x, axis=1, initial=1.5), lambda x: ops.min(x, axis=2, initial=-1.5)],
    "average": [lambda x: ops.average(x, axis=1)],
    "count_nonzero": [lambda x: ops.count_nonzero(ops.round(x), axis=1)],
    "moments": [lambda x: ops.moments(x, axes=[1]), lambda x: ops.moments(x, axes=[1, 2], keepdims=True)],
    "norm": [
        lambda x: ops.norm(x, axis=-1),
        lambda x: ops.norm(x, ord=1, axis=1),
        lambda x: ops.norm(x, ord=2, axis=1, keepdims=True),
        lambda x: ops.norm(x, ord=3, axis=1),
        lambda x: ops.norm(x, ord=float("inf"), axis=-1),
        lambda x: ops.norm(x, ord=float("-inf"), axis=-1),
        lambda x: ops.norm(x, ord="fro", axis=(1, 2)),
        lambda x: ops.norm(x, axis=(1, 2)),
    ],
    "normalize": [
        lambda x: ops.normalize(x),
        lambda x: ops.normalize(x, axis=1),
        lambda x: ops.normalize(x, axis=1, order=1),
        lambda x: ops.normalize(x, epsilon=2.0),
    ],
    "argmax": [lambda x: ops.argmax(x, axis=1), lambda x: ops.argmax(x, axis=-1, keepdims=True), ops.argmax],
    "argmin": [lambda x: ops.argmin(x, axis=1), lambda x: ops.argmin(x, axis=-1, keepdims=True)],
    "cumsum": [lambda x: ops.cumsum(x, axis=1), lambda x: ops.cumsum(x, axis=-1), ops.cumsum],
    "top_k": [lambda x: ops.top_k(x, 3), lambda x: ops.top_k(x, 1)[0]],
    "sort": [ops.sort, lambda x: ops.sort(x, axis=1), ops.argsort, lambda x: ops.argsort(x, axis=1)],
    "diff": [ops.diff, lambda x: ops.diff(x, axis=1), lambda x: ops.diff(x, n=2, axis=1)],
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, tmp_path: Path) -> None:
    check_functions(REDUCTIONS[name], tmp_path, shapes=name != "average")


def test_integers(tmp_path: Path) -> None:
    """Means are floats; sums stay integers, and those of truth values become some."""
    functions: list[Function] = [
        lambda x: ops.mean(x, axis=1),
        lambda x: ops.sum(x, axis=1),
        lambda x: ops.sum(x > 0, axis=1),
        lambda x: ops.mean(x > 0, axis=-1),
        lambda x: ops.max(x, axis=1),
        lambda x: ops.prod(x, axis=-1),
        lambda x: ops.var(x, axis=1),
        lambda x: ops.cumsum(x, axis=1),
    ]
    check_functions(functions, tmp_path, dtype="int32", spread=3.0)


def test_open_time(tmp_path: Path) -> None:
    functions: list[Function] = [
        lambda x: ops.mean(x, axis=1),
        lambda x: ops.std(x, axis=1, keepdims=True),
        lambda x: ops.max(x, axis=(1, 2)),
        lambda x: ops.argmax(x, axis=1),
        lambda x: ops.diff(x, axis=1),
    ]
    check_functions(functions, tmp_path, shape=(None, 4), lengths=(5, 9))
