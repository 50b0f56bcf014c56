"""The layout problem and its exact solution: which ops run in the other layout so that the fewest bytes are transposed.

Every op that is not a swap has a bit x: 0 runs as written, 1 runs in the other layout. A value (a net) is asked for in
one orientation by its producer and each consumer; where they are not unanimous its bytes are paid, once however many
disagree, because one Transpose serves them all. Resolving the swaps first (`ovprep.layout.frames`) leaves a sum of such
terms, and a minimum cut (`ovprep.layout.mincut`) minimises it exactly.
"""

from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Literal

from ovprep.layout.frames import Frames, resolve_frames
from ovprep.layout.mincut import min_cut


@dataclass(frozen=True)
class Op:
    """One operation.

    kind: "free" runs in either layout, "pinned" must run as written, "swap" is an existing Transpose between the two
    layouts. A graph input is a pinned op that consumes nothing, a graph output one that produces nothing.
    slower: what a free op loses in the other layout, in bytes that a Transpose could move meanwhile.
    """

    name: str
    kind: Literal["free", "pinned", "swap"]
    slower: int = 0


@dataclass(frozen=True)
class Net:
    """One value: its producer (op index), its consumers (op indices, once per use), the bytes a transpose moves."""

    producer: int
    consumers: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class LayoutProblem:
    """Ops and the nets between them, a directed acyclic graph.

    Raises ValueError where an op index is out of range, a size is negative, a swap has not exactly one input and one
    output, or ops form a cycle.
    """

    ops: tuple[Op, ...]
    nets: tuple[Net, ...]

    def __post_init__(self) -> None:
        for index, net in enumerate(self.nets):
            if not all(0 <= op < len(self.ops) for op in (net.producer, *net.consumers)):
                raise ValueError(f"net {index} names an op that is not in the problem: {net}")
            if net.bytes < 0:
                raise ValueError(f"net {index} has a negative size: {net}")
        _ = self.swap_nets, self.topological_order  # both refuse what they cannot describe

    @cached_property
    def swap_nets(self) -> dict[int, tuple[int, int]]:
        """The net before and the net after each swap op."""
        before: dict[int, list[int]] = {index: [] for index, op in enumerate(self.ops) if op.kind == "swap"}
        after: dict[int, list[int]] = {swap: [] for swap in before}
        for index, net in enumerate(self.nets):
            if net.producer in after:
                after[net.producer].append(index)
            for op in net.consumers:
                if op in before:
                    before[op].append(index)
        for swap in before:
            if len(before[swap]) != 1 or len(after[swap]) != 1:
                raise ValueError(
                    f"swap {self.ops[swap].name!r} needs one input and one output, "
                    f"but has {len(before[swap])} and {len(after[swap])}"
                )
        return {swap: (before[swap][0], after[swap][0]) for swap in before}

    @cached_property
    def topological_order(self) -> tuple[int, ...]:
        """Op indices, each after the producers of what it consumes."""
        sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(range(len(self.ops)), ()))
        for net in self.nets:
            for op in net.consumers:
                sorter.add(op, net.producer)
        return tuple(sorter.static_order())


@dataclass(frozen=True)
class PlacedValue:
    """One value without the swaps that the plan dissolves.

    net: the first that shows it, the one that its producer writes.
    ends: the op, the net and the orientation of each terminal, producer first. Two orientations are the same layout iff
        they are equal, within this value.
    """

    net: int
    bytes: int
    ends: tuple[tuple[int, int, int], ...]

    @property
    def torn(self) -> bool:
        """Whether it is wanted in both layouts, and so needs a Transpose."""
        return len({want for _, _, want in self.ends}) > 1


