"""Frames: values that existing Transposes show in both layouts, brought to one point of view.

A minimum cut can charge two bits for being different, never for being equal, and a Transpose that is already there
saves its bytes when its two sides *differ*. So swaps are resolved first: a value after a swap is the value before it,
transposed, and every op and net gets a frame bit f. In y = x XOR f, terminals of one value agree iff their y are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovprep.layout.problem import LayoutProblem


class ParityUnionFind:
    """Disjoint sets of items 0 to size - 1 in which each pair of one set is known to be equal (0) or opposite (1)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))
        self._parity = [0] * size  # against the parent
        self._size = [1] * size

    def find(self, item: int) -> tuple[int, int]:
        """Return the representative of the item's set and the item's parity against it."""
        path = []
        while self._parent[item] != item:
            path.append(item)
            item = self._parent[item]
        parity = 0
        for node in reversed(path):  # from the representative outwards, so that parities add up
            parity ^= self._parity[node]
            self._parent[node], self._parity[node] = item, parity
        return item, parity

    def union(self, first: int, second: int, parity: int) -> bool:
        """Record that the items are equal (0) or opposite (1); False, and no change, where the opposite is known."""
        (root, root_parity), (other, other_parity) = self.find(first), self.find(second)
        parity ^= root_parity ^ other_parity
        if root == other:
            return parity == 0
        if self._size[root] < self._size[other]:
            root, other = other, root
        self._parent[other], self._parity[other] = root, parity
        self._size[root] += self._size[other]
        return True


@dataclass(frozen=True)
class Frames:
    """The problem without its swaps.

    ops: frame bit per op (0 for ops that are not free: they have one terminal per net, each in that net's frame).
    nets: frame bit per net.
    values: per net, the net that stands for its value: itself, or the one a chain of dissolved swaps starts from.
    bytes: per net, what transposing it costs. Nets that swaps link are of one size; where the problem states
        different sizes (a shape was unknown on one side) the largest counts.
    kept: swaps that would close an odd cycle and so stay as Transposes. All others are dissolved.
    """

    ops: tuple[int, ...]
    nets: tuple[int, ...]
    values: tuple[int, ...]
    bytes: tuple[int, ...]
    kept: frozenset[int]


def resolve_frames(problem: LayoutProblem) -> Frames:
    """Dissolve every swap that contradicts nothing, and give each op and net its frame.

    A free op has one bit for all its terminals, so it ties its nets into one frame. A pinned op does not: with x fixed
    its terminals are independent constants, and no cycle through it can be odd. Swaps are dissolved in order of
    descending bytes, so that the cheapest of an odd cycle is kept; among equals the one nearest the inputs goes first
    (see `structural_order`). In every connected component the free op nearest the inputs has frame 0.
    """
    op_count, order = len(problem.ops), structural_order(problem)
    sizes = _linked_bytes(problem)
    relation = ParityUnionFind(op_count + len(problem.nets))
    for net, value in enumerate(problem.nets):
        for op in (value.producer, *value.consumers):
            if problem.ops[op].kind == "free":
                relation.union(op, op_count + net, 0)
    swaps = [op for op in order if problem.ops[op].kind == "swap"]
    kept = set()
    for swap in sorted(swaps, key=lambda op: -sizes[problem.swap_nets[op][0]]):  # stable: equals stay in order
        before, after = problem.swap_nets[swap]
        if not relation.union(op_count + before, op_count + after, 1):
            kept.add(swap)
    origin: dict[int, int] = {}
    for op in order:
        if problem.ops[op].kind == "free":
            origin.setdefault(*relation.find(op))
    places = (relation.find(item) for item in range(op_count + len(problem.nets)))
    bits = tuple(parity ^ origin.get(root, 0) for root, parity in places)
    values = _chain_starts(problem, kept)
    return Frames(bits[:op_count], bits[op_count:], values, sizes, frozenset(kept))


def structural_order(problem: LayoutProblem) -> list[int]:
    """Order the ops by what they are in the graph: by depth below the inputs, then by a hash of their surroundings.

    Every remaining tie of the solver is broken along this order, so that neither the numbering of ops and nets nor,
    except between twins that the hash cannot tell apart, their names change the answer.
    """
    order = problem.topological_order
    inputs: list[list[tuple[int, int]]] = [[] for _ in problem.ops]
    outputs: list[list[int]] = [[] for _ in problem.ops]
    for index, net in enumerate(problem.nets):
        outputs[net.producer].append(index)
        for op in net.consumers:
            inputs[op].append((net.bytes, net.producer))
    depths = [0] * len(problem.ops)
    for op in order:
        depths[op] = 1 + max((depths[producer] for _, producer in inputs[op]), default=0)

    def down(marks: list[bytes]) -> list[bytes]:
        for op in order:
            marks[op] = _digest(marks[op], (b"%d " % size + marks[producer] for size, producer in inputs[op]))
        return marks

    def up(marks: list[bytes]) -> list[bytes]:
        for op in reversed(order):
            nets = [problem.nets[index] for index in outputs[op]]
            marks[op] = _digest(marks[op], (_digest(b"%d" % n.bytes, (marks[c] for c in n.consumers)) for n in nets))
        return marks

    marks = down(up(down([op.kind.encode() for op in problem.ops])))  # the last pass brings in siblings
    return sorted(range(len(problem.ops)), key=lambda op: (depths[op], marks[op], problem.ops[op].name, op))


def _digest(mark: bytes, parts: Iterable[bytes]) -> bytes:
    """Hash a mark with a multiset of marks."""
    return hashlib.blake2b(b"|".join([mark, *sorted(parts)]), digest_size=16).digest()


def _chain_starts(problem: LayoutProblem, kept: set[int]) -> tuple[int, ...]:
    """Return per net the first net of its chain of swaps; a swap in `kept` starts a new chain."""
    starts = list(range(len(problem.nets)))
    for op in problem.topological_order:
        if problem.ops[op].kind == "swap" and op not in kept:
            before, after = problem.swap_nets[op]
            starts[after] = starts[before]
    return tuple(starts)


def _linked_bytes(problem: LayoutProblem) -> tuple[int, ...]:
    """Return per net the largest size stated for any net that swaps link to it."""
    starts = _chain_starts(problem, set())
    largest = [0] * len(problem.nets)
    for start, net in zip(starts, problem.nets, strict=True):
        largest[start] = max(largest[start], net.bytes)
    return tuple(largest[start] for start in starts)
