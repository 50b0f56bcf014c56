"""The layout plan of a Keras model: which calls run in the other data format, stated for the solver of `ovprep.layout`.

Three things that the solver does not know are said with values that are too dear to tear: calls of one layer share
their layout, what is written in the format to leave must move, and flattened features cannot be sorted by a Permute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.layout.frames import resolve_frames
from ovprep.layout.problem import LayoutProblem, Net, Op, solve
from ovprep.relayout.graph import Call, Graph
from ovprep.relayout.memory import recalled
from ovprep.relayout.moves import Axes, Move
from ovprep.relayout.rules import Case, Free, Pinned, Ruling, Swap, entry_of
from ovprep.relayout.rules.flatten import permuted_otherwise
from ovprep.relayout.rules.registry import UNKNOWN, configuration
from ovprep.relayout.spread import moves_of, outside

Kind = Literal["free", "pinned", "swap"]


@dataclass(frozen=True)
class Plan:
    """What runs in the other layout.

    moves       per id of a tensor, its other layout
    rulings     per id of a call
    moving      ids of the calls that run moved; of a Permute that goes: it is gone
    ends        ids of the tensors that a model, the outer or a nested one, returns moved
    """

    source: str
    moves: dict[int, Move]
    rulings: dict[int, Ruling]
    moving: frozenset[int]
    ends: frozenset[tuple[int, int]]

    def move(self, call: Call, tensor: Any) -> Move | None:
        """How the call sees the tensor: the move, or None for as written."""
        ruling = self.rulings[id(call)]
        if id(call) in self.moving and isinstance(ruling, Free) and id(tensor) not in ruling.fixed:
            return self.moves.get(id(tensor))
        return None


def plan(graph: Graph, source: str, keep: bool) -> Plan:
    """The cheapest plan that leaves the data format `source`; `keep` leaves the model's inputs and outputs alone."""
    return _Statement(graph, source, keep).solved()


