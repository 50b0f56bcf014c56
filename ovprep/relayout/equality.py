"""The proof: original and twin, fed the same signals, give the same up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ovprep.errors import VerificationError
from ovprep.interface import Port
from ovprep.relayout.moves import Array
from ovprep.verify.signals import SIGNALS, generate

if TYPE_CHECKING:
    from ovprep.relayout.convert import Relayout

OPEN_SIZE = 32
"""Elements along an axis that the model leaves open."""

SHARE = 1e-5
"""The share of an output's scale that rounding may take: about 80 units in the last place of float32."""

NOISE = 16.0
"""How often the change may be seen that one unit in the last place of every input makes in the original's output."""


def require_equal(model: Any, result: Relayout) -> None:
    """Raises VerificationError where the twin computes otherwise than the original, in inference at batch 2."""
    ports = [_port(tensor) for tensor in model.inputs]
    sizes = {dim: 2 if dim == "batch" else OPEN_SIZE for port in ports for dim in port.dims if isinstance(dim, str)}
    original, twin = _compiled(model), _compiled(result.model)
    for name in SIGNALS:
        arrays = generate(name, ports, sizes, seed=0)
        wanted = original(arrays)
        noise = [abs(a - b).max(initial=0) for a, b in zip(wanted, original(_nudged(arrays)), strict=True)]
        given = twin([_turned(array, perm) for array, perm in zip(arrays, result.inputs, strict=True)])
        for tensor, want, have, perm, own in zip(model.outputs, wanted, given, result.outputs, noise, strict=True):
            want = _turned(want, perm)
            allowed = max(SHARE * abs(want).max(initial=0), NOISE * own)
            if want.shape != have.shape or not np.array_equal(np.isfinite(want), np.isfinite(have)):
                raise VerificationError(_message(model, tensor, name, f"has shape {have.shape}, not {want.shape}"))
            error = abs(np.where(np.isfinite(want), want - have, 0)).max(initial=0)
            if error > allowed:
                text = f"differs by {error:.2g}, where rounding explains {allowed:.2g}"
                raise VerificationError(_message(model, tensor, name, text))


def _message(model: Any, tensor: Any, signal: str, what: str) -> str:
    layer = tensor._keras_history.operation.name
    return f"The converted {model.name!r} is not the original: for {signal}, output {layer!r} {what}. Please report it."


def _port(tensor: Any) -> Port:
    names = ("batch", *(f"axis {axis}" for axis in range(1, len(tensor.shape))))
    dims = tuple(name if size is None else size for name, size in zip(names, tensor.shape, strict=True))
    rows = [node.operation.input_dim for node in tensor._keras_history.operation._outbound_nodes
            if type(node.operation).__name__ == "Embedding"]  # fmt: skip
    return Port(tensor.name, str(tensor.dtype), dims, "?" * len(dims), min(rows, default=None))


def _compiled(model: Any) -> Any:
    """The model as a compiled function of a list of arrays.

    Not eager: Keras on TensorFlow then picks the axis of a channels_first bias by its size.
    """
    import tensorflow as tf
    from keras import tree

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def run(tensors: list[Any]) -> Any:
        return tree.flatten(model(tree.pack_sequence_as(_structure(model), tensors), training=False))

    return lambda arrays: [np.asarray(out, np.float64) for out in run([tf.constant(array) for array in arrays])]


def _structure(model: Any) -> Any:
    return model.inputs[0] if len(model.inputs) == 1 and getattr(model, "_functional", None) else model._inputs_struct


def _nudged(arrays: list[Array]) -> list[Array]:
    """The next number for every float."""
    return [np.nextafter(a, np.inf, dtype=a.dtype) if a.dtype in (np.float32, np.float64) else a for a in arrays]


def _turned(array: Array, perm: tuple[int, ...] | None) -> Array:
    return array if perm is None else np.ascontiguousarray(array.transpose(perm))
