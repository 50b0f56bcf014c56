"""Outputs that would hide an error: those that hardly move whatever is fed, decisions, saturated and tiny ones."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ovprep.interface import BATCH, Interface, Port
from ovprep.proof.budgets import Budgets
from ovprep.proof.compare import scale_of
from ovprep.proof.inputs.cases import Case, item_of
from ovprep.workers.arrays import Array
from ovprep.workers.runners.saturation import Inner, widened

SATURATED = 1e-3
"""An activation that passes on less than this share of what changes before it is saturated."""

_WAY_OUT = "give signals that move it with --data"


def blind_outputs(
    source: Interface,
    cases: Sequence[Case],
    wanted: Mapping[str, Sequence[Array]],
    budgets: Budgets,
    inner: Sequence[Inner],
    compared: Collection[str],
) -> list[str]:
    """A sentence for each output of which the comparison says little.

    `wanted` are the original's outputs by case, `inner` its final activations, `compared` the names of what was
    compared, what these activations take among them: an output that was looked through is not blind.
    """
    found = []
    activations = {one.index: one for one in inner if widened(source, (one,)).outputs[-1].name not in compared}
    looked_through = {one.index for one in inner} - activations.keys()
    for index, port in enumerate(source.outputs):
        if index in looked_through:
            continue
        allowed = budgets.general.allowed(index, budgets.scales[index] or 1.0)
        movement = _movement(port, [(case, wanted[case.described()][index]) for case in cases])
        if movement <= allowed:
            found.append(
                f"Output {port.name} moves by {movement:.1g} at most from one signal to another, and may differ by "
                f"{allowed:.1g}, so that its comparison says little: {_WAY_OUT}."
            )
        elif small := _small_channels(port, [arrays[index] for arrays in wanted.values()], allowed):
            found.append(
                f"{small} of the channels of output {port.name} stay below the {allowed:.1g} that it may differ by, as "
                "its largest one needs: they are hardly compared."
            )
        elif np.dtype(port.dtype).kind in "iub" and budgets.general.rounding(index) is None:
            found.append(
                f"Output {port.name} holds decisions, and an error before them shows only where one of them flips: "
                "compare models that give what they are decided by."
            )
        elif index in activations and _passes_on(activations[index], index, wanted.values()) < SATURATED:
            found.append(
                f"Output {port.name} is saturated behind its {activations[index].activation}, which hides errors, and "
                f"the candidate does not give what comes before it: {_WAY_OUT} less."
            )
    return found


def _movement(port: Port, outputs: Sequence[tuple[Case, Array]]) -> float:
    """How far an output moves between signals, at most; infinite where no two can be held against each other."""
    by_shape: dict[tuple[int, ...], list[Array]] = {}
    for case, array in outputs:
        several = BATCH in port.dims and array.ndim == len(port.dims)
        count = array.shape[port.dims.index(BATCH)] if several and case.items else 1
        for number in range(count):
            item = item_of(array, port, number) if count > 1 else array
            by_shape.setdefault(item.shape, []).append(item.astype(np.float64))
    spans = [np.ptp(np.stack(items), axis=0) for items in by_shape.values() if len(items) > 1]
    return max((float(np.nan_to_num(span, nan=np.inf).max(initial=0.0)) for span in spans), default=np.inf)


def _small_channels(port: Port, outputs: Sequence[Array], allowed: float) -> int:
    """How many channels are not zero, and yet never reach what is allowed as an error."""
    if port.layout.count("C") != 1:
        return 0
    axis = port.layout.index("C")
    whole = [array for array in outputs if array.ndim == len(port.layout) and array.dtype.kind == "f"]
    count = min((array.shape[axis] for array in whole), default=0)
    scales = [scale_of([array.take(channel, axis=axis) for array in whole]) for channel in range(count)]
    return sum(0 < scale <= allowed for scale in scales)


def _passes_on(inner: Inner, index: int, runs: Collection[Sequence[Array]]) -> float:
    """The largest slope of the activation where it is fed the signals."""
    slopes = []
    for outputs in runs:
        y = outputs[index].astype(np.float64)
        slope = 1 - y * y if inner.activation == "Tanh" else y * (1 - y)
        slopes.append(float(np.abs(slope).max(initial=0.0)))
    return max(slopes, default=1.0)
