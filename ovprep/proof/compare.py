"""Comparing outputs, and the error budget that says how much of a difference is rounding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.proof.rounding import Rounding
from ovprep.workers.arrays import Array

EPS32 = float(np.finfo(np.float32).eps)

FACTOR = 8.0
"""How many times the float32 noise of the graph the IR may differ from the original.

Two correct runtimes each carry about the noise once, with signs of their own; the noise itself is a maximum over few
samples, so that one draw may be several times smaller than another.
"""

ULPS = 4.0
"""Units in the last place of the output's scale that are allowed besides: exponentials and error functions are
polynomials that differ between runtimes by a few ULP, which a graph with little noise of its own does not cover."""

CEILING = 1e-3
"""No budget exceeds this share of an output's scale. A yardstick that were wrong itself, or a graph that float32 cannot
compute at all, must not forgive everything."""

UNMEASURED = 1e-4
"""The share of an output's scale that is allowed where the float64 yardstick cannot be run."""


@dataclass(frozen=True)
class Comparison:
    """One output of the IR against the original's, for one signal.

    precision       what OpenVINO computed in: "f32", or the device's default such as "bf16"
    shapes          "open": the IR as delivered; "fixed": reshaped to the sizes of the inputs before it was compiled
    batch           items per inference; 0 where the interface has no batch axis
    max_abs_error   largest absolute difference; infinite where one side is NaN or infinite and the other is not, and
                    where the shapes differ
    max_rel_error   the same in units of `scale`
    scale           largest finite magnitude of the original's output for this signal; where that is 0 (silence through
                    a model without biases), for all signals together; where that is 0 too, 1
    argmax_flips    items whose largest class differs, for outputs [N, classes]; otherwise None
    tolerance       largest `max_abs_error` allowed; None for a row that is no part of the verdict
    mean_tolerance  largest `mean_abs_error` allowed beyond float32 rounding, for outputs in steps of 8 bits; else None
    cosine          of the angle between both outputs as vectors: 1 for the same direction; None where one is zero
    """

    precision: str
    shapes: str
    signal: str
    batch: int
    output: str
    max_abs_error: float
    max_rel_error: float
    mean_abs_error: float
    scale: float
    argmax_flips: int | None
    tolerance: float | None
    passed: bool | None
    mean_tolerance: float | None = None
    cosine: float | None = None


@dataclass(frozen=True)
class Budget:
    """How much each output may differ, and why.

    `noise` is what float32 rounding does to this very model: the canonical graph in float32 (ONNX Runtime) against the
    canonical graph in float64, the largest difference per output over the signals. The original's own error against the
    canonical graph would be the wrong floor: if the translation were wrong, that error would be huge, and would forgive
    every difference that it should expose. None where the yardstick could not be run.
    `scales` are the largest magnitudes of the original's outputs over all signals. `roundings` are what arithmetic in 8
    bits adds per output; empty for a model without. `shares` are noise too, in units of the scale that an output has.
    `given` is the share of these scales that the caller allows, in place of all that; None where none was given.
    """

    noise: tuple[float, ...] | None
    scales: tuple[float, ...]
    roundings: tuple[Rounding | None, ...] = ()
    shares: tuple[float, ...] = ()
    given: float | None = None

    def rounding(self, index: int) -> Rounding | None:
        """What arithmetic in 8 bits adds for output number `index`."""
        return self.roundings[index] if self.roundings and self.given is None else None

    def allowed(self, index: int, scale: float) -> float:
        """The largest absolute error allowed for output number `index` where its scale for the signal is `scale`."""
        rounding = self.rounding(index)
        return max(self._allowed_in_float(index, scale), rounding.largest if rounding else 0.0)

    def passes(self, index: int, scale: float, largest: float, mean: float) -> bool:
        """Whether output number `index` is equal to the original's, given its largest and mean absolute error."""
        exact = self._allowed_in_float(index, scale)
        rounding = self.rounding(index)
        return largest <= exact or (rounding is not None and largest <= rounding.largest and mean <= rounding.mean)

    def _allowed_in_float(self, index: int, scale: float) -> float:
        if self.given is not None:
            return self.given * (self.scales[index] or scale)
        if self.noise is None:
            return UNMEASURED * scale
        noise = max(self.noise[index], self.shares[index] * scale if self.shares else 0.0)
        return min(FACTOR * noise + ULPS * EPS32 * scale, CEILING * max(self.scales[index], scale))

    def capped(self, index: int) -> bool:
        """Whether the ceiling, not the noise, decides for this output."""
        if self.given is not None or self.noise is None:
            return False
        return FACTOR * self.noise[index] >= CEILING * self.scales[index] > 0


