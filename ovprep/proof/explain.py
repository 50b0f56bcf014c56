"""What a verification found, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.interface import Interface
from ovprep.proof.budgets import Budgets
from ovprep.proof.compare import CEILING, FACTOR, ULPS, UNMEASURED, Comparison, Setting, compare_output
from ovprep.proof.inputs.cases import Case, by_signal
from ovprep.proof.invariances import Check
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Runtime


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


def tolerance(budgets: Budgets, source: Interface) -> Tolerance:
    """The tolerance that these budgets stand for."""
    budget = budgets.general
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
        f"{FACTOR:g} times what float32 rounding does to this model (up to {largest:.1e} for noise: the translated "
        f"graph in float32 against float64, measured for each signal) plus {ULPS:g} ULP of the output's scale, at most "
        f"{CEILING:g} of it"
    )
    return Tolerance(FACTOR, ULPS, CEILING, noise, words)


def _by_name(noise: Sequence[float], source: Interface) -> dict[str, float]:
    return {port.name: value for port, value in zip(source.outputs, noise, strict=True)}


def closeness(row: Comparison) -> float:
    """How much of its tolerance a row takes: more than 1 where it fails."""
    shares = [_share(row.max_abs_error, row.tolerance)]
    if row.mean_tolerance is not None and row.passed is False:
        shares.append(_share(row.mean_abs_error, row.mean_tolerance))
    return max(shares)


def _share(error: float, allowed: float | None) -> float:
    return error / allowed if allowed else error


def failure(worst: Comparison, checks: Sequence[Check]) -> str:
    """What is not equal, in a sentence."""
    if worst.passed is not False:
        return next(check.found for check in checks if check.decides and check.passed is False)
    where = f"for {worst.signal} at batch {worst.batch}" if worst.batch else f"for {worst.signal}"
    if worst.tolerance is not None and worst.max_abs_error <= worst.tolerance and worst.mean_tolerance is not None:
        return (
            f"its output {worst.output!r} differs by {worst.mean_abs_error:.2g} in the mean (allowed: "
            f"{worst.mean_tolerance:.2g}; for a single value {worst.tolerance:.2g}) {where}."
        )
    return f"its output {worst.output!r} differs by {worst.max_abs_error:.2g} (allowed: {worst.tolerance:.2g}) {where}."


def notes(
    rows: Sequence[Comparison],
    checks: Sequence[Check],
    budgets: Budgets,
    source: Interface,
    cases: Sequence[Case],
    wanted: Mapping[str, Sequence[Array]],
    translated: Mapping[str, Sequence[Array]],
    runtime: Runtime,
) -> list[str]:
    """One line for each thing that a reader should know.

    `wanted` and `translated` are the outputs of the original and of the canonical graph in float32, by case; `runtime`
    is the candidate's.
    """
    found = [check.found for check in checks if check.passed is False]
    if failed := [row for row in rows if row.passed is False]:
        found.append(_failure(failed, rows))
        found += _culprit(budgets, source, cases, wanted, translated, runtime)
    found += _untold(rows)
    for index, port in enumerate(source.outputs):
        found += _of_output(index, port.name, budgets, [arrays[index] for arrays in wanted.values()])
    return found


def _untold(rows: Sequence[Comparison]) -> list[str]:
    """Outputs that rounding alone decides, by signal."""
    blind: dict[str, list[str]] = {}
    for row in rows:
        if row.passed is None:
            names = blind.setdefault(row.output, [])
            names += [row.signal] * (row.signal not in names)
    return [
        f"Output {name} is not judged for {', '.join(signals)}: there float32 rounding alone moves it by more than a "
        "thousandth of its scale, or even from a number to infinity, so that no two runtimes agree."
        for name, signals in blind.items()
    ]


def _of_output(index: int, name: str, budgets: Budgets, outputs: Sequence[Array]) -> list[str]:
    found, budget = [], budgets.general
    wild = sum(int(np.count_nonzero(~np.isfinite(array))) for array in outputs)
    if wild:
        total = sum(array.size for array in outputs)
        found.append(f"The original's output {name} is NaN or infinite in {wild} of {total} values.")
    if rounding := budget.rounding(index):
        found.append(f"Output {name} may differ by more than float32 rounding, since {rounding.reason}.")
    if budget.capped(index):
        found.append(
            f"Float32 rounding alone moves output {name} by more than {CEILING / FACTOR:g} of its scale, so "
            f"the tolerance is held at {CEILING:g} of it."
        )
    return found


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
        alone = any(row.batch == 1 and row.signal in {one.signal for one in failed} for row in rows)
        if all(row.batch > 1 for row in failed) and alone:
            return f"{text}; at batch 1 it agrees."
        if all(row.shapes == "fixed" for row in failed):
            return f"{text}; with open shapes it agrees."
        places = {(row.signal, row.batch, row.output) for row in rows if row.shapes == "fixed"}
        if all(row.shapes == "open" and (row.signal, row.batch, row.output) in places for row in failed):
            return f"{text}; with fixed shapes it agrees: fix them with --batch or --input-shape."
    return f"{text}."


def _culprit(
    budgets: Budgets,
    source: Interface,
    cases: Sequence[Case],
    wanted: Mapping[str, Sequence[Array]],
    translated: Mapping[str, Sequence[Array]],
    runtime: Runtime,
) -> list[str]:
    """On which side of the graph the difference arises, where the canonical graph was run."""
    shared = [case for case in cases if case.described() in translated]
    for case in shared:
        originals, graphs = wanted[case.described()], translated[case.described()]
        for index, port in enumerate(source.outputs):
            if originals[index].shape != graphs[index].shape:
                return [
                    f"The translated graph already gives output {port.name} another shape: the translation is wrong."
                ]
            for signal, base, one, other in by_signal(case, port, originals[index], graphs[index]):
                setting = Setting("f32", "open", signal, case.batch)
                row = compare_output(setting, port.name, index, one, other, budgets.of(base), judged=True)
                if budgets.telling(base, index) and not row.passed:
                    return [
                        f"The translated graph already differs by {row.max_abs_error:.1g} in ONNX Runtime: the "
                        "translation is wrong."
                    ]
    behind = "the IR or in OpenVINO" if runtime == "openvino" else "the candidate"
    return [f"The translated graph agrees in ONNX Runtime: the difference arises in {behind}."] if shared else []
