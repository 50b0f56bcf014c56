"""Masked steps put behind all others, so that an operator can run over a sequence with gaps.

The operators of ONNX can end a sequence early, by `sequence_lens`, but OpenVINO's (2026.4) read over that in silence.
So they run over everything: what comes behind the steps that count is never looked at.
"""

import numpy as np
import onnx_ir as ir

from ovprep.frontends.keras.layers.layer import Layer


class Gaps:
    """The places of the steps of a sequence `[N, W, ...]` whose mask is `[N, W]`."""

    def __init__(self, layer: Layer, mask: ir.Value) -> None:
        build = layer.build
        self._layer, self._build, self._mask = layer, build, mask
        self._one = build.constant(np.ones((1, 1), np.int64), "one")
        self._kept = self._count(mask)
        """How many steps count, up to each step."""

    def closed(self, x: ir.Value) -> ir.Value:
        """`[N, W, C]` with the steps that count first, in their order."""
        build = self._build
        last = build.ints(-1, name="last")
        total = build.op("Gather", self._kept, last, axis=1)
        behind = build.op("Add", total, self._count(build.op("Not", self._mask)))
        places = build.op("Sub", build.op("Where", self._mask, self._kept, behind), self._one)
        return build.op("ScatterElements", x, self._spread(places, self._layer.size(x, 2)), x, axis=1)

    def reopened(self, y: ir.Value, *, zeroed: bool) -> ir.Value:
        """The outputs `[N, W, units]` of the closed sequence, each in its old place.

        A step to skip repeats the output before it, or gives zeros if `zeroed`, as do those before the first.
        """
        return self._outputs(y, self._kept, self._mask if zeroed else None)

    def last(self, y: ir.Value, *, zeroed: bool) -> ir.Value:
        """The last of the reopened outputs, `[N, units]`."""
        build = self._build
        last = build.ints(-1, name="last")
        mask = build.op("Gather", self._mask, last, axis=1) if zeroed else None
        output = self._outputs(y, build.op("Gather", self._kept, last, axis=1), mask)
        return build.op("Squeeze", output, build.ints(1, name="axes"))

    def _outputs(self, y: ir.Value, kept: ir.Value, mask: ir.Value | None) -> ir.Value:
        build = self._build
        nothing = build.constant(np.zeros((1, 1), np.int64), "nothing")
        places = build.op("Max", build.op("Sub", kept, self._one), nothing)
        found = build.op("GatherElements", y, self._spread(places, self._layer.size(y, 2)), axis=1)
        there = build.op("Greater", kept, nothing) if mask is None else mask
        zeros = self._layer.constant(np.zeros((1, 1, 1)), "zeros")
        return build.op("Where", build.op("Unsqueeze", there, build.ints(2, name="axes")), found, zeros)

    def _count(self, mask: ir.Value) -> ir.Value:
        build = self._build
        numbers = build.op("Cast", mask, to=int(ir.DataType.INT64))
        return build.op("CumSum", numbers, build.constant(np.int64(1), "axis"))

    def _spread(self, places: ir.Value, width: int) -> ir.Value:
        build = self._build
        column = build.op("Unsqueeze", places, build.ints(2, name="axes"))
        return build.op("Expand", column, build.ints(1, 1, width, name="shape"))
