"""One row of the table of defects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ovprep.graph.builder import Builder, new_model
from ovprep.graph.constants import Array
from ovprep.graph.names import unique_name
from ovprep.passes.change import Change

TESTED = (
    "2024.6.0", "2025.1.0", "2025.2.0", "2025.3.0", "2025.4.0",
    "2026.0.0", "2026.1.0", "2026.2.0", "2026.3.0", "2026.4.0", "2026.4.1",
)  # fmt: skip
"""The versions of OpenVINO that every row was tried with, on x86-64. For any other, its reproducer decides."""


@dataclass(frozen=True)
class Reproducer:
    """A graph with fixed shapes that shows a defect, and what to feed it with, by name."""

    model: ir.Model
    feeds: dict[str, Array]


@dataclass(frozen=True)
class Defect:
    """What the plugin computes wrongly.

    wrong: what happens to which ops, in a sentence.
    seen: the versions of `TESTED` that have it.
    avoid: a pass that edits each place so that the plugin is right; None where there is no such place. Its Change names
        the ops. Raises UnsupportedError where nothing helps.
    reproduce: the smallest case.
    """

    name: str
    wrong: str
    seen: tuple[str, ...]
    avoid: Callable[[ir.Model], Change | None]
    reproduce: Callable[[], Reproducer]


class Sketch(Builder):
    """The builder of a reproducer: random weights, and inputs with what to feed them with."""

    def __init__(self) -> None:
        self.model = new_model("reproducer")
        super().__init__(self.model.graph)
        self.rng = np.random.default_rng(0)
        self.feeds: dict[str, Array] = {}

    def input(self, *shape: int) -> ir.Value:
        """An input of fixed shape, and numbers for it."""
        name = unique_name(self.graph, "x")
        value = ir.val(name, dtype=ir.DataType.FLOAT, shape=ir.Shape(shape))
        self.graph.inputs.append(value)
        self.feeds[name] = self._numbers(shape)
        return value

    def weights(self, *shape: int) -> ir.Value:
        """Random numbers of either sign."""
        return self.constant(self._numbers(shape), "weights")

    def output(self, *values: ir.Value) -> None:
        """Makes values outputs of the graph."""
        self.graph.outputs.extend(values)

    def done(self) -> Reproducer:
        """What was built."""
        return Reproducer(self.model, self.feeds)

    def _numbers(self, shape: tuple[int, ...]) -> Array:
        return self.rng.normal(size=shape).astype(np.float32)


def give_copies(graph: ir.Graph, nodes: Sequence[ir.Node]) -> None:
    """Lets each node read a copy of its first input, of its own."""
    for node in nodes:
        source = node.inputs[0]
        assert source is not None
        node.replace_input_with(0, copied(Builder(graph, str(node.name), before=node), source))


def copied(build: Builder, value: ir.Value) -> ir.Value:
    """The same numbers in memory of their own.

    OpenVINO removes what it knows to change nothing, an addition of zero for one; a PRelu of slope one it keeps.
    """
    kind = np.float32 if value.dtype is None else value.dtype.numpy()
    return build.op("PRelu", value, build.constant(np.ones(1, kind), "copy"))
