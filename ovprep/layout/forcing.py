"""Why a Transpose stays: the two ops, one on each side, that cannot move and want different layouts.

In a cheapest plan every torn value is held by a pinned op on either side, reached through values that are in one layout
alone: were there none on a side, all that hangs together there could be turned and the value would be whole.
"""

from collections import deque
from dataclasses import dataclass

from ovprep.layout.problem import LayoutPlan, LayoutProblem


@dataclass(frozen=True)
class Forced:
    """One Transpose that the plan leaves.

    net: what it transposes; bytes: how much that is, 0 where an axis of size one makes it free.
    givers: the ops at which the value is as its producer, the first of them, gives it; takers: the others.
    pins: the nearest op that cannot move, seen from the givers and from the takers. Where the Transpose is one that was
        there and closes an odd cycle: the one op in which a value meets its own transpose. A free one may have none.
    """

    net: int
    bytes: int
    givers: tuple[int, ...]
    takers: tuple[int, ...]
    pins: tuple[int, ...]


def forced_transposes(problem: LayoutProblem, plan: LayoutPlan) -> tuple[Forced, ...]:
    """All Transposes of a plan that `solve` made, in the order of the nets."""
    nearest = _nearest_pins(problem, plan)
    found = []
    for value in plan.values:
        if not value.torn:
            continue
        first = value.ends[0][2]
        givers = tuple(dict.fromkeys(op for op, _, want in value.ends if want == first))
        takers = tuple(dict.fromkeys(op for op, _, want in value.ends if want != first))
        ways = [[nearest[op] for op in side if op in nearest] for side in (givers, takers)]
        found.append(Forced(value.net, value.bytes, givers, takers, tuple(min(way)[1] for way in ways if way)))
    found += [_odd(problem, plan, swap) for swap in plan.kept]
    return tuple(sorted(found, key=lambda entry: entry.net))


def _nearest_pins(problem: LayoutProblem, plan: LayoutPlan) -> dict[int, tuple[int, int]]:
    """Steps to the nearest op that stays as it is, and that op, for each op from which whole values lead there."""
    values_of: list[list[int]] = [[] for _ in problem.ops]
    for index, value in enumerate(plan.values):
        for op, _, _ in value.ends:
            values_of[op].append(index)
    held = [index for index, op in enumerate(problem.ops) if op.kind == "pinned" or index in plan.kept]
    nearest = {op: (0, op) for op in held}
    crossed = [value.torn for value in plan.values]
    queue = deque(held)
    while queue:
        op = queue.popleft()
        steps, pin = nearest[op]
        for index in values_of[op]:
            if crossed[index]:
                continue
            crossed[index] = True
            for other, _, _ in plan.values[index].ends:
                if other not in nearest:
                    nearest[other] = (steps + 1, pin)
                    queue.append(other)
    return nearest


def _odd(problem: LayoutProblem, plan: LayoutPlan, swap: int) -> Forced:
    """A kept swap, and the last op on the shortest way, through ops that could move, from its input to its output."""
    made, taken = (
        next(i for i, value in enumerate(plan.values) if swap in [op for op, _, _ in value.ends[part]])
        for part in (slice(1), slice(1, None))
    )
    came = _ways(problem, plan, taken)
    way, step = [], came.get(made)
    while step is not None:
        way.append(step[0])
        step = came[step[1]]
    place = {op: number for number, op in enumerate(problem.topological_order)}
    meeting = max(way, key=place.__getitem__, default=swap)
    before, after = problem.swap_nets[swap]
    takers = tuple(dict.fromkeys(problem.nets[after].consumers))
    return Forced(before, plan.values[taken].bytes, (problem.nets[before].producer,), takers, (meeting,))


def _ways(problem: LayoutProblem, plan: LayoutPlan, start: int) -> dict[int, tuple[int, int] | None]:
    """The value and the free op from which each value was reached first, walking from one of them; its own is None."""
    values_of: dict[int, list[int]] = {}
    for index, value in enumerate(plan.values):
        for op, _, _ in value.ends:
            if problem.ops[op].kind == "free":
                values_of.setdefault(op, []).append(index)
    came: dict[int, tuple[int, int] | None] = {start: None}
    queue = deque([start])
    while queue:
        index = queue.popleft()
        for op, _, _ in plan.values[index].ends:
            for other in values_of.get(op, ()):
                if other not in came:
                    came[other] = (op, index)
                    queue.append(other)
    return came
