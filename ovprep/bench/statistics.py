"""Ratios of latencies with intervals, and the verdicts that they support.

A ratio is exp(median of the log ratios of blocks of the same interleaving round): drift of the clock and of other load
hits both blocks of a round alike and cancels. Its interval is a hierarchical bootstrap, first over process restarts,
then over the rounds within each, since two processes of the same program differ by more than two blocks of one process.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["faster", "slower", "equal within 2%", "cannot tell"]

EQUAL = 0.02
"""Two latencies whose ratio's interval lies within this of 1 are called equal."""
CONFIDENCE = 0.95
RESAMPLES = 2000
CHUNK = 200  # resamples at a time, which bounds the memory
MIN_ROUNDS = 6
"""Fewer rounds in all than this carry no verdict."""
MIN_RESTARTS = 2
"""One process has one layout of memory: what it shows may be its own."""

Blocks = Sequence[NDArray[np.float64]]
"""Per restart, the latency of each round's block (ms); NaN where a round has none."""


@dataclass(frozen=True)
class Estimate:
    """A ratio with its interval; all NaN where nothing was measured."""

    ratio: float
    low: float
    high: float
    rounds: int
    restarts: int


def log_ratios(numerator: Blocks, denominator: Blocks) -> list[NDArray[np.float64]]:
    """Per restart, the log ratios of the rounds that both have; restarts that only one has are left out."""
    paired = []
    for above, below in zip(numerator, denominator, strict=False):
        length = min(len(above), len(below))
        both = np.isfinite(above[:length]) & np.isfinite(below[:length])
        if both.any():
            paired.append(np.log(above[:length][both] / below[:length][both]))
    return paired


def estimate(numerator: Blocks, denominator: Blocks, rng: np.random.Generator) -> Estimate:
    """Ratio of two contestants' latencies with a 95% bootstrap interval."""
    paired = log_ratios(numerator, denominator)
    if not paired:
        return Estimate(math.nan, math.nan, math.nan, 0, 0)
    medians = np.concatenate([_resampled(paired, CHUNK, rng) for _ in range(RESAMPLES // CHUNK)])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    ratio = float(np.exp(np.median(np.concatenate(paired))))
    rounds = sum(len(values) for values in paired)
    return Estimate(ratio, float(np.exp(low)), float(np.exp(high)), rounds, len(paired))


def _resampled(paired: Sequence[NDArray[np.float64]], number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Medians of `number` resamples: restarts are drawn first, then as many rounds from each as the longest has."""
    lengths = np.array([len(values) for values in paired])
    table = np.full((len(paired), lengths.max()), np.nan)
    for row, values in zip(table, paired, strict=True):
        row[: len(values)] = values
    restarts = rng.integers(0, len(paired), (number, len(paired), 1))
    rounds = rng.integers(0, lengths[restarts], (number, len(paired), lengths.max()))
    return np.asarray(np.median(table[restarts, rounds].reshape(number, -1), axis=1))


def spread(control: Estimate) -> float:
    """How far the interval of an A/A control reaches from a ratio of 1, as a log ratio; infinite for no control."""
    reach = max(abs(math.log(control.low)), abs(math.log(control.high))) if control.rounds else math.inf
    return math.inf if math.isnan(reach) else reach


def verdict(found: Estimate, control: Estimate) -> Verdict:
    """Whether the denominator is faster or slower than the numerator.

    "faster" means that the whole interval lies above 1.02, "slower" below 1/1.02, "equal within 2%" between the two;
    what straddles a limit is "cannot tell". So is an effect that does not exceed what the A/A control, where the truth
    is known to be 1, was found to show, and anything from one restart or a handful of rounds.
    """
    if found.rounds < MIN_ROUNDS or found.restarts < MIN_RESTARTS:
        return "cannot tell"
    limit, reach = math.log1p(EQUAL), spread(control)
    low, high = math.log(found.low), math.log(found.high)
    if -limit <= low and high <= limit:
        return "equal within 2%" if reach <= limit else "cannot tell"
    if abs(math.log(found.ratio)) <= reach:
        return "cannot tell"
    if low > limit:
        return "faster"
    return "slower" if high < -limit else "cannot tell"
