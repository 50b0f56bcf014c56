"""Quantiles of single calls, with intervals by order statistics, and only where enough calls support them.

Of n independent samples, the number below the true quantile q is binomial(n, q); the ranks between the 2.5% and the
97.5% point of it therefore hold q in 95% of cases (David and Nagaraja, "Order Statistics", 7.1). Calls are not
independent: those of one block share the state of the machine. So the blocks count, not the calls, which makes the
interval too wide rather than too narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovprep.bench.statistics import CONFIDENCE

BEYOND = 30
"""A tail quantile is given where so many calls lie beyond it: p90 from 300 calls, p99 from 3,000."""


@dataclass(frozen=True)
class Quantile:
    """A quantile with its 95% interval, whose ends are None where the number of blocks supports none."""

    value: float
    low: float | None
    high: float | None


def quantile(calls: NDArray[np.float64], blocks: int, share: float) -> Quantile | None:
    """The quantile `share` of all `calls`, which were made in so many blocks; None where they do not support it."""
    if not calls.size or (share > 0.5 and calls.size * (1 - share) < BEYOND - 1e-9):
        return None
    value = float(np.quantile(calls, share))
    tail = (1 - CONFIDENCE) / 2
    below, above = np.ceil(_binomial_points(np.array([tail, 1 - tail]), blocks, share))
    # Ranks run from 1 to the number of blocks: beyond them the interval has no end.
    if below < 1 or above + 1 > blocks:
        return Quantile(value, None, None)
    low, high = np.quantile(calls, [(below - 0.5) / blocks, (above + 0.5) / blocks])
    return Quantile(value, float(min(low, value)), float(max(high, value)))


def _binomial_points(probabilities: NDArray[np.float64], number: int, share: float) -> NDArray[np.float64]:
    """Where the distribution function of binomial(number, share) takes these values, between whole numbers."""
    from scipy.special import bdtrik  # type: ignore[import-untyped]  # late, since it loads for long

    return np.asarray(np.maximum(bdtrik(probabilities, number, share), 0.0))
