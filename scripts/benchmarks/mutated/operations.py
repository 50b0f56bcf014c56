"""Activations, normalisation, arithmetic and choices that are others than they should be."""

import numpy as np
import onnx_ir as ir

from benchmarks.mutated.registry import Rng, instead, mutation, put_instead
from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, set_int


@mutation("activation dropped", "Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softmax", "Clip", "Gelu", "HardSwish")
def activation_dropped(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return put_instead(node, build, build.op("Identity", node.inputs[0]))


instead("LeakyReLU for ReLU", "Relu", "LeakyRelu", alpha=0.01)
instead("ReLU for LeakyReLU", "LeakyRelu", "Relu")
instead("tanh for sigmoid", "Sigmoid", "Tanh")
instead("sigmoid for tanh", "Tanh", "Sigmoid")
instead("hard sigmoid for sigmoid", "Sigmoid", "HardSigmoid")


@mutation("softmax over another axis", "Softmax")
def another_axis(node: ir.Node, build: Builder, rng: Rng) -> bool:
    rank = len(node.inputs[0].shape) if node.inputs[0] is not None and node.inputs[0].shape is not None else 0
    if rank < 2:
        return False
    set_int(node, "axis", (int_of(node, "axis", -1) % rank - 1) % rank)
    return True


@mutation("parts of a concatenation swapped", "Concat")
def parts_swapped(node: ir.Node, build: Builder, rng: Rng) -> bool:
    first, *rest = node.inputs
    if not rest or first is rest[-1]:
        return False
    return put_instead(node, build, build.op("Concat", *rest, first, axis=int_of(node, "axis", 0)))


@mutation("shortcut dropped", "Add")
def shortcut_dropped(node: ir.Node, build: Builder, rng: Rng) -> bool:
    first, second = node.inputs
    if (
        first is None
        or second is None
        or first.is_initializer()
        or second.is_initializer()
        or first.shape != second.shape
    ):
        return False
    return put_instead(node, build, build.op("Identity", first))


@mutation("difference for a sum", "Add")
def difference_for_sum(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return put_instead(node, build, build.op("Sub", *node.inputs))


@mutation("wrong epsilon", "BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization")
def wrong_epsilon(node: ir.Node, build: Builder, rng: Rng) -> bool:
    attribute = node.attributes.get("epsilon")
    before = 1e-5 if attribute is None else attribute.as_float()
    node.attributes["epsilon"] = ir.AttrFloat32("epsilon", 1e-5 if before > 5e-5 else 1e-3)
    return True


def _inputs_swapped(name: str, first: int, second: int) -> None:
    @mutation(name, "BatchNormalization")
    def mutate(node: ir.Node, build: Builder, rng: Rng) -> bool:
        one, other = node.inputs[first], node.inputs[second]
        node.replace_input_with(first, other)
        node.replace_input_with(second, one)
        return True


_inputs_swapped("scale and variance swapped", 1, 4)
_inputs_swapped("offset and mean swapped", 2, 3)


@mutation("next one chosen", "Gather")
def next_one_chosen(node: ir.Node, build: Builder, rng: Rng) -> bool:
    index = array_of(node.inputs[1])
    axis, shape = int_of(node, "axis", 0), node.inputs[0].shape if node.inputs[0] is not None else None
    size = shape[axis] if shape is not None else None
    if index is None or not isinstance(size, int) or size < 2:
        return False
    node.replace_input_with(1, build.constant((np.asarray(index) + 1) % size, "mutated"))
    return True