@dataclass
class _Statement:
    """The problem while it is stated."""

    graph: Graph
    source: str
    keep: bool
    ops: list[Op] = field(default_factory=list)
    makers: dict[int, int] = field(default_factory=dict)  # by tensor: the op that makes it
    readers: dict[int, list[int]] = field(default_factory=dict)
    ties: list[tuple[int, int]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.moves = moves_of(self.graph, self.source)
        self.call_of = {id(call): call for call in self.graph.every_call()}
        self.rulings = self._rulings()
        self.calls: dict[int, int] = {}
        self.ends: dict[tuple[int, int], int] = {}

    def solved(self) -> Plan:
        """State the problem and solve it."""
        moved_end = self._anchor()
        for graph in self.graph.walk():
            for call in graph.calls:
                self._state(call, graph, moved_end)
            for tensor in {id(t): t for t in graph.outputs}.values():
                self.ends[id(graph), id(tensor)] = end = self._op("an output", self._end_kind(graph, tensor))
                self._read(tensor, end)
        self._share_labels()
        dear = 1 + sum(self.sizes.values())
        nets = [Net(maker, tuple(self.readers[key]), self.sizes[key] or dear) for key, maker in self.makers.items()]
        nets += [Net(first, (second,), dear) for first, second in self.ties]
        answer = solve(self._without_odd_cycles(tuple(nets))).swapped
        moving = frozenset(call for call, op in self.calls.items() if answer[op])
        return Plan(
            self.source, self.moves, self.rulings, moving, frozenset(k for k, op in self.ends.items() if answer[op])
        )

    def _without_odd_cycles(self, nets: tuple[Net, ...]) -> LayoutProblem:
        """The problem in which a Permute that cannot go (`x + permute(x)`) is an op that runs in either layout."""
        problem = LayoutProblem(tuple(self.ops), nets)
        while kept := resolve_frames(problem).kept:
            calls = {op: call for call, op in self.calls.items()}
            for op in kept:
                self.ops[op] = Op(self.ops[op].name, "free")
                self.rulings[calls[op]] = permuted_otherwise(Case(self.call_of[calls[op]], self.moves, self.source))
            problem = LayoutProblem(tuple(self.ops), nets)
        return problem

    def _rulings(self) -> dict[int, Ruling]:
        found: dict[int, Ruling] = {}
        by_layer: dict[int, list[Call]] = {}
        for graph in self.graph.walk():
            for call in graph.calls:
                by_layer.setdefault(id(call.operation), []).append(call)
                found[id(call)] = self._ruling(call, graph)
        for calls in by_layer.values():
            rulings = [found[id(call)] for call in calls]
            if len(calls) > 1 and not all(_agree(rulings[0], other) for other in rulings):
                reason = Pinned("its calls would need different configurations")
                found |= {id(call): reason for call in calls}
        return found

    def _ruling(self, call: Call, graph: Graph) -> Ruling:
        if call.nested:
            return Free()
        case = Case(call, self.moves, self.source)
        ruling = recalled(case) or entry_of(call.operation).rule(case)
        if isinstance(ruling, Free) and configuration(call.operation) is None:
            ruling = Pinned("it was made with arrays, whose axes are as written")
        if isinstance(ruling, Free) and ruling.makes and graph.is_sequential:
            return Pinned("it would become an operation node, which a Sequential cannot hold")
        if isinstance(ruling, Pinned):
            _refuse_hidden(call, self.source)
        return ruling

    def _state(self, call: Call, graph: Graph, anchor: int) -> None:
        ruling = self.rulings[id(call)]
        if call.nested:
            self._state_ports(call, call.nested)
            return
        kind: Kind = "swap" if isinstance(ruling, Swap) else "free" if isinstance(ruling, Free) else "pinned"
        if not call.inputs and not self._input_may_move(call, graph):
            kind = "pinned"
            self.rulings[id(call)] = Pinned("it is an input that is kept")
        op = self.calls[id(call)] = self._op(call.name, kind)
        fixed = ruling.fixed if isinstance(ruling, Free) else frozenset()
        for tensor in call.inputs:
            self._read(tensor, self._op(call.name, "pinned") if id(tensor) in fixed else op)
        for tensor in call.outputs:
            self._make(tensor, self._op(call.name, "pinned") if id(tensor) in fixed else op)
        if isinstance(ruling, Free) and ruling.must:
            self.ties.append((anchor, op))

    def _state_ports(self, call: Call, nested: Graph) -> None:
        """Outside of a nested model its inputs and outputs are as they are inside."""
        makers = {id(inner.outputs[0]): self.calls[id(inner)] for inner in nested.calls if not inner.inputs}
        for outer, inner in zip(call.inputs, nested.inputs, strict=True):
            alike = self.moves.get(id(outer)) == outside(call, self.moves.get(id(inner)))
            port = self._op(call.name, "free" if alike else "pinned")
            self._read(outer, port)
            self.ties.append((makers[id(inner)], port))
        for outer, inner in zip(call.outputs, nested.outputs, strict=True):
            alike = self.moves.get(id(outer)) == outside(call, self.moves.get(id(inner)))
            port = self._op(call.name, "free" if alike else "pinned")
            self._make(outer, port)
            self.ties.append((self.ends[id(nested), id(inner)], port))

    def _anchor(self) -> int:
        """An op whose tied ops move: what a Transpose makes of a value that is as written."""
        written, transpose = self._op("as written", "pinned"), self._op("moved", "swap")
        anchor = self._op("must move", "free")
        self.ties += [(written, transpose), (transpose, anchor)]
        return anchor

    def _share_labels(self) -> None:
        """The calls of one layer run in one layout."""
        first: dict[int, int] = {}
        for call in self.graph.every_call():
            op = self.calls.get(id(call))
            if op is not None and self.ops[op].kind != "swap":
                self.ties += [(first[id(call.operation)], op)] if id(call.operation) in first else []
                first.setdefault(id(call.operation), op)

    def _input_may_move(self, call: Call, graph: Graph) -> bool:
        return graph is not self.graph or (not self.keep and isinstance(self.moves.get(id(call.outputs[0])), Axes))

    def _end_kind(self, graph: Graph, tensor: Any) -> Kind:
        is_axes = isinstance(self.moves.get(id(tensor)), Axes)
        return "free" if graph is not self.graph or (is_axes and not self.keep) else "pinned"

    def _op(self, name: str, kind: Kind) -> int:
        self.ops.append(Op(name, kind))
        return len(self.ops) - 1

    def _read(self, tensor: Any, op: int) -> None:
        if id(tensor) in self.moves:
            self.readers.setdefault(id(tensor), []).append(op)

    def _make(self, tensor: Any, op: int) -> None:
        if id(tensor) in self.moves:
            self.makers[id(tensor)] = op
            self.readers.setdefault(id(tensor), [])
            is_axes = isinstance(self.moves[id(tensor)], Axes)
            self.sizes[id(tensor)] = bytes_moved(tensor) if is_axes else 0


def _refuse_hidden(call: Call, source: str) -> None:
    """Raises UnsupportedError where a layer that runs as written must not: it or one inside of it has the format."""
    operation = call.operation
    for part in getattr(operation, "_flatten_layers", lambda: [operation])():
        is_known = part is operation and entry_of(operation) is not UNKNOWN
        if is_known or getattr(part, "data_format", None) != source or type(part).__name__ == "Flatten":
            continue
        if part is operation:
            raise UnsupportedError(f"{call.name} is {source}, and nothing says how to write it in the other format.")
        raise UnsupportedError(
            f"{call.name} has the {source} layer {part.name!r} ({type(part).__name__}) inside, where it cannot be "
            "converted: build the model of Keras layers and Functional models."
        )


def _agree(one: Ruling, other: Ruling) -> bool:
    """Whether two calls of one layer ask for the same layer."""
    if not isinstance(one, Free) or not isinstance(other, Free):
        return type(one) is type(other) and not isinstance(one, Swap)
    return _layer(one) == _layer(other)


def _layer(free: Free) -> tuple[object, ...]:
    return free.config, free.weights, free.becomes, free.must


def bytes_moved(tensor: Any, open_size: int = 1) -> int:
    """What a Permute of one item moves, with this size for open axes."""
    width = 2 if "16" in str(tensor.dtype) else 8 if "64" in str(tensor.dtype) else 4
    return int(np.prod([1, *(size or open_size for size in tensor.shape[1:])])) * width
