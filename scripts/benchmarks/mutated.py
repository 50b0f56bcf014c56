"""Ways to get a graph wrong, each as a converter once did or easily might.

A mutation changes the op at one place of a model, and says whether it applies there. Shapes stay what they were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of, int_of, ints_of, set_int, set_ints
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


# Weights


def _swapped(array: Array, axis: int) -> Array | None:
    if array.shape[axis] < 2:
        return None
    order = [1, 0, *range(2, array.shape[axis])]
    return array.take(order, axis)


def _one_percent(node: ir.Node, array: Array, rng: Rng) -> Array:
    place = tuple(int(rng.integers(size)) for size in array.shape)
    array[place] *= 1.01
    return array


def _transposed(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    return array.swapaxes(0, 1) if array.ndim > 1 and array.shape[0] == array.shape[1] else None


def _by_positions(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    """The rows of a layer behind a Flatten as if it had gone through the positions first."""
    rows, columns = array.shape[-2:] if array.ndim > 1 else (0, 0)
    if node.op_type != "MatMul" or array.ndim != 2 or rows < 64 or rows % 16:
        return None
    return array.reshape(16, rows // 16, columns).swapaxes(0, 1).reshape(rows, columns)


def _groups_turned(node: ir.Node, array: Array, rng: Rng) -> Array | None:
    groups = int_of(node, "group", 1)
    return np.roll(array, array.shape[0] // groups, 0) if groups > 1 else None


def _in_8_bits(array: Array) -> Array:
    step = float(np.abs(array).max()) / 127 or 1.0
    return np.round(array / step) * step


WEIGHTED = (*CONVOLUTIONS, *PRODUCTS)
by_weights("one weight changed by 1%", _one_percent, *WEIGHTED)
by_weights("all weights of a layer changed by 0.1%", lambda node, w, rng: w * 1.001, *WEIGHTED)
by_weights("weights of one layer in f16", lambda node, w, rng: w.astype(np.float16).astype(w.dtype), *WEIGHTED)
by_weights("weights of one layer in 8 bits", lambda node, w, rng: _in_8_bits(w), *WEIGHTED)
by_weights("kernel reversed", lambda node, w, rng: w[..., ::-1] if w.shape[-1] > 1 else None, *CONVOLUTIONS)
by_weights("kernel moved by one tap", lambda node, w, rng: np.roll(w, 1, -1), *CONVOLUTIONS)
by_weights("kernel transposed", _transposed, *CONVOLUTIONS)
by_weights("two input channels swapped", lambda node, w, rng: _swapped(w, 1), *CONVOLUTIONS)
by_weights("two filters swapped", lambda node, w, rng: _swapped(w, 0), *CONVOLUTIONS)
by_weights("groups shuffled", _groups_turned, "Conv")
by_weights("rows of a dense layer reversed", lambda node, w, rng: w[..., ::-1, :] if w.ndim > 1 else None, *PRODUCTS)
by_weights("two rows of a dense layer swapped", lambda node, w, rng: _swapped(w, w.ndim - 2), *PRODUCTS)
by_weights("two classes swapped", lambda node, w, rng: _swapped(w, w.ndim - 1), *PRODUCTS)
by_weights("dense layer transposed", _transposed, *PRODUCTS)
by_weights("rows after a Flatten in the other order", _by_positions, *PRODUCTS)
by_weights("bias dropped", lambda node, b, rng: np.zeros_like(b), "Conv", "ConvTranspose", "Gemm", index=2)
by_weights("bias scaled by 1%", lambda node, b, rng: b * 1.01, "Conv", "ConvTranspose", "Gemm", index=2)
by_weights("bias turned by one channel", lambda node, b, rng: np.roll(b, 1), *CONVOLUTIONS, "Gemm", index=2)
by_weights("added constant dropped", lambda node, b, rng: np.zeros_like(b), "Add")
by_weights("added constant turned by one channel", lambda node, b, rng: np.roll(b, 1), "Add")
by_weights("factor changed by 1%", lambda node, f, rng: f * 1.01, "Mul")


# Windows


@mutation("dilation dropped", *CONVOLUTIONS, *POOLS)
def dilation_dropped(node: ir.Node, build: Builder, rng: Rng) -> bool:
    dilations, pads = ints_of(node, "dilations"), ints_of(node, "pads")
    kernel = ints_of(node, "kernel_shape") or getattr(constant(node, 1), "shape", ())[2:]
    if not dilations or max(dilations) == 1 or not pads or len(kernel) != len(dilations):
        return False
    heads, tails = list(pads[: len(kernel)]), list(pads[len(kernel) :])
    for axis, (size, step) in enumerate(zip(kernel, dilations, strict=True)):
        spare = (size - 1) * (step - 1)
        cut = min(heads[axis], spare)
        heads[axis] -= cut
        tails[axis] -= spare - cut
    if min(tails) < 0:
        return False
    set_ints(node, "dilations", [1] * len(kernel))
    set_ints(node, "pads", [*heads, *tails])
    return True


@mutation("padding off by one", *CONVOLUTIONS, *POOLS)
def padding_off_by_one(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _shifted(node, strided=False)


@mutation("wrong phase of a stride", *CONVOLUTIONS, *POOLS)
def wrong_phase(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _shifted(node, strided=True)


def _shifted(node: ir.Node, *, strided: bool) -> bool:
    """One zero from the one end to the other."""
    pads, strides = ints_of(node, "pads"), ints_of(node, "strides") or (1,)
    if not pads or (max(strides) > 1) != strided:
        return False
    half = len(pads) // 2
    moved = list(pads)
    axis = half - 1
    source, target = (axis, axis + half) if pads[axis] > pads[axis + half] else (axis + half, axis)
    if moved[source] < 1:
        return False
    moved[source] -= 1
    moved[target] += 1
    set_ints(node, "pads", moved)
    return True


@mutation("average of the padding too", "AveragePool")
def average_of_padding(node: ir.Node, build: Builder, rng: Rng) -> bool:
    if not any(ints_of(node, "pads") or ()):
        return False
    set_int(node, "count_include_pad", 1 - int_of(node, "count_include_pad", 0))
    return True


@mutation("maximum for average", "AveragePool", "GlobalAveragePool", "ReduceMean")
def maximum_for_average(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _as_other(
        node, build, {"AveragePool": "MaxPool", "GlobalAveragePool": "GlobalMaxPool", "ReduceMean": "ReduceMax"}
    )


@mutation("average for maximum", "MaxPool", "GlobalMaxPool", "ReduceMax")
def average_for_maximum(node: ir.Node, build: Builder, rng: Rng) -> bool:
    return _as_other(
        node, build, {"MaxPool": "AveragePool", "GlobalMaxPool": "GlobalAveragePool", "ReduceMax": "ReduceMean"}
    )


def _as_other(node: ir.Node, build: Builder, types: dict[str, str]) -> bool:
    kept = {
        name: one.value for name, one in node.attributes.items() if name not in ("count_include_pad", "storage_order")
    }
    return put_instead(node, build, build.op(types[node.op_type], *node.inputs, **kept))


# Activations, normalisation, arithmetic


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


# Recurrence


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
by_weights("one recurrent weight changed by 1%", _one_percent, *RECURRENT, index=2)
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


# Choices


@mutation("next one chosen", "Gather")
def next_one_chosen(node: ir.Node, build: Builder, rng: Rng) -> bool:
    index = array_of(node.inputs[1])
    axis, shape = int_of(node, "axis", 0), node.inputs[0].shape if node.inputs[0] is not None else None
    size = shape[axis] if shape is not None else None
    if index is None or not isinstance(size, int) or size < 2:
        return False
    node.replace_input_with(1, build.constant((np.asarray(index) + 1) % size, "mutated"))
    return True
