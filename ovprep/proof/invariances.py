"""What must not change a result: another call in between, other items beside one, a shift in time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ovprep.errors import RuntimeFailure
from ovprep.interface import BATCH, Interface, Port
from ovprep.proof.budgets import Budgets
from ovprep.proof.compare import differences, scale_of
from ovprep.proof.inputs.cases import NOISE, Case, item_of, shapes_of
from ovprep.proof.inputs.signals import generate
from ovprep.proof.subject import Subject
from ovprep.workers.arrays import Array

if TYPE_CHECKING:
    from ovprep.graph.cost import ReceptiveField

Outputs = Mapping[str, Sequence[Array]]

LONGEST = 32_000
"""Samples of a shifted input, at most."""
_STEP = 64
"""A shift is a multiple of this where there is room: networks halve and double again."""


@dataclass(frozen=True)
class Check:
    """One invariance. `passed` is None where it does not apply or could not be tried; `found` says so in a sentence.

    One that does not `decide` tells of a use that the IR as delivered does not have.
    """

    name: str
    passed: bool | None
    found: str
    decides: bool = True


def repeated(subject: Subject) -> Check:
    """The first case again, after all others: nothing may be left of them."""
    case = subject.cases[0]
    before, after = subject.given[case.described()], subject.run(case, "once more")
    fault = _fault(before, after, subject.source.outputs, subject.budgets)
    if fault is None:
        same = all(np.array_equal(one, other, equal_nan=True) for one, other in zip(before, after, strict=True))
        return Check(
            "repeat", True, f"Run again after other inputs, it gives the same{', bit for bit' if same else ''}."
        )
    said = f"Run again after other inputs, {fault}: the {subject.called} keeps something of earlier calls."
    return Check("repeat", False, said)


def batched(subject: Subject, wanted: Outputs) -> Check:
    """One item alone and the same item among others."""
    alone = subject.cases[0]
    together = next((case for case in subject.cases if case.items), None)
    if BATCH not in subject.source.open_dims():
        return _reshaped(subject)
    if together is None:
        return Check("batch", None, "Not checked with several items, which the original itself cannot run.")
    ports, budgets, (one, several) = subject.source.outputs, subject.budgets, (alone.described(), together.described())
    if _fault(wanted[one], _first(wanted[several], ports), ports, budgets):
        return Check("batch", None, "The original itself mixes the items of a batch.")
    fault = _fault(subject.given[one], _first(subject.given[several], ports), ports, budgets)
    if fault is None:
        return Check("batch", True, f"An item gives the same alone and among {together.batch}.")
    return Check("batch", False, f"Among {together.batch} items, {fault} from what the first gives alone.")


def _reshaped(subject: Subject) -> Check:
    """A candidate of one item that is given several, an IR reshaped for them."""
    cases = [case for case in subject.cases if shapes_of(case.inputs) == shapes_of(subject.cases[0].inputs)]
    inputs, outputs = subject.source.inputs, subject.source.outputs
    if cases[0].batch != 1 or any("N" not in port.layout for port in (*inputs, *outputs)):
        return Check("batch", None, "Its batch is fixed.", decides=False)
    axes = [port.layout.index("N") for port in inputs]
    stacked = [np.concatenate([case.inputs[index] for case in cases], axis=axis) for index, axis in enumerate(axes)]
    together = Case("signals", len(cases), stacked, False)
    try:
        subject.load_for(together)
        given = subject.outputs(together)
    except RuntimeFailure:
        said = f"The model fixes a batch of one, and the {subject.called} takes no other."
        return Check("batch", None, said, decides=False)
    for number, case in enumerate(cases):
        items = [
            array.take([number], axis=port.layout.index("N")) if array.ndim == len(port.layout) else array
            for array, port in zip(given, outputs, strict=False)
        ]
        if _fault(subject.given[case.described()], items, outputs, subject.budgets, case):
            what = f"given {len(cases)}, the {subject.called} gives something else"
            said = f"The model fixes a batch of one: {what}. Keep it."
            return Check("batch", False, said, decides=False)
    said = f"The model fixes a batch of one; given {len(cases)}, the {subject.called} gives the same item by item."
    return Check("batch", True, said, decides=False)


@dataclass(frozen=True, eq=False)
class Shift:
    """Noise, and the same noise `samples` later, by which outputs move by `steps`.

    `margin` is how many steps at both ends may see the padding.
    """

    early: Case
    late: Case
    samples: int
    steps: int
    margin: int

    @property
    def cases(self) -> tuple[Case, Case]:
        """Both."""
        return self.early, self.late


def make_shift(source: Interface, field: "ReceptiveField | None", sizes: Mapping[str, int], seed: int) -> Shift | None:
    """The shift for a model of one input and outputs over time; None where there is nothing to shift."""
    if field is None or len(source.inputs) != 1 or not any("W" in port.layout for port in source.outputs):
        return None
    port = source.inputs[0]
    if port.layout.count("W") != 1 or port.rows is not None or np.dtype(port.dtype).kind != "f":
        return None
    axis = port.layout.index("W")
    margin = math.ceil(field.samples / field.hop) + 1
    unit = field.hop.numerator
    samples = math.lcm(unit, _STEP)
    length = port.dims[axis]
    if isinstance(length, str):
        length = math.lcm(samples, _STEP) * math.ceil((2 * field.samples + 4 * samples) / samples)
        if length > LONGEST:
            return None
    elif length < 2 * field.samples + 3 * samples:
        samples = unit
    dims = tuple(length + samples if index == axis else dim for index, dim in enumerate(port.dims))
    (whole,) = generate(NOISE, [replace(port, dims=dims)], {**sizes, BATCH: 1}, seed)
    starts = {"noise to shift": 0, "shifted noise": samples}
    cases = [
        Case(name, 1, [np.ascontiguousarray(whole.take(range(start, start + length), axis=axis))], False, base=NOISE)
        for name, start in starts.items()
    ]
    return Shift(cases[0], cases[1], samples, samples // unit * field.hop.denominator, margin)


def shifted(subject: Subject, shift: Shift | None, translated: Outputs) -> Check:
    """What the IR gives for the late noise is what it gives for the early one, later; if the graph has it so."""
    if shift is None:
        return Check("shift", None, "There is no output over time that a shift of its one input would move.")
    cases = [case.described() for case in shift.cases]
    graph = [translated[case] for case in cases if case in translated]
    ports, budgets = subject.source.outputs, subject.budgets
    numbers = [index for index, port in enumerate(ports) if "W" in port.layout and len(graph) == 2]
    moving = [
        index for index in numbers
        if (change := _moved(graph[0][index], graph[1][index], ports[index], shift)) is not None
        and change <= _allowed(index, graph[0][index], budgets)
    ]  # fmt: skip
    if not moving:
        return Check("shift", None, "A shift of the input does not merely shift an output of this model.")
    try:
        early, late = (subject.outputs(case) for case in shift.cases)
    except RuntimeFailure as refusal:
        return Check("shift", None, f"The {subject.called} was not run on a shifted input: {refusal}")
    later = f"{shift.samples} sample{'s' if shift.samples > 1 else ''}"
    for index in moving:
        error = _moved(early[index], late[index], ports[index], shift)
        if error is None or error > _allowed(index, graph[0][index], budgets):
            amount = "has another length" if error is None else f"differs by {error:.1g}"
            said = f"An input {later} later does not give the same later at output {ports[index].name}"
            return Check("shift", False, f"{said}: it {amount}.")
    names = ", ".join(ports[index].name for index in moving)
    return Check("shift", True, f"An input {later} later gives the same, later, at {names}.")


def _moved(early: Array, late: Array, port: Port, shift: Shift) -> float | None:
    """The largest difference between the late output and the early one moved; None where they have too few steps."""
    axis = port.layout.index("W")
    if early.shape != late.shape or early.ndim != len(port.layout):
        return None
    length = early.shape[axis]
    inside = range(shift.margin, length - shift.margin - shift.steps)
    if not len(inside):
        return None
    later = [step + shift.steps for step in inside]
    return float(differences(early.take(later, axis=axis), late.take(inside, axis=axis)).max())


def _first(outputs: Sequence[Array], ports: Sequence[Port]) -> list[Array]:
    pairs = zip(outputs, ports, strict=False)
    return [item_of(array, port, 0) if array.ndim == len(port.dims) else array for array, port in pairs]


def _fault(
    wanted: Sequence[Array], given: Sequence[Array], ports: Sequence[Port], budgets: Budgets, case: Case | None = None
) -> str | None:
    """The first output that differs by more than rounding, in words."""
    for index, (port, one) in enumerate(zip(ports, wanted, strict=False)):
        other = given[index] if index < len(given) else None
        if other is None or one.shape != other.shape:
            return f"output {port.name} has another shape"
        base = case.measured_as if case else NOISE
        error = float(differences(one, other).max()) if one.size else 0.0
        if budgets.telling(base, index) and error > _allowed(index, one, budgets, base):
            return f"output {port.name} differs by {error:.1g}"
    return None


def _allowed(index: int, array: Array, budgets: Budgets, base: str = NOISE) -> float:
    return budgets.of(base).allowed(index, scale_of([array]) or budgets.scales[index] or 1.0)
