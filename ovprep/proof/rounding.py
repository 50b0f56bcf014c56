"""What arithmetic in 8 bits adds to the error budget.

Two correct runtimes need not agree on a quantised model: a value that falls between two steps goes to one or the other,
by the last bit of a sum, and the step may grow on its way to the output. That happens to few values, so the mean over
all of them stays far below a step.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ovprep.workers.runners.base import Loaded

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


_FEW = 0.05
"""Steps that the mean may differ by at least: a value in twenty, where an output has few steps to go to."""

_KEEPS_STEPS = frozenset(
    [
        "AveragePool",
        "Clip",
        "Concat",
        "DequantizeLinear",
        "Flatten",
        "Gather",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Identity",
        "MaxPool",
        "Pad",
        "QuantizeLinear",
        "Relu",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    ]
)
"""Ops behind which a difference of one step is still one step."""


@dataclass(frozen=True)
class Rounding:
    """What rounding to 8 bits may move an output by: one value by `largest`, the mean over all of them by `mean`."""

    largest: float
    mean: float
    reason: str


def rounding_of(canonical: "ir.Model | None", original: Loaded, scales: Sequence[float]) -> tuple[Rounding | None, ...]:
    """Per output, what the quantisation in the graph or in the original's runtime allows; None where there is none."""
    dynamic = [_dynamic(scale, "the original") if original.quantises else None for scale in scales]
    if canonical is None:
        return tuple(dynamic)
    return tuple(
        _quantised(value, scale) or rounding
        for value, scale, rounding in zip(canonical.graph.outputs, scales, dynamic, strict=True)
    )


def _quantised(output: "ir.Value", scale: float) -> Rounding | None:
    """By the steps of the output where it shows them; else by its scale, as for any rounding inside."""
    step = _step(output)
    if step is None:
        return _dynamic(scale, "the model") if _is_quantised(output) else None
    # An output of few steps must not be free to be anything.
    largest = max(step, min(STEPS * step, DYNAMIC * scale))
    mean = min(MEAN_STEPS * step, max(_FEW * step, MEAN_DYNAMIC * scale))
    reason = f"the model is quantised: its steps are {step:.2g}, {largest:.2g} for one value and {mean:.2g} in the mean"
    return Rounding(largest, mean, reason)


def _dynamic(scale: float, who: str) -> Rounding:
    reason = (
        f"{who} rounds to 8 bits inside, which runtimes do not all do alike: {DYNAMIC:g} of the scale for one value "
        f"and {MEAN_DYNAMIC:g} in the mean"
    )
    return Rounding(DYNAMIC * scale, MEAN_DYNAMIC * scale, reason)


def _step(output: "ir.Value") -> float | None:
    """The step of a value: 1 where it comes as whole numbers, else that of the quantisation that it still shows."""
    for node in _before(output, _KEEPS_STEPS):
        if node.op_type == "QuantizeLinear":
            return 1.0 if node.outputs[0] is output else _scale(node)
    return None


def _is_quantised(output: "ir.Value") -> bool:
    return any(node.op_type == "QuantizeLinear" for node in _before(output, None))


def _before(output: "ir.Value", through: frozenset[str] | None) -> Iterator["ir.Node"]:
    """The nodes before a value, nearest first, as far as all on the way are among those named."""
    seen: set[ir.Value] = set()
    waiting = deque([output])
    while waiting:
        value = waiting.popleft()
        node = value.producer()
        if node is None or value in seen or (through is not None and node.op_type not in through):
            continue
        seen.add(value)
        yield node
        waiting += [one for one in node.inputs if one is not None]


def _scale(node: "ir.Node") -> float | None:
    scale = node.inputs[1]
    tensor = scale.const_value if scale is not None else None
    return float(np.max(tensor.numpy())) if tensor is not None else None
