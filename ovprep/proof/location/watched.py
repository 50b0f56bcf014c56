"""An IR whose inner tensors are watched while it runs: all at once, or one at a time.

A plugin that gives an inner tensor cannot fuse the ops around it, so that a defect of the fusion disappears while it is
looked at. Watched alone, a tensor shows the defect of whatever was fused before it.
"""

import dataclasses
from collections.abc import Sequence

from ovprep.errors import RuntimeFailure
from ovprep.proof.location.walk import Step, Walk, first_unexplained
from ovprep.workers.arrays import Array
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from ovprep.workers.runners.base import Shapes


class Watched:
    """An IR in a worker of its own, beside a walk through the graph that it was made of."""

    def __init__(
        self, walk: Walk, contender: Contender, *, threads: int, shapes: Shapes | None, trusted: bool = True
    ) -> None:
        """Unless names are to be `trusted`, an inner tensor is the graph's of this name only if it has its shape."""
        self.walk = walk
        self.steps: list[Step] = []
        """All steps, once the first that is wrong was asked for."""
        self.seen: dict[str, Array] = {}
        """The tensors that the step which was found was judged by, and its own."""
        self._contender, self._shapes, self._trusted = contender, shapes, trusted
        self._worker = Worker(contender.runtime, threads=threads)

    def close(self) -> None:
        """Ends the process."""
        self._worker.close()

    def first(self) -> Step | None:
        """The first step that its inputs do not explain; None where there is none."""
        try:
            self.seen = self._run(self.walk.tensors)
        except RuntimeFailure:  # a tensor that the plugin cannot give: one at a time, then
            if not self._worker.alive:
                self._worker = Worker(self._contender.runtime, threads=self._worker.threads)
            return self._alone(self.walk.tensors)
        self.steps = self.walk.steps(self.seen)
        return first_unexplained(self.steps) or self._alone(tuple(self.seen))

    def _run(self, taps: Sequence[str]) -> dict[str, Array]:
        """The outputs and those of the taps that the IR has, by the names that the graph has for them."""
        loaded = self._worker.load(dataclasses.replace(self._contender, taps=tuple(taps)), shapes=self._shapes)
        arrays = self._worker.run(self.walk.inputs)
        own = len(arrays) - len(loaded.taps)
        found = dict(zip(self.walk.outputs, arrays[:own], strict=False))  # an IR may have more, or less
        inner = dict(zip(loaded.taps, arrays[own:], strict=True))
        return found | {name: array for name, array in inner.items() if self._trusted or self._fits(name, array)}

    def _fits(self, name: str, array: Array) -> bool:
        return name in self.walk.own and self.walk.own[name].shape == array.shape

    def _alone(self, among: Sequence[str]) -> Step | None:
        """The same with one tensor watched at a time, held against the graph's own run."""
        names = [name for name in self.walk.tensors if name in among and name in self.walk.own]
        wrong = [name for name, array in self._run(()).items() if self.walk.is_wrong(name, array)]
        if not wrong:
            return None
        low, high = -1, names.index(wrong[0])
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._is_wrong(names[middle]) else (middle, high)
        found = names[high]
        while earlier := [one for one in self.walk.before(found, names) if one in names and self._is_wrong(one)]:
            found = earlier[0]
        seen = {name: self.walk.own[name] for name in names[: names.index(found)]}
        seen[found] = self._run((found,))[found]
        self.seen = seen
        return next(step for step in self.walk.steps(seen) if step.tensor == found)

    def _is_wrong(self, name: str) -> bool:
        """Whether a tensor is wrong when it alone is watched."""
        seen = self._run((name,))
        return name in seen and self.walk.is_wrong(name, seen[name])
