"""Ratios, intervals and verdicts on samples whose truth is known."""

import numpy as np
import pytest

from ovprep.bench.statistics import EQUAL, Estimate, estimate, log_ratios, spread, verdict

ROUNDS = 60


def blocks(rng: np.random.Generator, factor: float = 1.0, noise: float = 0.01, restarts: int = 2) -> list[np.ndarray]:
    """Latencies around `factor` ms that drift by half, alike for all contestants that are measured side by side."""
    drift = np.linspace(1.0, 1.5, ROUNDS)
    return [factor * drift * np.exp(noise * rng.standard_normal(ROUNDS)) for _ in range(restarts)]


def judged(factor: float, seed: int, noise: float = 0.01) -> tuple[Estimate, str]:
    rng = np.random.default_rng(seed)
    base = blocks(rng, noise=noise)
    control = estimate(blocks(rng, noise=noise), base, rng)
    found = estimate(blocks(rng, factor, noise), base, rng)
    return found, verdict(found, control)


@pytest.mark.parametrize("seed", range(20))
def test_the_same_model_is_never_faster(seed: int) -> None:
    assert judged(1.0, seed)[1] == "equal within 2%"
    assert judged(1.0, seed, noise=0.3)[1] in ("equal within 2%", "cannot tell")


@pytest.mark.parametrize("seed", range(20))
def test_five_percent_is_found_in_little_noise(seed: int) -> None:
    assert judged(1.05, seed)[1] == "faster"
    assert judged(1 / 1.05, seed)[1] == "slower"


def test_the_interval_holds_the_truth_and_drift_cancels() -> None:
    held = [found.low <= 1.05 <= found.high for found, _ in (judged(1.05, seed) for seed in range(20))]
    assert np.mean(held) >= 0.75  # two restarts make the interval somewhat too narrow
    assert judged(1.05, 0)[0].ratio == pytest.approx(1.05, abs=0.01)


def test_restarts_that_disagree_cannot_tell() -> None:
    rng = np.random.default_rng(0)
    base = blocks(rng)
    other = [blocks(rng, 1.00)[0], blocks(rng, 1.12)[0]]
    control = estimate(blocks(rng), base, rng)
    assert verdict(estimate(other, base, rng), control) == "cannot tell"


def test_a_control_wider_than_the_effect_forbids_a_verdict() -> None:
    clear = Estimate(1.05, 1.04, 1.06, 100, 2)
    assert verdict(clear, Estimate(1.0, 0.99, 1.01, 100, 2)) == "faster"
    assert verdict(clear, Estimate(1.03, 0.98, 1.08, 100, 2)) == "cannot tell"
    assert verdict(Estimate(1.0, 0.995, 1.005, 100, 2), Estimate(1.0, 0.9, 1.1, 100, 2)) == "cannot tell"
    assert verdict(clear, estimate([], [], np.random.default_rng(0))) == "cannot tell"


def test_a_limit_inside_the_interval_cannot_tell() -> None:
    control = Estimate(1.0, 0.999, 1.001, 100, 2)
    assert verdict(Estimate(1.02, 1.0, 1 + 2 * EQUAL, 100, 2), control) == "cannot tell"


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [
        ([], []),
        ([np.array([])], [np.array([])]),
        ([np.array([1.0])], [np.array([2.0])]),
        ([np.full(50, 1.0)], [np.full(50, 2.0)]),
        ([np.full(50, np.nan)] * 2, [np.full(50, 2.0)] * 2),
    ],
)
def test_too_little_cannot_tell(numerator, denominator) -> None:
    rng = np.random.default_rng(0)
    good = estimate([np.full(50, 1.0)] * 2, [np.full(50, 1.0)] * 2, rng)
    assert verdict(estimate(numerator, denominator, rng), good) == "cannot tell"


def test_rounds_are_paired_and_missing_ones_left_out() -> None:
    above = [np.array([2.0, np.nan, 4.0, 9.0]), np.array([1.0])]
    below = [np.array([1.0, 1.0, 2.0]), np.array([np.nan])]
    (only,) = log_ratios(above, below)
    np.testing.assert_allclose(only, np.log([2.0, 2.0]))


def test_the_same_seed_gives_the_same_interval() -> None:
    assert judged(1.03, 5) == judged(1.03, 5)


def test_spread_is_the_further_end() -> None:
    assert spread(Estimate(1.0, 0.9, 1.05, 9, 2)) == pytest.approx(-np.log(0.9))
