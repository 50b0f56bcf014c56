"""What a rule sees and says, and the table of all rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ovprep.relayout.graph import Call
from ovprep.relayout.moves import FIRST, Along, Axes, Move

WeightMove = Axes | Along
"""How a weight follows: its axes in another order, or its entries along them."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def configuration(operation: Any) -> dict[str, Any] | None:
    """None where it cannot be said, as with an operation node that was made with arrays."""
    try:
        return dict(operation.get_config())
    except NotImplementedError:
        return None


@dataclass(frozen=True)
class Case:
    """One call with the moves of its tensors. `source` is the data format that the model is to leave."""

    call: Call
    moves: Mapping[int, Move]
    source: str

    @cached_property
    def config(self) -> dict[str, Any]:
        """The layer's configuration, or the constructor's arguments of an operation node; empty where there is none."""
        return configuration(self.call.operation) or {}

    def move(self, tensor: Any) -> Move | None:
        """The tensor's move; None where it has no other layout."""
        return self.moves.get(id(tensor))

    @property
    def input(self) -> Any:
        """The first tensor that the call reads."""
        return self.call.inputs[0]

    @property
    def output(self) -> Any:
        """The first tensor that the call makes."""
        return self.call.outputs[0]


@dataclass(frozen=True)
class Pinned:
    """The call must run as written; the reason reaches the user."""

    reason: str


@dataclass(frozen=True)
class Free:
    """The call can run on moved tensors.

    config      what changes in the configuration
    weights     how weights follow, by name
    arguments   what changes in the arguments of the call
    fixed       ids of tensors that stay as written although the call moves
    must        whether the call must move: it is written in the format that the model leaves
    becomes     the Keras layer that says the same in the other layout, where it is another class
    makes       what makes the operation node of this name that does the same, where no Keras layer can
    one_way     whether the moved layer does not say what it was, so that the way back must be told
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, WeightMove] = field(default_factory=dict)
    arguments: Callable[[Arguments], Arguments] | None = None
    fixed: frozenset[int] = frozenset()
    must: bool = False
    becomes: str | None = None
    makes: Callable[[str], Any] | None = None
    one_way: bool = False


@dataclass(frozen=True)
class Swap:
    """A Permute between the two layouts: it stays, or it goes and its input is its output."""


Ruling = Free | Pinned | Swap
Rule = Callable[[Case], Ruling]
Spread = Callable[[Case], Mapping[int, Move]]
"""The moves that follow for a call's tensors from those which are known, by id of the tensor."""


def nothing(case: Case) -> Mapping[int, Move]:
    """No tensor's move follows from another's."""
    return {}


def same(case: Case) -> Mapping[int, Move]:
    """All tensors of one rank move alike; flattened ones where they have as many features."""
    tensors = [*case.call.inputs, *case.call.outputs]
    known = {(len(t.shape), _features(t)): case.move(t) for t in tensors if case.move(t)}
    found = {id(t): known.get((len(t.shape), _features(t))) for t in tensors}
    return {key: move for key, move in found.items() if move}


def _features(tensor: Any) -> int | None:
    return tensor.shape[-1] if len(tensor.shape) == 2 else None


@dataclass(frozen=True)
class Entry:
    """A rule, how moves spread over its call, and whether the call itself says what its tensors' moves are."""

    rule: Rule
    spread: Spread
    decides: bool


RULES: dict[str, Entry] = {}


def rule(*classes: str, spread: Spread = same, decides: bool = False) -> Callable[[Rule], Rule]:
    """Registers a rule for Keras's own classes of these names; operation nodes are named "ops.Mean"."""

    def register(function: Rule) -> Rule:
        for name in classes:
            RULES[name] = Entry(function, spread, decides)
        return function

    return register


UNKNOWN = Entry(lambda case: Pinned("its meaning in another layout is not known"), nothing, False)


def entry_of(operation: Any) -> Entry:
    """The entry of Keras's own class; a class of the user is unknown whatever its name."""
    module = type(operation).__module__
    if not module.startswith(("keras.src.layers", "keras.src.ops")):
        return UNKNOWN
    prefix = "" if module.startswith("keras.src.layers") else "ops."
    return RULES.get(prefix + type(operation).__name__, UNKNOWN)


def has_format(call: Call) -> bool:
    """Whether the call is of a layer that has a data format, or wraps one: it says the moves of its tensors itself."""
    entry = entry_of(call.operation)
    return entry.decides and bool(entry.spread(Case(call, {}, FIRST)))


def axes_of(case: Case, tensor: Any) -> Axes | None:
    """The tensor's move where it is one of axes."""
    move = case.move(tensor)
    return move if isinstance(move, Axes) else None


def common(case: Case) -> Move | None:
    """The one move that all inputs and outputs share; None where they do not."""
    found = {case.move(t) for t in (*case.call.inputs, *case.call.outputs)}
    return found.pop() if len(found) == 1 else None
