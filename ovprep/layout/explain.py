"""The plan as a person reads it: where each op runs, which Transposes stay, and what forces them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import onnx_ir as ir

from ovprep.graph.shapes import rank_of
from ovprep.interface import Dim
from ovprep.layout.forcing import Forced, forced_transposes
from ovprep.layout.letters import layouts_of
from ovprep.layout.orientation import turn_of
from ovprep.layout.problem import LayoutPlan, LayoutProblem
from ovprep.layout.rules import Pinned, Ruling, oriented_inputs
from ovprep.layout.rules.spatial import CHANNEL_FIRST
from ovprep.layout.written import Written

_BY_DEFINITION = {3: "NCW", 4: "NCHW"}


@dataclass(frozen=True)
class PlacedOp:
    """One op, or an input or output of the graph, with the layout that it runs in.

    `layout` has the letters of its first tensor that has a layout, None where nothing tells what its axes mean. `moved`
    says that it was written in the other layout, `pin` why it could not move.
    """

    op: str
    type: str
    layout: str | None
    moved: bool
    pin: str | None


@dataclass(frozen=True)
class Reason:
    """An op, and what it wants."""

    op: str
    reason: str


@dataclass(frozen=True)
class StayingTranspose:
    """One Transpose that the plan leaves between the ops `givers` and the ops `takers`.

    `shape` is that of the givers' side, `layouts` are the letters of both sides where known. `bytes`, at batch one, are
    0 where one of the axes has size one: it is then written as a Reshape. `because` names the ops that force it.
    """

    givers: tuple[str, ...]
    takers: tuple[str, ...]
    shape: tuple[Dim | None, ...]
    layouts: tuple[str | None, str | None]
    bytes: int
    because: tuple[Reason, ...]


@dataclass(frozen=True)
class Explanation:
    """All ops in order, inputs first and outputs last, and all Transposes that stay."""

    ops: tuple[PlacedOp, ...] = ()
    transposes: tuple[StayingTranspose, ...] = ()


@dataclass(frozen=True)
class Explainer:
    """Puts a plan in words, before it is carried out.

    The first ops of the problem are `nodes`, with a ruling each; its nets are `values`.
    """

    graph: ir.Graph
    nodes: Sequence[ir.Node]
    rulings: Sequence[Ruling]
    values: Sequence[ir.Value]
    problem: LayoutProblem
    plan: LayoutPlan
    written: Written

    def explanation(self) -> Explanation:
        inputs = [op for op in self._ports if self._kind(op) == "input"]
        outputs = [op for op in self._ports if self._kind(op) == "output"]
        inside = [op for op in range(len(self.nodes)) if self.problem.ops[op].kind != "swap"]
        forced = forced_transposes(self.problem, self.plan)
        return Explanation(
            tuple(self._placed(op) for op in (*inputs, *inside, *outputs)),
            tuple(map(self._staying, forced)),
        )

    @cached_property
    def _layouts(self) -> dict[ir.Value, str]:
        return layouts_of(self.graph)

    @cached_property
    def _ports(self) -> dict[int, ir.Value]:
        """The value of each op that stands for an input or output."""
        first = len(self.nodes)
        return {
            op: value
            for net, value in zip(self.problem.nets, self.values, strict=True)
            for op in (net.producer, *net.consumers)
            if op >= first
        }

    def _kind(self, op: int) -> str:
        if op < len(self.nodes):
            return self.nodes[op].op_type
        return "input" if self.problem.ops[op].name.startswith("input ") else "output"

    def _name(self, op: int) -> str:
        return str(self.nodes[op].name if op < len(self.nodes) else self._ports[op].name)

    def _placed(self, op: int) -> PlacedOp:
        return PlacedOp(
            self._name(op), self._kind(op), self._layout(op, self._tensor(op)), self.plan.swapped[op], self._pin(op)
        )

    def _tensor(self, op: int) -> ir.Value | None:
        """The first tensor of an op that has a layout."""
        if op >= len(self.nodes):
            return self._ports[op]
        node = self.nodes[op]
        read = [value for index in oriented_inputs(node) if (value := node.inputs[index]) is not None]
        made = [value for value in node.outputs if value in self._layouts]
        return next(iter((*read, *made)), None)

    def _layout(self, op: int, value: ir.Value | None) -> str | None:
        """The letters in which an op has one of its values, where they are known."""
        if op < len(self.nodes) and self.nodes[op].op_type in CHANNEL_FIRST and value is not None:
            return _BY_DEFINITION.get(rank_of(value) or 0)
        letters = self._layouts.get(value, "") if value is not None else ""
        return None if not letters or "?" in letters else other_layout(letters) if self.plan.swapped[op] else letters

    def _pin(self, op: int) -> str | None:
        if op < len(self.nodes):
            ruling = self.rulings[op]
            return ruling.reason if isinstance(ruling, Pinned) else None
        letters = self._layout(op, self._ports[op])
        if letters is None:
            return "nothing tells what the axes mean, so the interface stays"
        return f"the interface {'gives' if self._kind(op) == 'input' else 'asks for'} {letters}"

    def _staying(self, forced: Forced) -> StayingTranspose:
        value = self.values[forced.net]
        before = self._layout(forced.givers[0], value)
        shape = tuple(dim if isinstance(dim, int) else dim.value for dim in value.shape or ())
        if self.plan.swapped[forced.givers[0]]:
            shape = tuple(shape[axis] for axis in turn_of(len(shape), self.written.of(value)))
        return StayingTranspose(
            tuple(map(self._name, forced.givers)),
            tuple(map(self._name, forced.takers)),
            shape,
            (before, None if before is None else other_layout(before)),
            forced.bytes,
            tuple(self._reason(pin) for pin in forced.pins),
        )

    def _reason(self, op: int) -> Reason:
        pin = self._pin(op)
        return Reason(self._name(op), pin or "takes a value together with its own transpose")


def other_layout(letters: str) -> str:
    """The letters with the channels at the other end: NWC for NCW, NHWC for NCHW.

    Of letters of another order, as WNC, the last two trade places.
    """
    if letters.startswith("NC"):
        return f"N{letters[2:]}C"
    return f"NC{letters[1:-1]}" if letters[0] == "N" and letters[-1] == "C" else letters[:1] + letters[:0:-1]
