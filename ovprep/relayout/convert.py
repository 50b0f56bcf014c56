"""`convert_channels_first_to_last` and back: the public functions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

from ovprep.errors import OptionError
from ovprep.relayout.equality import keras_defect, require_equal
from ovprep.relayout.graph import read
from ovprep.relayout.moves import FIRST, LAST, Axes
from ovprep.relayout.plan import plan
from ovprep.relayout.rebuild import Permutation, Rebuilder
from ovprep.relayout.rules import has_format

Inputs = Literal["move", "keep"]


@dataclass(frozen=True)
class Relayout:
    """The twin of a model in the other data format.

    permutations    the Permutes that the cheapest plan needs and the original has not, each with its reason
    changed         per layer, the configuration that is different; empty where only weights moved
    inputs, outputs per input and output in order, the permutation that takes the original's array to the twin's
                    (None: as it was)
    """

    model: Any
    permutations: tuple[Permutation, ...]
    changed: dict[str, dict[str, Any]]
    inputs: tuple[tuple[int, ...] | None, ...]
    outputs: tuple[tuple[int, ...] | None, ...]


def convert_channels_first_to_last(model: Any, *, inputs: Inputs = "move", verify: bool = True) -> Any:
    """The same Keras model with every layer in channels_last: same names, classes, weights, sharing and nesting.

    Inputs and outputs are re-laid-out where the layers that read and make them are; `inputs="keep"` leaves them alone.
    A model without any layer that has a data format keeps them too.
    A Permute remains only where that is the cheapest. See `relayout` for a record of it.

    Raises UnsupportedError where a layer cannot be converted, VerificationError where the twin computes otherwise.
    """
    return relayout(model, FIRST, inputs=inputs, verify=verify).model


def convert_channels_last_to_first(model: Any, *, inputs: Inputs = "move", verify: bool = True) -> Any:
    """The way back: see `convert_channels_first_to_last`."""
    return relayout(model, LAST, inputs=inputs, verify=verify).model


def relayout(model: Any, source: str, *, inputs: Inputs = "move", verify: bool = True) -> Relayout:
    """Convert a model out of the data format `source` into the other one, and say what was done."""
    if inputs not in ("move", "keep"):
        raise OptionError(f'inputs={inputs!r} is unknown: choose "move" or "keep".')
    graph = read(model)
    found = plan(graph, source, keep=inputs == "keep" or not any(has_format(call) for call in graph.every_call()))
    rebuilder = Rebuilder(found)
    twin = rebuilder.twin(graph)
    result = Relayout(
        twin,
        rebuilder.permutations,
        rebuilder.changed,
        tuple(_perm(rebuilder.start(graph, tensor)) for tensor in graph.inputs),
        tuple(_perm(rebuilder.end(graph, tensor)) for tensor in graph.outputs),
    )
    if verify:
        require_equal(model, result)
    elif defect := keras_defect(twin):
        warnings.warn(defect, stacklevel=3)
    return result


def _perm(move: Any) -> tuple[int, ...] | None:
    return move.perm if isinstance(move, Axes) else None
