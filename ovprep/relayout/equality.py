"""The proof: original and twin, fed the same signals, give the same up to rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ovprep.errors import RuntimeFailure, VerificationError
from ovprep.interface import Port
from ovprep.proof.inputs.signals import generate
from ovprep.relayout.clone import reason_of, states
from ovprep.relayout.moves import FIRST, Array

if TYPE_CHECKING:
    from ovprep.relayout.convert import Relayout

Run = Callable[[list[Array]], list[Array]]

OPEN_SIZE = 32
"""Elements along an axis that the model leaves open."""

SHARE = 1e-5
"""The share of an output's scale that rounding may take: about 80 units in the last place of float32."""

FED = ("noise", "silence")
"""The signals that both are fed."""

NOISE = 16.0
"""How often the change may be seen that one unit in the last place of every input makes in the original's output."""


def require_equal(model: Any, result: Relayout) -> None:
    """Raises VerificationError where the twin computes otherwise than the original, in inference at batch 2.

    Compiled against compiled; where these differ, eager calls have their say, since each way has a known defect.
    """
    ports = [_port(tensor) for tensor in model.inputs]
    sizes = {dim: 2 if dim == "batch" else OPEN_SIZE for port in ports for dim in port.dims if isinstance(dim, str)}
    compiled, twin_compiled = _compiled(model), _compiled(result.model)
    ways = ((compiled, twin_compiled), (compiled, _eager(result.model)), (_eager(model), _eager(result.model)))
    _require_the_same_again(model, compiled, generate(FED[0], ports, sizes, seed=0))
    for name in FED:
        arrays = generate(name, ports, sizes, seed=0)
        turned = [_turned(array, perm) for array, perm in zip(arrays, result.inputs, strict=True)]
        faults = []
        for original, twin in ways:
            wanted, nudged = (_run_original(original, model, each) for each in (arrays, _nudged(arrays)))
            fault = _fault(model, wanted, nudged, twin(turned), result.outputs)
            if fault is None:
                break
            faults.append(fault)
        else:
            defect = keras_defect(model, result.model)
            told = (
                f"{defect} Pass verify=False if the channels_last model is the right one."
                if defect
                else "Please report it."
            )
            raise VerificationError(
                f"The converted {model.name!r} is not the original: for {name}, {faults[0]}. {told}"
            )


def keras_defect(*models: Any) -> str:
    """What Keras 3.15 on TensorFlow may compute wrongly in one of these models, as a sentence; empty where nothing."""
    for layer in (layer for model in models for layer in model._flatten_layers()):
        square = getattr(layer, "use_bias", False) and getattr(layer, "data_format", None) == FIRST
        if square and any(node.outputs[0].shape[1] == node.outputs[0].shape[-1] for node in layer._inbound_nodes):
            return (
                f"Keras may add the channels_first bias of {layer.name!r} along the wrong axis, since it has as many "
                "channels as steps."
            )
    return ""


def _require_the_same_again(model: Any, run: Run, arrays: list[Array]) -> None:
    """Raises RuntimeFailure where the original gives something else each time, as with a Dropout that is always on."""
    once, again = (_run_original(run, model, arrays) for _ in range(2))
    if not all(
        np.allclose(*pair, rtol=0, atol=SHARE * _scale(pair[0]), equal_nan=True)
        for pair in zip(once, again, strict=True)
    ):
        raise RuntimeFailure(
            f"{model.name!r} gives other results each time it runs, so that nothing proves its twin: "
            "pass verify=False to have it all the same."
        )


def _run_original(original: Run, model: Any, arrays: list[Array]) -> list[Array]:
    """Raises RuntimeFailure where the original does not run, such as a Lambda whose names are not there."""
    try:
        return original(arrays)
    except Exception as error:
        raise RuntimeFailure(
            f"{model.name!r} cannot be run, so that nothing proves its twin "
            f"({reason_of(error)}). "
            "Pass verify=False to have the twin all the same."
        ) from error


def _scale(array: Array) -> float:
    """The largest finite number in it."""
    return float(abs(array[np.isfinite(array)]).max(initial=0))