def differences(original: Array, candidate: Array) -> Array:
    """Absolute differences, element by element, in float64; the shapes must be the same.

    0 where both are NaN or the same infinity, infinite where only one of them is finite.
    """
    first, second = original.astype(np.float64), candidate.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.asarray(np.abs(first - second))  # NumPy makes a number of what has no axes
    same = (np.isnan(first) & np.isnan(second)) | (first == second)
    error[same] = 0.0
    error[~same & ~(np.isfinite(first) & np.isfinite(second))] = np.inf
    return np.asarray(error)


def scale_of(arrays: Sequence[Array]) -> float:
    """The largest finite magnitude in the arrays; 0 where there is none."""
    finite = [np.abs(array[np.isfinite(array)].astype(np.float64)) for array in arrays]
    return max((float(values.max()) for values in finite if values.size), default=0.0)


def noise_of(exact: Sequence[Sequence[Array]], rounded: Sequence[Sequence[Array]]) -> tuple[float, ...]:
    """Per output, the largest difference between float64 and float32 runs; both are lists of runs of lists of outputs.

    Only elements that are finite in both count: an overflow is no rounding.
    """
    noise = [0.0] * len(exact[0])
    for exact_run, rounded_run in zip(exact, rounded, strict=True):
        for index, (first, second) in enumerate(zip(exact_run, rounded_run, strict=True)):
            error = differences(first, second)
            finite = error[np.isfinite(error)]
            noise[index] = max(noise[index], float(finite.max()) if finite.size else 0.0)
    return tuple(noise)


@dataclass(frozen=True)
class Setting:
    """What a row of the report is about; see `Comparison`."""

    precision: str
    shapes: str
    signal: str
    batch: int


def compare(
    setting: Setting,
    names: Sequence[str],
    original: Sequence[Array],
    candidate: Sequence[Array],
    budget: Budget,
    *,
    judged: bool,
) -> list[Comparison]:
    """One row per output, both sides in the same layout. Rows that are not `judged` carry no verdict.

    An output that the candidate lacks, or gives in another shape, differs infinitely: nothing is broadcast.
    """
    given = [*candidate, *[None] * (len(original) - len(candidate))]
    outputs = enumerate(zip(names, original, given, strict=False))
    return [
        compare_output(setting, name, index, one, other, budget, judged=judged) for index, (name, one, other) in outputs
    ]


def compare_output(
    setting: Setting, name: str, index: int, wanted: Array, given: Array | None, budget: Budget, *, judged: bool
) -> Comparison:
    """The row of output number `index`; see `compare`."""
    scale = scale_of([wanted]) or budget.scales[index] or 1.0
    if given is None or given.shape != wanted.shape:
        largest = mean = float("inf")
        flips = cosine = None
    else:
        error = differences(wanted, given)
        largest, mean = (float(error.max()), float(error.mean())) if error.size else (0.0, 0.0)
        flips, cosine = _argmax_flips(wanted, given), _cosine(wanted, given)
    rounding = budget.rounding(index)
    return Comparison(
        precision=setting.precision,
        shapes=setting.shapes,
        signal=setting.signal,
        batch=setting.batch,
        output=name,
        max_abs_error=largest,
        max_rel_error=largest / scale,
        mean_abs_error=mean,
        scale=scale,
        argmax_flips=flips,
        tolerance=budget.allowed(index, scale) if judged else None,
        passed=budget.passes(index, scale, largest, mean) if judged else None,
        mean_tolerance=rounding.mean if judged and rounding else None,
        cosine=cosine,
    )


def _argmax_flips(original: Array, candidate: Array) -> int | None:
    if original.ndim != 2 or original.shape[1] < 2 or original.dtype.kind != "f":
        return None
    return int(np.count_nonzero(original.argmax(axis=1) != candidate.argmax(axis=1)))


def _cosine(original: Array, candidate: Array) -> float | None:
    """Of the elements that are finite on both sides."""
    first, second = original.astype(np.float64).ravel(), candidate.astype(np.float64).ravel()
    both = np.isfinite(first) & np.isfinite(second)
    lengths = float(np.linalg.norm(first[both]) * np.linalg.norm(second[both]))
    return float(first[both] @ second[both]) / lengths if lengths else None
