"""The weights of a channel-first ONNX model as PyTorch's modules take them."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]  # typed in some versions only

from ovprep.errors import ModelError, UnsupportedError
from ovprep.graph.constants import Array, array_of, int_of
from ovprep.graph.op_types import RECURRENT
from ovprep.graph.parameters import LAYER, LINEAR, NAMED, LayerNames, parameters_of, places_of

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has the gates in PyTorch's order: of i, o, f, c it wants i, f, c, o; of z, r, h it wants r, z, h.

https://onnx.ai/onnx/operators/onnx__LSTM.html, https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
"""
_ACTIVATIONS = {
    "LSTM": (("Sigmoid", "Tanh", "Tanh"),),
    "GRU": (("Sigmoid", "Tanh"),),
    "RNN": (("Tanh",), ("Relu",)),
}
_PEEPHOLES = 7


def torch_state(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The `state_dict` of the PyTorch module that computes what a file of `ovprep normalize --layout ncw` does.

    path        the ONNX file; its parameters are named for the layers of the model that it was made of

    Returns arrays by name, as `conv.weight` `[out, in / groups, taps]`, for `module.load_state_dict` once they are
    tensors:

    Conv, ConvTranspose     weight, bias, also of a depthwise one, which is a convolution with groups
    Linear                  weight `[out, in]`, bias; rows behind a Flatten are in the order of `[C, W]`
    BatchNorm               weight, bias, running_mean, running_var
    LayerNorm, GroupNorm    weight, bias
    PReLU                   weight `[C]`
    Embedding               weight `[rows, features]`
    LSTM, GRU, RNN          weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, and those of `_reverse` where a
                            Bidirectional is one module

    Warns where the file flattens `[W, C]` all the same, as in front of a LayerNormalization: so must the module.

    Weights that no module of these has follow under the names that they have in the file.

    Raises ModelError for a file that `ovprep normalize --layout ncw` has not written; UnsupportedError for a recurrence
    that PyTorch does not have.
    """
    graph = _read(Path(path)).graph
    for node in graph:
        if _flattens_turned(node):
            warnings.warn(
                f"{path} flattens {str(node.name)!r} in the order of [W, C], since what follows has weights that are "
                "bound to it: write x.transpose(1, 2).flatten(1) there.",
                stacklevel=2,
            )
    modules, names = _modules(graph), LayerNames()
    state: dict[str, Array] = {}
    seen: set[str | None] = set()
    for node in graph:
        places = places_of(node)
        if not places:
            continue
        layer, suffix = modules.get(node, (node.metadata_props[LAYER], ""))
        own = _recurrent(node, suffix) if node.op_type in RECURRENT else _plain(node)
        layer = names.take(layer, own)
        state |= {f"{layer}.{name}": array for name, array in own.items()}
        seen |= {value.name for index in places.values() if (value := node.inputs[index]) is not None}
    return state | _others(graph, seen)


def _read(path: Path) -> ir.Model:
    try:
        model = ir.load(path)
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except (DecodeError, OSError) as error:
        raise ModelError(f"{path} is no ONNX file that can be read: {error}.") from error
    if NAMED not in model.metadata_props:
        raise ModelError(
            f"{path} does not have its weights as PyTorch does; write it with `ovprep normalize MODEL -o FILE.onnx "
            "--layout ncw`."
        )
    return model


def _flattens_turned(node: ir.Node) -> bool:
    """Whether features come out of a tensor that was turned to channel-last for that."""
    source = node.inputs[0].producer() if node.inputs and node.inputs[0] is not None else None
    if source is None or source.op_type != "Transpose":
        return False
    target = array_of(node.inputs[1]) if node.op_type == "Reshape" else None
    return node.op_type == "Flatten" or (target is not None and target.size == 2)


def _plain(node: ir.Node) -> dict[str, Array]:
    """What PyTorch has just as ONNX, up to axes of size one and the order of a matrix."""
    parameters = parameters_of(node)
    for name, array in parameters.items():
        if node.op_type == "MatMul":
            parameters[name] = np.ascontiguousarray(array.T)
        elif node.op_type == "Add" or (node.op_type == "PRelu" and array.size == max(array.shape, default=1)):
            parameters[name] = array.reshape(-1)
        elif LINEAR in node.metadata_props:
            parameters[name] = array.reshape(array.shape[:2])
    return parameters


def _recurrent(node: ir.Node, suffix: str) -> dict[str, Array]:
    """One layer of an LSTM, a GRU or an RNN; `suffix` is that of the only direction, where there is one."""
    _require_usual(node)
    parameters, order = parameters_of(node), _GATES[node.op_type]
    directions = len(parameters["W"])
    found: dict[str, Array] = {}
    for direction in range(directions):
        end = f"_l0{suffix if directions == 1 else ('', '_reverse')[direction]}"
        found[f"weight_ih{end}"] = _reordered(parameters["W"][direction], order)
        found[f"weight_hh{end}"] = _reordered(parameters["R"][direction], order)
        if "B" in parameters:
            of_input, of_state = np.split(parameters["B"][direction], 2)
            found[f"bias_ih{end}"], found[f"bias_hh{end}"] = _reordered(of_input, order), _reordered(of_state, order)
    return found


def _reordered(array: Array, order: Sequence[int]) -> Array:
    """The gates along the first axis in another order."""
    gates = np.split(array, len(order))
    return np.concatenate([gates[gate] for gate in order])


def _require_usual(node: ir.Node) -> None:
    """Raises UnsupportedError for what PyTorch's modules do not have."""
    stated = node.attributes.get_strings("activations") or ()
    strange = ""
    if stated and tuple(stated[: len(_ACTIVATIONS[node.op_type][0])]) not in _ACTIVATIONS[node.op_type]:
        strange = f"has the activations {', '.join(stated)}"
    elif node.op_type == "GRU" and not int_of(node, "linear_before_reset", 0):
        strange = "resets its state before the product (reset_after=False)"
    elif len(node.inputs) > _PEEPHOLES and node.inputs[_PEEPHOLES] is not None:
        strange = "has peepholes"
    elif "clip" in node.attributes:
        strange = "clips its gates"
    if strange:
        layer = node.metadata_props[LAYER]
        raise UnsupportedError(
            f"{layer!r} is a recurrence that {strange}, which no module of PyTorch does; write one by hand, with the "
            f"weights {layer}.W, {layer}.R and {layer}.B of the file."
        )


def _modules(graph: ir.Graph) -> dict[ir.Node, tuple[str, str]]:
    """The module that each recurrence of one direction is part of, and the suffix of its parameters.

    A Bidirectional is two nodes, of `bi.forward_lstm` and of `bi.backward_lstm`: in PyTorch it is one module `bi`.
    """
    nodes = [node for node in graph if node.op_type in RECURRENT and places_of(node)]
    ways: dict[str, dict[str, str]] = {}
    for node in nodes:
        layer, way = node.metadata_props[LAYER], node.attributes.get_string("direction", "forward")
        ways.setdefault(layer.rpartition(".")[0], {})[layer] = way
    found = {}
    for node in nodes:
        parent = node.metadata_props[LAYER].rpartition(".")[0]
        if parent and list(ways[parent].values()) == ["forward", "reverse"]:
            way = ways[parent][node.metadata_props[LAYER]]
            found[node] = (parent, "_reverse" if way == "reverse" else "")
    return found


def _others(graph: ir.Graph, seen: set[str | None]) -> dict[str, Array]:
    """Arrays of floats that no op has as a parameter, such as a table that is added; numbers are left out."""
    found = {}
    for name, value in graph.initializers.items():
        array = array_of(value)
        read = any(user.op_type != "Resize" for user, _ in value.uses())
        if array is not None and array.dtype.kind == "f" and array.size > 1 and name not in seen and read:
            found[name.replace("/", ".").strip(".")] = array
    return found
