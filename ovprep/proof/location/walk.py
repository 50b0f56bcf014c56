"""A walk through a graph beside a run of the same model elsewhere: which op gives other than its own inputs explain.

Each op is computed in float64 from the tensors that the other side had as its inputs, and compared with what the other
side made of them. What went wrong earlier is in those inputs, so that it is not held against the op.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.proof.compare import CEILING, EPS32, FACTOR, ULPS, differences, scale_of
from ovprep.proof.location.parts import Parts
from ovprep.proof.rounding import DYNAMIC
from ovprep.workers.arrays import Array

if TYPE_CHECKING:
    import onnx_ir as ir

_QUANTISING = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QuantizeLinear"})


@dataclass(frozen=True, eq=False)
class Step:
    """One tensor that both sides have, and how far it is from what the tensors before it give.

    node, op_type   the op that makes it
    place           the op's place among those of the graph, from 0
    region          the ops, by name, between the tensors that both sides have and this one; `node` is the last
    inputs          the tensors that both sides have and the region takes, by name, as the other side has them
    expected        what the region makes of them in float64
    error           largest absolute difference; infinite where shapes differ or one side alone is finite
    mean            mean absolute difference
    scale           largest magnitude of `expected`; 1 where that is 0
    share           of the elements that differ by more than the tolerance
    tolerance       what float32 may do to this region
    """

    node: str
    op_type: str
    place: int
    tensor: str
    region: tuple[str, ...]
    inputs: dict[str, Array]
    expected: Array
    error: float
    mean: float
    scale: float
    share: float
    tolerance: float

    @property
    def excess(self) -> float:
        """The error in units of its tolerance."""
        return self.error / self.tolerance if self.tolerance else (float("inf") if self.error else 0.0)


@dataclass(eq=False)
class _Known:
    """A tensor during the walk: in float64, in float32, and what it was computed with since both sides had it."""

    exact: Array
    rounded: Array
    region: dict[str, None] = field(default_factory=dict)
    sources: dict[str, Array] = field(default_factory=dict)


class Walk:
    """A graph and inputs for it, ready to be walked through beside any number of runs."""

    def __init__(self, model: "ir.Model", inputs: Sequence[Array]) -> None:
        """`inputs` are in the graph's own order and layouts. Raises UnsupportedError for a graph too large for it."""
        self.inputs = inputs
        self.outputs = tuple(str(value.name) for value in model.graph.outputs)
        self.parts = Parts(model)
        self.tensors = tuple(name for node in self.parts.nodes for name in node.output if name)
        """Names of all tensors that the ops make, in order."""
        self.unjudged: tuple[str, ...] = ()
        """Ops of the last walk that float64 was beyond, by name."""

    def steps(self, seen: Mapping[str, Array]) -> list[Step]:
        """Walks through the graph; `seen` are the other side's tensors by their names."""
        return self._walk(seen)[0]

    @cached_property
    def own(self) -> dict[str, Array]:
        """All tensors as the graph itself has them, in float32 and by name; those beyond float64 left out."""
        return {name: value.rounded for name, value in self._unaided.items()}

    @cached_property
    def exact(self) -> dict[str, Array]:
        """The same in float64."""
        return {name: value.exact for name, value in self._unaided.items()}

    def is_wrong(self, name: str, seen: Array) -> bool:
        """Whether a tensor is not what the graph makes of its inputs, all ops before it taken together."""
        node = self.parts.maker(name)
        if node is None or name not in self._unaided:
            return False
        return self._step(node, name, self._unaided[name], seen).excess > 1.0

    def before(self, tensor: str, among: Collection[str]) -> list[str]:
        """The nearest tensors before one that are `among` those named, inputs of the graph always; in no order."""
        found: dict[str, None] = {}
        waiting, visited = [tensor], {tensor}
        while waiting:
            node = self.parts.maker(waiting.pop())
            for name in self.parts.needs(node) if node is not None else ():
                if name in among or name in self.parts.inputs:
                    found[name] = None
                elif name not in visited:
                    visited.add(name)
                    waiting.append(name)
        return list(found)

    @cached_property
    def _unaided(self) -> dict[str, _Known]:
        return self._walk({})[1]

    def _walk(self, seen: Mapping[str, Array]) -> tuple[list[Step], dict[str, _Known]]:
        known = {name: _given(array) for name, array in zip(self.parts.inputs, self.inputs, strict=True)}
        steps: list[Step] = []
        beyond: list[str] = []
        for node in self.parts.nodes:
            computed = self._computed(node.name, known)
            if computed is None:
                beyond.append(node.name)
            for name in filter(None, node.output):
                if name in seen:
                    if computed is not None:
                        steps.append(self._step(node.name, name, computed[name], seen[name]))
                    known[name] = _given(seen[name])
                elif computed is not None:
                    known[name] = computed[name]
        self.unjudged = tuple(beyond)
        return steps, known

    def _computed(self, node: str, known: Mapping[str, _Known]) -> dict[str, _Known] | None:
        """The op's outputs; None where one of its inputs is not known, or float64 is beyond it."""
        needed = self.parts.needs(node)
        if any(one not in known for one in needed):
            return None
        taken = {one: known[one] for one in needed}
        try:
            exact = self.parts.run(node, {one: value.exact for one, value in taken.items()}, double=True)
            rounded = self.parts.run(node, {one: value.rounded for one, value in taken.items()}, double=False)
        except UnsupportedError:
            return None
        region: dict[str, None] = {}
        sources: dict[str, Array] = {}
        for one, value in taken.items():
            region |= value.region
            sources |= value.sources if value.region else {one: value.rounded}
        region[node] = None
        return {one: _Known(array, rounded[one], region, sources) for one, array in exact.items()}

    def _step(self, node: str, name: str, computed: _Known, seen: Array) -> Step:
        exact = computed.exact
        scale = scale_of([exact]) or 1.0
        noise = differences(exact, computed.rounded)
        finite = noise[np.isfinite(noise)]
        tolerance = FACTOR * (float(finite.max()) if finite.size else 0.0) + ULPS * EPS32 * scale
        tolerance = min(tolerance, CEILING * scale)
        if any(self.parts.op_type(one) in _QUANTISING for one in computed.region):
            tolerance = max(tolerance, DYNAMIC * scale)
        largest, mean, share = float("inf"), float("inf"), 1.0
        if exact.shape == seen.shape:
            largest, mean, share = _statistics(differences(exact, seen), tolerance)
        return Step(
            node=node,
            op_type=self.parts.op_type(node),
            place=self.parts.place(node),
            tensor=name,
            region=tuple(computed.region),
            inputs=computed.sources,
            expected=exact,
            error=largest,
            mean=mean,
            scale=scale,
            share=share,
            tolerance=tolerance,
        )


def first_unexplained(steps: Sequence[Step]) -> Step | None:
    """The first step that is clearly among those that exceed their tolerance; None where none does.

    A tolerance is an estimate, and a harmless op may exceed it a little: only what reaches the square root of the
    largest excess is taken for a cause.
    """
    worst = max((step.excess for step in steps), default=0.0)
    if worst <= 1.0:
        return None
    enough = np.sqrt(min(worst, 1e12))
    return next(step for step in steps if step.excess >= enough)


def _given(array: Array) -> _Known:
    return _Known(array.astype(np.float64) if array.dtype.kind == "f" else array, array)


def _statistics(error: Array, tolerance: float) -> tuple[float, float, float]:
    if not error.size:
        return 0.0, 0.0, 0.0
    return float(error.max()), float(error.mean()), float(np.mean(error > tolerance))
