"""Quantiles and their intervals, on samples whose truth is known."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from ovprep.bench.quantiles import _binomial_points, quantile


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_independent_samples_hold_the_truth_in_95_percent(share: float) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        found = quantile(rng.standard_normal(400), 400, share)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        held += found.low <= norm.ppf(share) <= found.high
    assert 0.93 <= held / 1000 <= 0.98


def test_blocks_count_and_not_calls() -> None:
    """Calls of one block that are all alike say no more than one of them."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        found = quantile(np.repeat(rng.standard_normal(40), 50), 40, 0.5)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert held / 500 >= 0.93


@pytest.mark.parametrize(
    ("calls", "share", "given"), [(299, 0.9, False), (300, 0.9, True), (2999, 0.99, False), (3000, 0.99, True)]
)
def test_tails_are_given_where_enough_calls_lie_beyond(calls: int, share: float, given: bool) -> None:
    found = quantile(np.arange(calls, dtype=float), 200, share)
    assert (found is not None) is given


def test_few_blocks_support_no_interval() -> None:
    calls = np.arange(1000, dtype=float)
    few = quantile(calls, 3, 0.5)
    assert few is not None
    assert few.value == pytest.approx(499.5)
    assert (few.low, few.high) == (None, None)
    tail = quantile(calls, 20, 0.9)
    assert tail is not None
    assert (tail.low, tail.high) == (None, None)


def test_nothing_measured_has_no_median() -> None:
    assert quantile(np.empty(0), 0, 0.5) is None


@pytest.mark.parametrize("number", [1, 6, 40, 300])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_ranks_are_those_of_the_binomial_distribution(number: int, share: float) -> None:
    ends = np.array([0.025, 0.975])
    np.testing.assert_array_equal(np.ceil(_binomial_points(ends, number, share)), binom.ppf(ends, number, share))
