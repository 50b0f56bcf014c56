"""What a layer of a twin was in the original, where its configuration in the new layout does not say so.

Remembered as long as the twin's layer lives; a file does not keep it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ovprep.relayout.moves import Axes, Move
from ovprep.relayout.rules import Case, Free
from ovprep.relayout.rules.registry import Arguments

_OWN = {"name", "trainable", "dtype"}
"""What a layer keeps from its present configuration when it becomes again what it was."""


@dataclass(frozen=True)
class Origin:
    """A class with its configuration, and how the call had its tensors in the twin (None: as written)."""

    kind: str
    config: Mapping[str, Any]
    moves: tuple[Move | None, ...]


_ORIGINS: WeakKeyDictionary[Any, Origin] = WeakKeyDictionary()


def remember(operation: Any, twin: Any, moves: Sequence[Move | None]) -> None:
    """Keep what the twin of a layer was made from."""
    _ORIGINS[twin] = Origin(type(operation).__name__, operation.get_config(), tuple(moves))


def recalled(case: Case) -> Free | None:
    """The way back to what the layer was, where its tensors go the same way back."""
    origin = _ORIGINS.get(case.call.operation)
    tensors = [*case.call.inputs, *case.call.outputs]
    if origin is None or len(tensors) != len(origin.moves):
        return None
    for tensor, move in zip(tensors, origin.moves, strict=True):
        if move is not None and (not isinstance(move, Axes) or case.move(tensor) != move.inverse):
            return None
    fixed = frozenset(id(tensor) for tensor, move in zip(tensors, origin.moves, strict=True) if move is None)
    config = {key: value for key, value in origin.config.items() if not (key in _OWN and key in case.config)}
    becomes = None if origin.kind == type(case.call.operation).__name__ else origin.kind
    return Free(config, fixed=fixed, arguments=_tensor_alone, becomes=becomes)


def _tensor_alone(given: Arguments) -> Arguments:
    """A layer is called with its tensor; the node that stood for it may have been given a slice too."""
    return given[0][:1], {}
