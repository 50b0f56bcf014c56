"""Errors, scales and the error budget."""

import numpy as np
import pytest

from ovprep.proof import explain
from ovprep.proof.compare import (
    CEILING,
    EPS32,
    FACTOR,
    ULPS,
    UNMEASURED,
    Budget,
    Comparison,
    Setting,
    compare,
    differences,
    noise_of,
)
from ovprep.proof.rounding import Rounding

SETTING = Setting("f32", "open", "noise", 1)
INF, NAN = np.inf, np.nan


def test_what_is_not_finite_must_be_the_same() -> None:
    one = np.array([NAN, INF, -INF, INF, NAN, 1.0, 1.0], np.float32)
    other = np.array([NAN, INF, -INF, -INF, 1.0, NAN, 1.5], np.float32)
    np.testing.assert_array_equal(differences(one, other), [0, 0, 0, INF, INF, INF, 0.5])


def test_large_float32_values_do_not_overflow() -> None:
    largest = np.array([3e38], np.float32)
    assert np.isfinite(differences(largest, -largest)).all()


def test_the_budget_is_noise_and_ulps_of_the_scale() -> None:
    budget = Budget((1e-6,), (2.0,))
    assert budget.allowed(0, 2.0) == pytest.approx(FACTOR * 1e-6 + ULPS * EPS32 * 2.0)
    assert Budget((1.0,), (2.0,)).allowed(0, 2.0) == CEILING * 2.0
    assert Budget((1.0,), (2.0,)).capped(0)
    assert not budget.capped(0)
    assert Budget(None, (2.0,)).allowed(0, 3.0) == UNMEASURED * 3.0


@pytest.mark.parametrize(("error", "passed"), [(0.9, True), (1.1, False)])
def test_the_verdict_changes_at_the_tolerance(error: float, passed: bool) -> None:
    budget = Budget((1e-3,), (100.0,))
    original = np.array([[100.0, 0.0]])
    given = np.array([[100.0, error * budget.allowed(0, 100.0)]])
    (row,) = compare(SETTING, ["y"], [original], [given], budget, judged=True)
    assert row.passed is passed
    assert row.max_rel_error == pytest.approx(row.max_abs_error / 100)


def test_nothing_is_broadcast() -> None:
    budget = Budget((0.0,), (1.0,))
    (row,) = compare(SETTING, ["y"], [np.ones((3, 1))], [np.ones((3,))], budget, judged=True)
    assert row.max_abs_error == INF
    assert row.passed is False


def test_silence_has_the_scale_of_the_other_signals() -> None:
    (row,) = compare(SETTING, ["y"], [np.zeros((1, 4))], [np.full((1, 4), 0.5)], Budget((0.0,), (2.0,)), judged=True)
    assert row.scale == 2.0
    assert row.max_rel_error == 0.25


def test_flips_are_counted_per_item() -> None:
    original = np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]])
    given = np.array([[0.1, 0.9], [0.4, 0.6], [0.6, 0.4]])
    (row,) = compare(SETTING, ["y"], [original], [given], Budget((0.0,), (1.0,)), judged=False)
    assert row.argmax_flips == 2
    assert row.passed is None
    assert row.tolerance is None


def test_noise_is_the_largest_finite_difference_of_each_output() -> None:
    exact = [[np.array([1.0, 2.0]), np.array([0.0])], [np.array([3.0, INF]), np.array([5.0])]]
    rounded = [[np.array([1.0, 2.5]), np.array([0.0])], [np.array([3.0, 9.0]), np.array([5.25])]]
    assert noise_of(exact, rounded) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("given", "cosine"),
    [([2.0, 0.0], 1.0), ([0.0, 3.0], 0.0), ([-1.0, 0.0], -1.0), ([1.0, 1.0], 0.5**0.5), ([0, 0], None)],
)
def test_the_cosine_tells_direction_from_size(given: list[float], cosine: float | None) -> None:
    (row,) = compare(
        SETTING,
        ["y"],
        [np.array([[4.0, 0.0]])],
        [np.array([given])],
        Budget((0.0,), (1.0,)),
        judged=True,
    )
    assert row.cosine == (None if cosine is None else pytest.approx(cosine))


def test_the_tolerance_of_the_caller_comes_before_all_others() -> None:
    budget = Budget((1.0,), (2.0,), (Rounding(9.0, 9.0, ""),), given=0.25)
    assert budget.allowed(0, 1.0) == 0.5
    assert not budget.passes(0, 1.0, 0.6, 0.0)
    assert not budget.capped(0)


def _row(shapes: str, passed: bool, output: str = "y", batch: int = 8) -> Comparison:
    return Comparison("f32", shapes, "noise", batch, output, 1.0, 1.0, 1.0, 1.0, None, 1e-6, passed)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([_row("open", False), _row("fixed", True)], "with fixed shapes it agrees"),
        ([_row("open", True), _row("fixed", False)], "with open shapes it agrees"),
        ([_row("open", False), _row("open", True, batch=1)], "at batch 1 it agrees"),
        ([_row("open", False, "y before Tanh"), _row("open", True), _row("fixed", True)], None),
        ([_row("open", False), _row("open", True, "z")], None),
    ],
)
def test_only_what_was_run_is_said_to_agree(rows: list[Comparison], said: str | None) -> None:
    text = explain._failure([row for row in rows if row.passed is False], rows)
    assert (said in text) if said else ("agrees" not in text)


def test_an_output_that_is_always_zero_is_not_held_at_the_ceiling() -> None:
    assert not Budget((0.0,), (0.0,)).capped(0)
    assert Budget((1e-3,), (1.0,)).capped(0)
