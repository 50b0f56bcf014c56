"""LSTM, GRU and RNN, batch-first by now."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ovprep.emit.keras.registry import LAST, emits
from ovprep.emit.keras.writer import Tensor, Writer
from ovprep.graph.constants import Array, array_of, int_of

_ORDER = {"GRU": (0, 1, 2), "LSTM": (0, 2, 3, 1), "RNN": (0,)}
"""Gates in the order of Keras, by their place in ONNX: z, r, h in both; i, o, f, c in ONNX and i, f, c, o in Keras."""
_LAYER = {"GRU": "GRU", "LSTM": "LSTM", "RNN": "SimpleRNN"}
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Softsign": "softsign", "Tanh": "tanh"}
_DEFAULTS = {"GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "RNN": ["Tanh"]}


@emits("GRU", "LSTM", "RNN", domain=LAST)
def recurrence(writer: Writer, node: ir.Node) -> list[Tensor]:
    """`[N, W, C]` to `[N, W, D*H]`, and the last states `[N, D*H]` where these are asked for.

    ONNX keeps two biases, of the input and of the state; Keras has their sum, but for a GRU whose reset comes after
    the product (`linear_before_reset`), which has both.
    """
    _refuse(writer, node)
    direction = node.attributes.get_string("direction", "forward")
    sequence, *states = [bool(output.uses() or output.is_graph_output()) for output in node.outputs]
    both, only_last = direction == "bidirectional", not sequence and not any(states[1:])
    weights = [array for way in range(2 if both else 1) for array in _weights(writer, node, way)]
    x = writer.first(node)
    kept = {"return_sequences": not only_last, "return_state": not only_last and any(states)}
    config, precision = _config(writer, node) | kept, writer.precision(x)
    kind = getattr(writer.layers, _LAYER[node.op_type])
    backwards = direction == "reverse"
    if both:
        layer = writer.layers.Bidirectional(
            kind(**config), merge_mode="concat", name=writer.name(node), **writer.precision(x)
        )
    else:
        name = writer.name(node, inner=backwards and not only_last)
        layer = kind(**config, **precision, go_backwards=backwards, name=name)
    initial = _initial(writer, node, 2 if both else 1)
    made = writer.call(layer, x, weights, **({"initial_state": initial} if initial else {}))
    if only_last:
        return [None, made]
    found = list(made) if isinstance(made, (list, tuple)) else [made]
    whole = writer.ops.flip(found[0], axis=1) if backwards else found[0]
    kinds = 2 if node.op_type == "LSTM" else 1
    last = found[1:]
    if both and last:
        last = [writer.ops.concatenate([last[one], last[one + kinds]], axis=-1) for one in range(kinds)]
    return [whole, *last]


def _config(writer: Writer, node: ir.Node) -> dict[str, Any]:
    names = [one.as_strings() for one in [node.attributes.get("activations")] if one is not None]
    given = list(names[0]) if names else []
    default = _DEFAULTS[node.op_type]
    ways = [given[start : start + len(default)] for start in range(0, len(given), len(default))] or [default]
    if any(way != ways[0] for way in ways) or any(name not in _ACTIVATIONS for name in ways[0]):
        raise writer.refusal(node, f"has the activations {', '.join(given)}")
    chosen = [_ACTIVATIONS[name] for name in ways[0]]
    if node.op_type == "LSTM" and chosen[1] != chosen[2]:
        raise writer.refusal(node, "has other activations for cells than for states")
    recurrence = writer.array(node, 2, "weights")
    config: dict[str, Any] = {
        "units": recurrence.shape[2],
        "activation": chosen[0] if node.op_type == "RNN" else chosen[1],
        "use_bias": _has(node, 3),
    }
    if node.op_type != "RNN":
        config["recurrent_activation"] = chosen[0]
    if node.op_type == "GRU":
        config["reset_after"] = bool(int_of(node, "linear_before_reset", 0))
    return config


def _weights(writer: Writer, node: ir.Node, way: int) -> list[Array]:
    """Kernel `[C, g*H]`, recurrent kernel `[H, g*H]` and bias `[g*H]` or `[2, g*H]` of one direction."""
    order = _ORDER[node.op_type]
    arrays = [_gates(writer.array(node, index, "weights")[way], order).T for index in (1, 2)]
    if not _has(node, 3):
        return arrays
    halves = np.split(writer.array(node, 3, "biases")[way], 2)
    of_input, of_state = (_gates(half, order) for half in halves)
    if node.op_type == "GRU" and int_of(node, "linear_before_reset", 0):
        return [*arrays, np.stack([of_input, of_state])]
    return [*arrays, of_input + of_state]  # type: ignore[operator]


def _gates(array: Array, order: tuple[int, ...]) -> Array:
    parts = np.split(array, len(order))
    return np.concatenate([parts[gate] for gate in order])


def _has(node: ir.Node, index: int) -> bool:
    return index < len(node.inputs) and node.inputs[index] is not None


def _initial(writer: Writer, node: ir.Node, ways: int) -> list[Tensor]:
    """First states `[N, H]`, those of the way forward first, as Bidirectional takes them."""
    indices = [index for index in (5, 6) if _has(node, index)]
    if not indices:
        return []
    if len(indices) < (2 if node.op_type == "LSTM" else 1):
        raise writer.refusal(node, "has one of two first states")
    if any(array_of(node.inputs[index]) is not None for index in indices):
        raise writer.refusal(node, "starts from constants")
    return [writer.of(node.inputs[index])[way] for way in range(ways) for index in indices]


def _refuse(writer: Writer, node: ir.Node) -> None:
    if _has(node, 4):
        raise writer.refusal(node, "takes the lengths of sequences")
    if _has(node, 7):
        raise writer.refusal(node, "has peepholes")
    for name in ("clip", "input_forget", "activation_alpha", "activation_beta"):
        if name in node.attributes and name != "input_forget":
            raise writer.refusal(node, f"has the attribute {name}")
    if int_of(node, "input_forget", 0):
        raise writer.refusal(node, "couples its gates")