@dataclass(frozen=True)
class LayoutPlan:
    """The cheapest placement.

    swapped: per op, whether it runs in the other layout than it was written in. For a swap, False: it stays as a
        Transpose and both its sides are as written; True: it is gone, its input and output are one value. A value whose
        terminals are not unanimous then needs one new Transpose, which no existing swap could be.
    bytes_before: the bytes transposed as written. Each swap pays for itself, also where several read the same net:
        that is what the graph as given executes.
    bytes_after: the bytes transposed by the plan: of each swap that stays and each value that is not unanimous, once.
        Never more than bytes_before.
    kept: the swaps that close an odd cycle, and stay for that.
    values: what `swapped` makes of each value; it follows from it, and is there for who explains the plan.
    """

    swapped: tuple[bool, ...]
    bytes_before: int
    bytes_after: int
    kept: frozenset[int] = frozenset()
    values: tuple[PlacedValue, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class _Value:
    """One value without its swaps: its size and its terminals (op, net) on all nets that show it, producer first."""

    bytes: int
    terminals: tuple[tuple[int, int], ...]


def solve(problem: LayoutProblem) -> LayoutPlan:
    """Return the placement that transposes the fewest bytes, exactly, where no swap closes an odd cycle.

    A swap that does close one (`x + transpose(x)`) stays: it is pinned on both sides and pays its bytes, and the
    rest is exact. Of equally cheap placements the one with the fewest ops away from their written layout wins, and of
    those the minimal source side of the cut, seen in the frame of the free op nearest the inputs. The answer is unique
    and does not depend on the order of ops, nets and consumers.
    """
    frames = resolve_frames(problem)
    values = _values(problem, frames)
    labels = _cheapest_labels(problem, frames, values)
    placed = {
        start: PlacedValue(start, v.bytes, tuple((op, n, labels[op] ^ frames.nets[n]) for op, n in v.terminals))
        for start, v in values.items()
    }
    torn = {start: value for start, value in placed.items() if value.torn}
    staying = frames.kept | _tearing_swaps(problem, frames, torn)
    swapped = tuple(i not in staying if op.kind == "swap" else labels[i] for i, op in enumerate(problem.ops))
    cost = {swap: frames.bytes[before] for swap, (before, _) in problem.swap_nets.items()}
    after = sum(cost[swap] for swap in frames.kept) + sum(value.bytes for value in torn.values())
    return LayoutPlan(swapped, sum(cost.values()), after, frames.kept, tuple(placed.values()))


def _values(problem: LayoutProblem, frames: Frames) -> dict[int, _Value]:
    """Gather the terminals of each value, keyed by the net that its producer writes."""
    terminals: dict[int, list[tuple[int, int]]] = {start: [] for start in frames.values}
    dissolved = problem.swap_nets.keys() - frames.kept
    for start in terminals:
        terminals[start].append((problem.nets[start].producer, start))
    for index, net in enumerate(problem.nets):
        terminals[frames.values[index]].extend((op, index) for op in net.consumers if op not in dissolved)
    return {start: _Value(frames.bytes[start], tuple(ends)) for start, ends in terminals.items()}


class _Network:
    """The arcs of the cut: each op is the node of its index, the source stands for y = 1 and the sink for y = 0."""

    def __init__(self, op_count: int) -> None:
        self.source, self.sink, self.node_count = op_count, op_count + 1, op_count + 2
        self.arcs: list[tuple[int, int, int]] = []

    def prefer(self, op: int, y: int, weight: int) -> None:
        """Cost `weight` if the op has the other label."""
        self.arcs.append((self.source, op, weight) if y else (op, self.sink, weight))

    def unite(self, free: set[int], fixed: set[int], weight: int) -> None:
        """Cost `weight`, once, if the labels of the ops `free` and the constants `fixed` are not all the same.

        An op on the source side pulls the entry there, one on the sink side pulls the exit there, and the arc between
        them is cut iff both happen. The constant 1 makes the source itself the entry, the constant 0 the sink the exit.
        The arcs that pull need no more than `weight`: to cut one of them already costs as much as the arc between.
        """
        if len(free) == 2 and not fixed:
            one, other = free
            self.arcs += [(one, other, weight), (other, one, weight)]  # the same without helpers, in half the time
            return
        entry, way_out = self.source, self.sink
        if 1 not in fixed:
            entry, self.node_count = self.node_count, self.node_count + 1
            self.arcs += [(op, entry, weight) for op in free]
        if 0 not in fixed:
            way_out, self.node_count = self.node_count, self.node_count + 1
            self.arcs += [(way_out, op, weight) for op in free]
        self.arcs.append((entry, way_out, weight))


def _cheapest_labels(problem: LayoutProblem, frames: Frames, values: dict[int, _Value]) -> list[bool]:
    """Return x per op from a minimum cut.

    One unit per op that leaves its written layout, and per byte more than all of these together, orders the costs
    lexicographically.
    """
    op_count = len(problem.ops)
    byte = op_count + 1
    network = _Network(op_count)
    for index, op in enumerate(problem.ops):
        if op.kind == "free":
            network.prefer(index, frames.ops[index], byte * op.slower + 1)
    for value in values.values():
        free = {op for op, _ in value.terminals if problem.ops[op].kind == "free"}
        fixed = {frames.nets[net] for op, net in value.terminals if op not in free}
        network.unite(free, fixed, byte * value.bytes)
    side = min_cut(network.node_count, network.arcs, network.source, network.sink).source_side
    return [op.kind == "free" and (index in side) != bool(frames.ops[index]) for index, op in enumerate(problem.ops)]


def _tearing_swaps(problem: LayoutProblem, frames: Frames, torn: dict[int, PlacedValue]) -> set[int]:
    """Return the swaps that are, as they stand, the one Transpose which a torn value needs.

    Such a swap has exactly the terminals behind it that disagree with the producer, and they want what it makes:
    staying as written costs the same as a new Transpose. In a row of such swaps the one nearest the producer stays.
    """
    terminals, dissenting = [0] * len(problem.nets), [0] * len(problem.nets)  # on each net and behind its swaps
    for value in torn.values():
        for _, net, want in value.ends:
            terminals[net] += 1
            dissenting[net] += want != value.ends[0][2]
    dissolved = [op for op in problem.topological_order if op in problem.swap_nets and op not in frames.kept]
    for swap in reversed(dissolved):
        before, after = problem.swap_nets[swap]
        terminals[before] += terminals[after]
        dissenting[before] += dissenting[after]
    staying: dict[int, int] = {}
    for swap in dissolved:
        before, after = problem.swap_nets[swap]
        start = frames.values[after]
        exactly = terminals[after] == dissenting[after] == dissenting[start]
        if start in torn and exactly and torn[start].ends[0][2] == frames.nets[before]:
            staying.setdefault(start, swap)
    return set(staying.values())
