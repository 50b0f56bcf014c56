"""Activations that layers carry: which treat every element alike, and softmax, which works along the last axis."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ovprep.errors import UnsupportedError
from ovprep.relayout.moves import Axes, keras_axis
from ovprep.relayout.rules.registry import Case


def name_of(activation: Any) -> str:
    """What messages call it."""
    return str(getattr(activation, "__name__", type(activation).__name__))


def treats_alike(activation: Any) -> bool:
    """Whether an element comes out the same in any place; it is tried, so that a user's own function counts."""
    return activation is None or _tried(activation)


@lru_cache(maxsize=64)
def _tried(activation: Any) -> bool:
    from keras import ops

    signal = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    try:
        if hasattr(activation, "get_config"):  # a layer, which must not be built by this
            activation = type(activation).from_config(activation.get_config())
        tries = signal, signal.reshape(-1, 1, 1)
        whole, apart = (ops.convert_to_numpy(activation(ops.convert_to_tensor(each))) for each in tries)
    except Exception:  # noqa: BLE001  (code of the user, which may be made for other shapes)
        return False
    return (
        not getattr(activation, "weights", ())
        and whole.size == apart.size == signal.size
        and np.allclose(whole.ravel(), apart.ravel(), rtol=1e-5, atol=1e-6)
    )


def is_symmetric(activation: Any) -> bool:
    """Whether it does not care in which order the features of `[N, F]` come."""
    from keras import activations

    along_the_last_axis = (activations.softmax, activations.log_softmax, activations.sparsemax)
    return treats_alike(activation) or activation in along_the_last_axis


def softmax_axis(activation: Any) -> int | None:
    """The axis of the function or layer of Keras; None for anything else."""
    from keras import activations, layers

    if activation is activations.softmax:
        return -1
    axis = activation.axis if type(activation) is layers.Softmax else None
    return axis if isinstance(axis, int) else None


def moved_activation(case: Case, move: Axes) -> Mapping[str, Any]:
    """What changes in the configuration of a layer whose output moves: a softmax becomes one along another axis.

    A Softmax layer as the activation says so, and on the way back the name again.
    Raises UnsupportedError for an activation that does more than treat every element alike.
    """
    from keras import layers, saving

    activation = getattr(case.call.operation, "activation", None)
    if treats_alike(activation):
        return {}
    axis, ours = softmax_axis(activation), f"{case.call.operation.name}_softmax"
    if axis is None:
        raise UnsupportedError(
            f"{case.call.name} ends in {name_of(activation)}, which does not treat every element alike: put it behind "
            "the layer, as an operation with an axis."
        )
    name = getattr(activation, "name", ours)
    turned = keras_axis(axis, move, case.source)
    if name == ours and turned % len(move.perm) == len(move.perm) - 1:
        return {"activation": "softmax"}
    layer = layers.Softmax(turned, name=name, dtype=case.call.operation.dtype_policy)
    return {"activation": saving.serialize_keras_object(layer)}
