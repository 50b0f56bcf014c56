"""Recurrent layers that go wrong: gates, weights, biases, direction, state."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from benchmarks.mutated.registry import RECURRENT, Array, Rng, by_weights, constant, mutation, put
from benchmarks.mutated.weights import one_percent
from ovprep.graph.builder import Builder
from ovprep.graph.constants import int_of, set_int
from ovprep.graph.edit import replace_value


def _gates(first: int, second: int) -> Callable[[ir.Node, Array, Rng], Array | None]:
    def change(node: ir.Node, array: Array, rng: Rng) -> Array | None:
        number = {"LSTM": 4, "GRU": 3}.get(node.op_type, 1)
        if max(first, second) >= number:
            return None
        parts = np.split(array, number, 1)
        parts[first], parts[second] = parts[second], parts[first]
        return np.concatenate(parts, 1)

    return change


def _recurrent_transposed(node: ir.Node, array: Array, rng: Rng) -> Array:
    gates = array.reshape(array.shape[0], -1, array.shape[2], array.shape[2])
    return gates.swapaxes(2, 3).reshape(array.shape)


def _without_recurrent_bias(node: ir.Node, array: Array, rng: Rng) -> Array:
    array[:, array.shape[1] // 2 :] = 0
    return array


by_weights("first two gates swapped", _gates(0, 1), *RECURRENT)
by_weights("last two gates swapped", _gates(2, 3), "LSTM")
by_weights("recurrent gates swapped", _gates(0, 1), *RECURRENT, index=2)
by_weights("recurrent weights transposed", _recurrent_transposed, *RECURRENT, index=2)
by_weights("one recurrent weight changed by 1%", one_percent, *RECURRENT, index=2)
by_weights("bias of a recurrent layer dropped", lambda node, b, rng: np.zeros_like(b), *RECURRENT, index=3)
by_weights("recurrent bias dropped", _without_recurrent_bias, *RECURRENT, index=3)


@mutation("reset gate on the other side", "GRU")
def reset_on_other_side(node: ir.Node, build: Builder, rng: Rng) -> bool:
    set_int(node, "linear_before_reset", 1 - int_of(node, "linear_before_reset", 0))
    return True


@mutation("runs backwards", *RECURRENT)
def runs_backwards(node: ir.Node, build: Builder, rng: Rng) -> bool:
    attribute = node.attributes.get("direction")
    before = "forward" if attribute is None else attribute.as_string()
    if before == "bidirectional":
        return False
    node.attributes["direction"] = ir.AttrString("direction", "reverse" if before == "forward" else "forward")
    return True


@mutation("first step instead of the last", *RECURRENT)
def first_instead_of_last(node: ir.Node, build: Builder, rng: Rng) -> bool:
    attribute = node.attributes.get("direction")
    if int_of(node, "layout", 0) or len(node.outputs) < 2 or not node.outputs[1].uses():
        return False
    if attribute is not None and attribute.as_string() != "forward":
        return False
    last, steps = node.outputs[1], node.outputs[0]
    if not steps.name:
        return False
    after = Builder(build.graph, str(node.name), after=node)
    first = after.op("Gather", steps, after.constant(np.array(0), "first"), axis=0)
    replace_value(build.graph, last, first)
    return True


@mutation("wrong initial state", *RECURRENT)
def wrong_initial_state(node: ir.Node, build: Builder, rng: Rng) -> bool:
    state = constant(node, 5)
    return state is not None and put(node, build, 5, np.ones_like(state))
