"""Exact minimum s-t cut with integer capacities.

Push-relabel (Goldberg and Tarjan, 1988), first phase only: a maximum preflow already shows a minimum cut, so excess
that cannot arrive is never returned. The flow is pushed backwards, from the sink to the source, because the first phase
leaves the nodes that still reach its goal: with the source as goal they are the minimal source side, which is unique.
Against Dinic: layout networks are long chains on which a unit of flow may travel far, and Dinic then needs a phase for
every path length, where push-relabel moves the collected excess at once.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush


@dataclass(frozen=True)
class MinCut:
    """A minimum cut.

    value: the sum of the capacities from the source side to the rest, which is the maximum flow.
    source_side: of all minimum cuts the smallest set of nodes that holds the source; every other one contains it.
    """

    value: int
    source_side: frozenset[int]


def min_cut(node_count: int, arcs: Iterable[tuple[int, int, int]], source: int, sink: int) -> MinCut:
    """Cut `arcs` (tail, head, capacity) between nodes 0 to `node_count` - 1 at the least capacity.

    Parallel and antiparallel arcs and loops are allowed. For a capacity that must never be cut, give one above the sum
    of all others. Raises ValueError where source and sink are one node or a capacity is negative.
    """
    if source == sink:
        raise ValueError("source and sink are the same node")
    preflow = _Preflow(node_count, arcs, source, sink)
    preflow.run()
    return MinCut(preflow.excess[source], frozenset(preflow.reaching_goal()))


class _Preflow:
    """A preflow from `sink` to `source` against the arcs.

    Residual arc `e` and its reverse `e ^ 1` are neighbours in `head` and `residual`. The height of a node is a lower
    bound of its distance to the goal in the residual network; `node_count` stands for "does not reach it".
    """

    def __init__(self, node_count: int, arcs: Iterable[tuple[int, int, int]], source: int, sink: int) -> None:
        self.node_count = node_count
        self.origin, self.goal = sink, source
        self.head: list[int] = []
        self.residual: list[int] = []
        self.leaving: list[list[int]] = [[] for _ in range(node_count)]
        for tail, head, capacity in arcs:
            if capacity < 0:
                raise ValueError(f"negative capacity {capacity} from node {tail} to node {head}")
            self.leaving[head].append(len(self.head))
            self.leaving[tail].append(len(self.head) + 1)
            self.head += (tail, head)
            self.residual += (capacity, 0)
        self.excess = [0] * node_count
        self.height = [0] * node_count
        self.next_arc = [0] * node_count
        self.wave: list[tuple[int, int]] = []  # a heap of (-height, node): the nodes with excess, highest first
        self.next_wave: list[int] = []
        self.relabels = 0

    def run(self) -> None:
        """Push all excess as near to the goal as it goes, in waves.

        In a wave the highest node goes first, so that excess from far away gathers what lies on its way. A node that
        has to be raised waits for the next wave, so that regions cut off from the goal rise side by side.
        """
        for arc in self.leaving[self.origin]:
            self._push(self.origin, arc, self.residual[arc])
        self._measure_heights()
        self.next_wave = [node for node in range(self.node_count) if self.excess[node] > 0 and node != self.goal]
        while self.next_wave:
            if self.relabels >= self.node_count:  # exact heights again: linear cost, spread over as many relabels
                self._measure_heights()
            self.wave = [(-self.height[node], node) for node in self.next_wave if self.height[node] < self.node_count]
            heapify(self.wave)
            self.next_wave = []
            while self.wave:
                self._discharge(heappop(self.wave)[1])

    def reaching_goal(self) -> list[int]:
        """Return the nodes with a residual path to the goal."""
        self._measure_heights()
        return [node for node in range(self.node_count) if self.height[node] < self.node_count]

    def _measure_heights(self) -> None:
        """Set every height to the exact distance to the goal, breadth first.

        No arc that leaves the origin has a residual, so that it is never reached and takes no flow back.
        """
        head, residual, unreached = self.head, self.residual, self.node_count
        height = self.height = [unreached] * unreached
        height[self.goal] = 0
        queue = deque([self.goal])
        while queue:
            node = queue.popleft()
            for arc in self.leaving[node]:
                neighbour = head[arc]
                if residual[arc ^ 1] and height[neighbour] == unreached:
                    height[neighbour] = height[node] + 1
                    queue.append(neighbour)
        self.next_arc = [0] * unreached
        self.relabels = 0

    def _discharge(self, node: int) -> None:
        """Push the excess of `node` downhill; raise the node if some is left."""
        height, head, residual, leaving = self.height, self.head, self.residual, self.leaving[node]
        position = self.next_arc[node]
        while self.excess[node] and position < len(leaving):
            arc = leaving[position]
            if residual[arc] and height[node] == height[head[arc]] + 1:
                self._push(node, arc, min(self.excess[node], residual[arc]))
            else:
                position += 1
        if self.excess[node]:
            position = 0
            lowest = min((height[head[arc]] for arc in leaving if residual[arc]), default=self.node_count)
            height[node] = min(lowest + 1, self.node_count)
            self.relabels += 1
            self.next_wave.append(node)
        self.next_arc[node] = position

    def _push(self, node: int, arc: int, amount: int) -> None:
        """Send `amount` through `arc`; the node it reaches joins the wave when it had no excess."""
        target = self.head[arc]
        if not self.excess[target] and target != self.goal:
            heappush(self.wave, (-self.height[target], target))
        self.residual[arc] -= amount
        self.residual[arc ^ 1] += amount
        self.excess[node] -= amount
        self.excess[target] += amount
