"""What arithmetic in 8 bits adds to the error budget.

Two correct runtimes need not agree on a quantised model: a value that falls between two steps goes to one or the other,
by the last bit of a sum, and the step may grow on its way to the output. That happens to few values, so the mean over
all of them stays far below a step, which no wrong translation does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ovprep.verify.runners.base import Loaded

if TYPE_CHECKING:
    import onnx_ir as ir

STEPS = 4.0
"""Steps of a quantised output that one value may differ by. Up to 3 were seen, at softmaxes, in 1% of the values."""
MEAN_STEPS = 0.25
"""Steps that the mean over all values may differ by."""

DYNAMIC = 0.05
"""Share of an output's scale that one value may differ by where the original quantises while it runs; 0.02 was seen."""
MEAN_DYNAMIC = 0.01
"""Share of an output's scale that the mean over all values may differ by in this case."""


@dataclass(frozen=True)
class Rounding:
    """What rounding to 8 bits may move an output by: one value by `largest`, the mean over all of them by `mean`."""

    largest: float
    mean: float
    reason: str


def rounding_of(canonical: "ir.Model", original: Loaded, scales: Sequence[float]) -> tuple[Rounding | None, ...]:
    """Per output, what the quantisation in the graph or in the original's runtime allows; None where there is none."""
    return tuple(
        _quantised(value) or (_dynamic(scale) if original.quantises else None)
        for value, scale in zip(canonical.graph.outputs, scales, strict=True)
    )


def _quantised(output: "ir.Value") -> Rounding | None:
    step = _step(output)
    if step is None:
        return None
    reason = f"the model is quantised: its steps are {step:.2g}, {STEPS:g} for one value and {MEAN_STEPS:g} in the mean"
    return Rounding(STEPS * step, MEAN_STEPS * step, reason)


def _dynamic(scale: float) -> Rounding:
    reason = (
        "the original rounds what it computes with to 8 bits while it runs, the IR does not: "
        f"{DYNAMIC:g} of the scale for one value and {MEAN_DYNAMIC:g} in the mean"
    )
    return Rounding(DYNAMIC * scale, MEAN_DYNAMIC * scale, reason)


def _step(output: "ir.Value") -> float | None:
    """The step of a value: 1 where it comes as whole numbers, else that of the last quantisation before it."""
    seen: set[ir.Value] = set()
    waiting = [output]
    while waiting:
        value = waiting.pop(0)
        node = value.producer()
        if node is None or value in seen:
            continue
        seen.add(value)
        if node.op_type == "QuantizeLinear":
            return 1.0 if value is output else _scale(node)
        waiting += [one for one in node.inputs if one is not None]
    return None


def _scale(node: "ir.Node") -> float | None:
    scale = node.inputs[1]
    tensor = scale.const_value if scale is not None else None
    return float(np.max(tensor.numpy())) if tensor is not None else None
