"""The table of mutations, and what makes new ones.

A mutation changes the op at one place of a model, and says whether it applies there. Shapes stay what they were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.edit import replace_value

Array = NDArray[Any]
Rng = np.random.Generator
Seed = tuple[int, ...]
Change = Callable[[ir.Node, Builder, Rng], bool]


@dataclass(frozen=True)
class Mutation:
    """A change of ops of some types; it says whether it applies to the op that it is given, and changed it."""

    op_types: tuple[str, ...]
    change: Change

    def places(self, model: ir.Model, seed: Seed) -> list[int]:
        """Where in a model it applies; the model stays as it is."""
        fitting = [place for place, node in enumerate(model.graph) if node.op_type in self.op_types]
        return [place for place in fitting if self.at(model.clone(), place, seed)]

    def at(self, model: ir.Model, place: int, seed: Seed) -> bool:
        """Changes the op at a place; false, with nothing changed, where it does not apply."""
        node = model.graph[place]
        return self.change(node, Builder(model.graph, str(node.name), before=node), np.random.default_rng(seed))


MUTATIONS: dict[str, Mutation] = {}

CONVOLUTIONS = ("Conv", "ConvTranspose")
PRODUCTS = ("MatMul", "Gemm")
RECURRENT = ("LSTM", "GRU", "RNN")
POOLS = ("AveragePool", "MaxPool")


def mutation(name: str, *op_types: str) -> Callable[[Change], Change]:
    """Registers a change of ops of these types."""

    def register(change: Change) -> Change:
        MUTATIONS[name] = Mutation(op_types, change)
        return change

    return register


def constant(node: ir.Node, index: int) -> Array | None:
    """A copy of the constant that is input number `index`; None where it is none, or no float."""
    array = array_of(node.inputs[index]) if index < len(node.inputs) else None
    return np.array(array) if array is not None and array.dtype.kind == "f" else None


def put(node: ir.Node, build: Builder, index: int, array: Array | None) -> bool:
    """Gives a node another constant; false where it is the same."""
    before = constant(node, index)
    if array is None or before is None or array.shape != before.shape or np.array_equal(array, before):
        return False
    node.replace_input_with(index, build.constant(array.astype(before.dtype), "mutated"))
    return True


def by_weights(
    name: str, change: Callable[[ir.Node, Array, Rng], Array | None], *op_types: str, index: int = 1
) -> None:
    """Registers a change of a constant input."""

    @mutation(name, *op_types)
    def mutate(node: ir.Node, build: Builder, rng: Rng) -> bool:
        array = constant(node, index)
        return array is not None and put(node, build, index, change(node, array, rng))


def instead(name: str, before: str, after: str, **attributes: Any) -> None:
    """Registers another op in place of one."""

    @mutation(name, before)
    def mutate(node: ir.Node, build: Builder, rng: Rng) -> bool:
        return put_instead(node, build, build.op(after, node.inputs[0], **attributes))


def put_instead(node: ir.Node, build: Builder, value: ir.Value) -> bool:
    """Gives the users of a node's output another value; the name of the tensor goes with it, as in a wrong rule."""
    old = node.outputs[0]
    name = old.name
    value.meta.update(old.meta)  # so that its layer is still known
    replace_value(build.graph, old, value)
    if value.name != name:
        old.name, value.name = value.name, name
    build.graph.remove(node, safe=True)
    return True
