"""The precisions side by side: one line for each, with a verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovprep.proof.compare import Comparison

F32 = "f32"
F16_WEIGHTS = "f16 weights"
HINT = "INFERENCE_PRECISION_HINT=f32"
_COMPUTED_IN = ("bf16", "f16")
"""Precisions that a device may choose; any other name is that of another IR."""
_AS_EXACT = 4.0
"""How many times the difference at f32 another one may be and still be one of f32."""


@dataclass(frozen=True)
class AtPrecision:
    """All rows of one precision in one line: the largest differences, the least cosine, all decisions that flip.

    `argmax_flips` is None where no output is a choice of classes.
    """

    precision: str
    max_abs_error: float
    max_rel_error: float
    cosine: float | None
    argmax_flips: int | None
    verdict: str


def summed_up(rows: Sequence[Comparison]) -> tuple[AtPrecision, ...]:
    """One line per precision, f32 first."""
    names = dict.fromkeys(row.precision for row in rows)
    return tuple(_line(name, [row for row in rows if row.precision == name], rows) for name in names)


def _line(precision: str, rows: Sequence[Comparison], everything: Sequence[Comparison]) -> AtPrecision:
    telling = [row for row in rows if row.passed is not None] or rows if precision == F32 else _alike(rows, everything)
    cosines = [row.cosine for row in telling if row.cosine is not None]
    flips = [row.argmax_flips for row in telling if row.argmax_flips is not None]
    worst = max(telling, key=lambda row: row.max_rel_error)
    total = sum(flips) if flips else None
    largest = max(row.max_abs_error for row in telling)
    return AtPrecision(
        precision,
        largest,
        worst.max_rel_error,
        min(cosines, default=None),
        total,
        _verdict(precision, largest, total, telling, everything),
    )


def _alike(rows: Sequence[Comparison], everything: Sequence[Comparison]) -> Sequence[Comparison]:
    """Rows without those that say nothing at f32 either, where rounding alone decides."""
    blind = {(row.signal, row.batch, row.output) for row in everything if row.precision == F32 and row.passed is None}
    return [row for row in rows if (row.signal, row.batch, row.output) not in blind] or rows


def _verdict(
    precision: str, largest: float, flips: int | None, rows: Sequence[Comparison], everything: Sequence[Comparison]
) -> str:
    if precision == F32:
        if all(row.passed is not False for row in rows):
            return f"Equal: differs by {largest:.1g}, which float32 rounding explains."
        return f"Not equal: differs by {largest:.1g}."
    exact = max(
        (row.max_abs_error for row in everything if row.precision == F32 and row.passed is not None), default=0.0
    )
    flipped = f" {flips} of the decisions flip." if flips else ""
    if precision == F16_WEIGHTS:
        return (
            f"Differs by {largest:.1g} with its weights rounded to float16, in a file of half the size; as written, "
            f"in float32, by {exact:.1g}.{flipped}"
        )
    if precision not in _COMPUTED_IN:
        return f"Differs by {largest:.1g}, where the IR itself differs by {exact:.1g}.{flipped}"
    if largest <= _AS_EXACT * exact:
        return f"Differs by {largest:.1g}, as at f32: the IR keeps float32 where OpenVINO would compute in {precision}."
    return (
        f"Differs by {largest:.1g}: OpenVINO computes in {precision} on this CPU. At f32 the difference is "
        f"{exact:.1g}. To keep f32 on the device: {HINT}.{flipped}"
    )