def _fault(
    model: Any,
    wanted: list[Array],
    nudged: list[Array],
    given: list[Array],
    perms: tuple[tuple[int, ...] | None, ...],
) -> str | None:
    """What is wrong with what the twin gives; None where rounding explains it."""
    for tensor, want, near, have, perm in zip(model.outputs, wanted, nudged, given, perms, strict=True):
        name = tensor._keras_history.operation.name
        noise = abs(np.where(np.isfinite(want), want - near, 0)).max(initial=0)
        want = _turned(want, perm)
        if want.shape != have.shape:
            return f"output {name!r} has shape {have.shape}, not {want.shape}"
        if not np.array_equal(want[~np.isfinite(want)], have[~np.isfinite(want)], equal_nan=True):
            return f"output {name!r} is not infinite where the original is"
        finite = np.isfinite(want)
        error = abs(want[finite] - have[finite]).max(initial=0)
        allowed = max(SHARE * _scale(want), NOISE * noise)
        if not error <= allowed:
            return f"output {name!r} differs by {error:.2g}, where rounding explains {allowed:.2g}"
    return None


def _port(tensor: Any) -> Port:
    names = ("batch", *(f"axis {axis}" for axis in range(1, len(tensor.shape))))
    dims = tuple(name if size is None else size for name, size in zip(names, tensor.shape, strict=True))
    rows = [node.operation.input_dim for node in tensor._keras_history.operation._outbound_nodes
            if type(node.operation).__name__ == "Embedding"]  # fmt: skip
    return Port(tensor.name, str(tensor.dtype), dims, "?" * len(dims), min(rows, default=None))


def _from_here(run: Run, model: Any) -> Run:
    """Each call from the state that the model has now, which a stateful layer changes; and back to it."""
    state = [(each, np.array(each)) for each in states(model)]

    def again(arrays: list[Array]) -> list[Array]:
        try:
            return run(arrays)
        finally:
            for variable, value in state:
                variable.assign(value)

    return again


def _eager(model: Any) -> Run:
    """The model as a function of a list of arrays, layer by layer.

    Keras 3.15 on TensorFlow picks the axis of a channels_first bias by its size this way.
    """
    from keras import tree

    def run(arrays: list[Array]) -> list[Array]:
        outputs = model(tree.pack_sequence_as(_structure(model), arrays), training=False)
        return [np.asarray(out, np.float64) for out in tree.flatten(outputs)]

    return _from_here(run, model)


def _compiled(model: Any) -> Run:
    """The same compiled to one graph. TensorFlow 2.21 fuses a padding and a Conv3D with "same" wrongly this way."""
    import tensorflow as tf
    from keras import tree

    def outputs(tensors: list[Any]) -> Any:
        return tree.flatten(model(tree.pack_sequence_as(_structure(model), tensors), training=False))

    plain, xla = tf.function(outputs), tf.function(outputs, jit_compile=True)

    def run(arrays: list[Array]) -> list[Array]:
        tensors = [tf.constant(array) for array in arrays]
        try:
            results = plain(tensors)
        except tf.errors.UnimplementedError:  # a float16 convolution in channels_first, which XLA knows
            results = xla(tensors)
        return [np.asarray(result, np.float64) for result in results]

    return _from_here(run, model)


def _structure(model: Any) -> Any:
    return model.inputs[0] if len(model.inputs) == 1 and getattr(model, "_functional", None) else model._inputs_struct


def _nudged(arrays: list[Array]) -> list[Array]:
    """Every float one unit in the last place of float32 up or down; of silence, as if it were 1."""
    rng = np.random.default_rng(0)
    return [a + _step(a) * rng.choice((-1, 1), a.shape).astype(a.dtype) if a.dtype.kind == "f" else a for a in arrays]


def _step(array: Array) -> Array:
    scale: Array = np.maximum(abs(array), abs(array).max(initial=0) or 1)
    return (scale * np.finfo(np.float32).eps).astype(array.dtype)


def _turned(array: Array, perm: tuple[int, ...] | None) -> Array:
    return array if perm is None else np.ascontiguousarray(array.transpose(perm))
