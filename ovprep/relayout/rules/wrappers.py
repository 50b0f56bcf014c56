"""Layers around another layer, and those that step through time with images: `[N, T, ..., ]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ovprep.errors import UnsupportedError
from ovprep.relayout.graph import Call
from ovprep.relayout.moves import Axes, Move, lifted, lowered, move_between, other_format
from ovprep.relayout.rules.activations import name_of, treats_alike
from ovprep.relayout.rules.registry import Case, Free, Pinned, Ruling, entry_of, rule, same


@dataclass(frozen=True, eq=False)
class Slice:
    """One step of a tensor `[N, T, ..., ]`, as the wrapped layer sees it."""

    shape: tuple[int | None, ...]


def _formats(case: Case) -> Mapping[int, Move]:
    """Where the wrapped layer has a data format, each tensor moves from it."""
    found = {id(t): _from_format(case.call.operation, len(t.shape)) for t in (*case.call.inputs, *case.call.outputs)}
    return {key: move for key, move in found.items() if move}


def _from_format(layer: Any, rank: int) -> Axes | None:
    """The move of a tensor that a layer, or one that wraps it, reads or makes; None where nothing says it."""
    if not entry_of(layer).decides:
        return None
    if type(layer).__name__ == "TimeDistributed":
        step = _from_format(layer.layer, rank - 1)
        return lifted(step) if step else None
    if type(layer).__name__ == "SpectralNormalization":
        return _from_format(layer.layer, rank)
    return move_between(layer.data_format, rank) if rank > 2 else None


def _of_steps(source: str, rank: int) -> Axes:
    return lifted(move_between(source, rank - 1))


def _spread(case: Case) -> Mapping[int, Move]:
    return _formats(case) or same(case)


@rule("SpectralNormalization", spread=_spread, decides=True)
def spectral_normalization(case: Case) -> Ruling:
    """It divides the kernel, which is the same in both formats."""
    call = case.call
    inner = Case(Call(call.node, call.operation.layer, call.inputs, call.outputs), case.moves, case.source)
    return _around(case, entry_of(call.operation.layer).rule(inner))


@rule("TimeDistributed", spread=_spread, decides=True)
def time_distributed(case: Case) -> Ruling:
    """Its layer, on tensors whose steps stay where they are."""
    tensors = {id(tensor): tensor for tensor in (*case.call.inputs, *case.call.outputs)}
    slices = {key: Slice((tensor.shape[0], *tensor.shape[2:])) for key, tensor in tensors.items()}
    moves = {id(part): move for key, part in slices.items() if (move := lowered(case.moves.get(key)))}
    inner = Call(
        case.call.node,
        case.call.operation.layer,
        [slices[id(tensor)] for tensor in case.call.inputs],
        [slices[id(tensor)] for tensor in case.call.outputs],
    )
    ruling = entry_of(inner.operation).rule(Case(inner, moves, case.source))
    if isinstance(ruling, Free):
        stay = {key for key, part in slices.items() if id(part) in ruling.fixed or id(part) not in moves}
        ruling = replace(ruling, fixed=frozenset(stay))
    return _around(case, ruling)


def _around(case: Case, ruling: Ruling) -> Ruling:
    """The wrapper's ruling from that of its layer."""
    if not isinstance(ruling, Free):
        return ruling if isinstance(ruling, Pinned) else Pinned("it applies its layer to tensors as written")
    if ruling.becomes or ruling.makes or ruling.arguments:
        return Pinned("the layer in it would become another one")
    wrapped: dict[str, Any] = {key: value for key, value in case.config["layer"].items() if key != "build_config"}
    wrapped["config"] = {**wrapped["config"], **ruling.config}
    return replace(ruling, config={"layer": wrapped} if ruling.config else {})


def _of_frames(case: Case) -> Mapping[int, Move]:
    source, rank = case.config["data_format"], len(case.input.shape)
    tensors = (*case.call.inputs, *case.call.outputs)
    return {
        id(t): _of_steps(source, rank) if len(t.shape) == rank else move_between(source, len(t.shape)) for t in tensors
    }


@rule("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", spread=_of_frames, decides=True)
def convolutional_lstm(case: Case) -> Ruling:
    """All frames `[N, T, ..., ]`, a last frame and the states without T: each moves from the layer's format."""
    if case.config["data_format"] != case.source:
        return Pinned(f"it is {case.config['data_format']} already")
    for activation in (case.call.operation.activation, case.call.operation.recurrent_activation):
        if not treats_alike(activation):
            raise UnsupportedError(
                f"{case.call.name} uses {name_of(activation)}, which does not treat every element alike, so that it "
                "would work over another axis in the other format."
            )
    if any(case.move(tensor) != move for tensor in case.call.inputs for move in [_of_frames(case)[id(tensor)]]):
        return Pinned("another layer reads its input in another order of axes")
    return Free({"data_format": other_format(case.source)}, must=True)
