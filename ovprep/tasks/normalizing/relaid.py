"""What a re-layout of a Keras model did, in the words of a normalisation: passes, Permutes, both interfaces."""

from dataclasses import replace
from typing import Any

from ovprep.graph.shapes import OPEN_SIZE
from ovprep.interface import Interface, Port
from ovprep.layout.apply import LayoutChange
from ovprep.passes.change import Change, counted
from ovprep.passes.pipeline import PassReport
from ovprep.relayout.convert import Relayout
from ovprep.relayout.graph import read
from ovprep.relayout.moves import FIRST, lifted, move_between, other_format
from ovprep.relayout.plan import bytes_moved

_SPACE = {3: "W", 4: "HW", 5: "DHW"}
_ANY = "ABEFGIJKLM"


def changes_nothing(done: Relayout) -> bool:
    """Whether the twin is the model as it was."""
    return not (done.changed or done.permutations or any(done.inputs) or any(done.outputs))


def reports_of(done: Relayout, left: str) -> tuple[PassReport, ...]:
    """What was done to the layers of a model that left this data format, one report for each kind of change."""
    moved: list[str] = []
    turned: list[str] = []
    sorted_only: list[str] = []
    for name, config in done.changed.items():
        if "batch_shape" in config:  # an input: the interface tells of it
            continue
        kind = moved if {"data_format", "layer"} & config.keys() else turned if config else sorted_only
        kind.append(name)
    to = other_format(left)
    permutes = [one.name for one in done.permutations]
    reasons = "; ".join(f"{one.name!r}, since {one.reason}" for one in done.permutations)
    found = (
        ("move_layers", f"moved {counted(len(moved), 'layer')} to {to}", moved),
        ("turn_layers", f"gave {counted(len(turned), 'layer')} another axis, shape or order", turned),
        ("sort_weights", f"sorted the weights of {counted(len(sorted_only), 'layer')}", sorted_only),
        ("permute", f"added {counted(len(permutes), 'Permute')}: {reasons}", permutes),
    )
    reports = tuple(PassReport(name, Change(words, tuple(places))) for name, words, places in found if places)
    if changes_nothing(done):
        words = f"no layer is {left}, so the model is written as it is"
        return (PassReport("move_layers", Change(words)),)
    return reports


def permutes_of(before: Any, done: Relayout) -> LayoutChange:
    """The Permutes of a Keras model and of its twin."""
    many_before, bytes_before = _permutes(before)
    many_after, bytes_after = _permutes(done.model)
    pins = tuple((one.name, one.reason) for one in done.permutations)
    return LayoutChange(bytes_before, bytes_after, many_before, many_after, tuple(done.changed), pins)


def _permutes(model: Any) -> tuple[int, int]:
    """How many Permutes a model has, and the bytes that they move per inference at batch 1."""
    calls = [call for call in read(model).every_call() if type(call.operation).__name__ in ("Permute", "Transpose")]
    return len(calls), sum(bytes_moved(call.outputs[0], OPEN_SIZE) for call in calls)


def interfaces_of(original: Interface, done: Relayout, left: str) -> tuple[Interface, Interface]:
    """The interfaces of the model and of its twin; where axes moved, all of them have letters."""
    inputs = [_both(*pair, left) for pair in zip(original.inputs, done.inputs, strict=True)]
    outputs = [_both(*pair, left) for pair in zip(original.outputs, done.outputs, strict=True)]
    before, after = (
        Interface(*(tuple(pair[side] for pair in ports) for ports in (inputs, outputs))) for side in (0, 1)
    )
    return before, after


def _both(port: Port, perm: tuple[int, ...] | None, left: str) -> tuple[Port, Port]:
    if perm is None:
        return port, port
    layout = port.layout if "?" not in port.layout and len(set(port.layout)) == len(perm) else _letters(perm, left)
    dims = tuple(port.dims[axis] for axis in perm)
    return replace(port, layout=layout), replace(port, dims=dims, layout="".join(layout[axis] for axis in perm))


def _letters(perm: tuple[int, ...], left: str) -> str:
    """The axes of a tensor that moved so: those of a data format, or letters that only tell them apart."""
    rank = len(perm)
    if rank in _SPACE and perm == move_between(left, rank).perm:
        return f"NC{_SPACE[rank]}" if left == FIRST else f"N{_SPACE[rank]}C"
    if rank - 1 in _SPACE and perm == lifted(move_between(left, rank - 1)).perm:
        return f"NT{_letters(move_between(left, rank - 1).perm, left)[1:]}"
    return "N" + _ANY[: rank - 1]
