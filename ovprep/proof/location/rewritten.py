"""Where passes changed what a graph computes: the first op behind which no tensor is one of the original graph's.

Passes rename, transpose, fold and split, so that neither names nor shapes tell which tensor was which. Values do: what
is right is some tensor of the graph as it was read, in whatever order; behind a wrong op nothing is any more.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ovprep.proof.compare import differences, scale_of
from ovprep.proof.location.walk import Walk
from ovprep.workers.arrays import Array

SAME = 1e-5
"""Share of the scale that a tensor may differ by and be the same: passes fold weights in float32."""


@dataclass(frozen=True, eq=False)
class Rewritten:
    """The op, by name, and how far its tensor is, element by sorted element, from the nearest one as read.

    `region` are the ops between tensors that are as read and this one, itself the last: any of them may be the cause,
    even one from which a way leads to a right tensor, since means and maxima hide what is small.
    """

    node: str
    region: tuple[str, ...]
    error: Array
    scale: float


def first_rewritten(as_read: Walk, canonical: Walk) -> Rewritten | None:
    """The first op from which no way leads to a tensor that the graph as read has.

    None where all outputs are right, or one of them could not be computed.
    """
    known: dict[int, list[Array]] = {}
    for array in as_read.exact.values():
        known.setdefault(array.size, []).append(np.sort(array, None))
    distances = {name: _distance(array, known) for name, array in canonical.exact.items()}
    if not distances.keys() >= set(canonical.outputs):  # beyond float64, so that all before it would seem wrong
        return None
    same = {name for name, error in distances.items() if error.max(initial=0.0) <= SAME * _scale(canonical, name)}
    if same.issuperset(canonical.outputs):
        return None
    right = set(same)
    for node in reversed(canonical.parts.nodes):
        if right.intersection(node.output):
            right.update(canonical.parts.needs(node.name))
    for node in canonical.parts.nodes:
        for name in node.output:
            if name in distances and not right.intersection(node.output):
                region = _region(canonical, node.name, same)
                return Rewritten(node.name, region, distances[name], _scale(canonical, name))
    return None


def _region(walk: Walk, node: str, same: Collection[str]) -> tuple[str, ...]:
    """The ops from an op back to tensors that are the same, in the order of the graph."""
    found, waiting = {node}, [node]
    while waiting:
        makers = {walk.parts.maker(name) for name in walk.parts.needs(waiting.pop()) if name not in same}
        new = {maker for maker in makers if maker is not None} - found
        found |= new
        waiting += new
    return tuple(sorted(found, key=walk.parts.place))


def _distance(array: Array, known: dict[int, list[Array]]) -> Array:
    """Differences from the nearest of the known tensors of that size; infinite where there is none."""
    values = np.sort(array, None)
    candidates = [differences(values, other) for other in known.get(array.size, [])]
    return min(candidates, key=lambda error: float(error.max(initial=0.0)), default=np.full(1, np.inf))


def _scale(walk: Walk, name: str) -> float:
    return scale_of([walk.exact[name]]) or 1.0
