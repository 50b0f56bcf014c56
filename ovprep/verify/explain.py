"""What a verification found, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.interface import Interface
from ovprep.verify.arrays import Array
from ovprep.verify.compare import CEILING, FACTOR, ULPS, UNMEASURED, Budget, Comparison, differences, scale_of


@dataclass(frozen=True)
class Tolerance:
    """How the tolerance of the f32 rows came about.

    `noise` is what float32 rounding does to each output by name; None where it could not be measured. `explanation`
    says the rule in words. `given` is the share of each output's scale that the caller allows instead; None for none.
    """

    factor: float
    ulps: float
    ceiling: float
    noise: dict[str, float] | None
    explanation: str
    given: float | None = None


def tolerance(budget: Budget, source: Interface) -> Tolerance:
    """The tolerance that a budget stands for."""
    if budget.given is not None:
        noise = None if budget.noise is None else _by_name(budget.noise, source)
        words = f"{budget.given:g} of each output's scale, its largest magnitude over all signals, as the caller asked"
        return Tolerance(FACTOR, ULPS, CEILING, noise, words, budget.given)
    if budget.noise is None:
        words = f"{UNMEASURED:g} of each output's scale, since float32 noise could not be measured for this model"
        return Tolerance(FACTOR, ULPS, CEILING, None, words)
    noise = _by_name(budget.noise, source)
    largest = max(noise.values(), default=0.0)
    words = (
        f"{FACTOR:g} times what float32 rounding does to this model (up to {largest:.1e}: the translated graph in "
        f"float32 against float64) plus {ULPS:g} ULP of the output's scale, at most {CEILING:g} of it"
    )
    return Tolerance(FACTOR, ULPS, CEILING, noise, words)


def _by_name(noise: Sequence[float], source: Interface) -> dict[str, float]:
    return {port.name: value for port, value in zip(source.outputs, noise, strict=True)}


def notes(
    rows: Sequence[Comparison],
    plain: Sequence[Comparison],
    budget: Budget,
    source: Interface,
    wanted: Mapping[str, Sequence[Array]],
    translated: Mapping[str, Sequence[Array]],
) -> list[str]:
    """One line for each thing that a reader should know.

    `plain` are the rows at the default precision; `wanted` and `translated` the outputs of the original and of the
    canonical graph in float32, by case.
    """
    found = []
    if plain:
        found.append(_default_precision(rows, plain))
    if failed := [row for row in rows if not row.passed]:
        found.append(_failure(failed, rows))
        found += _culprit(budget, source, wanted, translated)
    for index, port in enumerate(source.outputs):
        outputs = [arrays[index] for arrays in wanted.values()]
        wild = sum(int(np.count_nonzero(~np.isfinite(array))) for array in outputs)
        if wild:
            total = sum(array.size for array in outputs)
            found.append(f"The original's output {port.name} is NaN or infinite in {wild} of {total} values.")
        if rounding := budget.rounding(index):
            found.append(f"Output {port.name} may differ by more than float32 rounding, since {rounding.reason}.")
        if budget.capped(index):
            found.append(
                f"Float32 rounding alone moves output {port.name} by more than {CEILING / FACTOR:g} of its scale, so "
                f"the tolerance is held at {CEILING:g} of it."
            )
    return found


def _default_precision(rows: Sequence[Comparison], plain: Sequence[Comparison]) -> str:
    name = plain[0].precision
    return (
        f"Differs by {_largest(plain):.1g} at this device's default: OpenVINO computes in {name} on this CPU; at f32 "
        f"the difference is {_largest(rows):.1g}. To keep f32: INFERENCE_PRECISION_HINT=f32"
    )


def _failure(failed: Sequence[Comparison], rows: Sequence[Comparison]) -> str:
    """Which rows failed, where that says something about the cause."""
    worst = max(failed, key=lambda row: row.max_rel_error)
    text = (
        f"Output {worst.output} differs from the original by {worst.max_abs_error:.1g} "
        f"({worst.max_rel_error:.1g} of its scale) for {worst.signal} at batch {worst.batch}"
    )
    if worst.tolerance is not None and worst.max_abs_error <= worst.tolerance:
        return f"{text}, and by {worst.mean_abs_error:.1g} in the mean, which is too much."
    if len(failed) < len(rows):
        if all(row.batch > 1 for row in failed) and any(row.batch == 1 for row in rows):
            return f"{text}; at batch 1 it agrees."
        if all(row.shapes == "fixed" for row in failed):
            return f"{text}; with open shapes it agrees."
        if all(row.shapes == "open" for row in failed):
            return f"{text}; with fixed shapes it agrees: fix them with --batch or --input-shape."
    return f"{text}."


def _culprit(
    budget: Budget,
    source: Interface,
    wanted: Mapping[str, Sequence[Array]],
    translated: Mapping[str, Sequence[Array]],
) -> list[str]:
    """On which side of OpenVINO the difference arises, where the canonical graph was run."""
    shared = [(wanted[case], translated[case]) for case in translated if case in wanted]
    if not shared:
        return []
    for index, port in enumerate(source.outputs):
        for original, graph in shared:
            if original[index].shape != graph[index].shape:
                return [
                    f"The translated graph already gives output {port.name} another shape: the translation is wrong."
                ]
            error = differences(original[index], graph[index])
            largest = float(error.max()) if error.size else 0.0
            mean = float(error.mean()) if error.size else 0.0
            scale = scale_of([original[index]]) or budget.scales[index] or 1.0
            if not budget.passes(index, scale, largest, mean):
                return [
                    f"The translated graph already differs by {largest:.1g} in ONNX Runtime: the translation is wrong."
                ]
    return ["The translated graph agrees in ONNX Runtime: the difference arises in the IR or in OpenVINO."]


def _largest(rows: Sequence[Comparison]) -> float:
    return max(row.max_abs_error for row in rows)
