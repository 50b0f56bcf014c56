"""Why a call has the layout that it has, as one side of a Permute."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ovprep.relayout.graph import Call, Graph
from ovprep.relayout.plan import Plan
from ovprep.relayout.rules import Pinned


def sentence(call: Call, graph: Graph, plan: Plan) -> str:
    """The call's own reason, or that of the nearest call of its layout that has one."""
    if id(call) in plan.moving:
        return f"{call.name} runs moved"
    source = next(_pinned_from(call, graph, plan), None)
    if source is None:
        return f"{call.name} runs as written"
    reason, told = plan.rulings[id(source)], f"{call.name} runs as written"
    assert isinstance(reason, Pinned)
    return f"{told}: {reason.reason}" if source is call else f"{told} with {source.name}: {reason.reason}"


def _pinned_from(call: Call, graph: Graph, plan: Plan) -> Iterator[Call]:
    """The calls with a reason that run as written, nearest first, through those that do so with them."""
    seen, waiting = {id(call)}, deque([call])
    while waiting:
        here = waiting.popleft()
        if isinstance(plan.rulings[id(here)], Pinned):
            yield here
        shared = {id(tensor) for tensor in (*here.inputs, *here.outputs) if id(tensor) in plan.moves}
        for other in graph.calls:
            touches = any(id(tensor) in shared for tensor in (*other.inputs, *other.outputs))
            if touches and id(other) not in seen and id(other) not in plan.moving:
                seen.add(id(other))
                waiting.append(other)
