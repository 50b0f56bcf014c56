"""Holds a model against what it was, after each pass."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ovprep.interface import Interface, Port
from ovprep.layout.apply import count_transposes
from ovprep.layout.letters import infer_interface
from ovprep.passes.change import Change
from ovprep.passes.pipeline import (
    AFTER_LAYOUT,
    BEFORE_INTERFACE,
    BEFORE_LAYOUT,
    FOR_PLUGIN,
    Normalization,
    Pass,
    normalize,
    with_images,
)
from tests.graphs import FEW_ULP, Array, check, difference, feeds_of, run

SWAP = (0, 2, 1)
TOLERANCE = 32 * FEW_ULP
"""Sums of terms of either sign lose digits, in several ops one after the other."""


def normalized(model: ir.Model, tolerance: float = TOLERANCE) -> Normalization:
    """Normalises a model in place; each pass must leave one that checks, computes the same, and has its interface."""
    feeds = feeds_of(model, signed=True)
    wanted = run(model, feeds)
    written = before = infer_interface(model)
    early = [one.__name__ for one in BEFORE_INTERFACE]
    turned: set[str] = set()  # no size could tell: with C == W both layouts have the same shape
    names: list[str] = []

    def after_each(name: str, left: ir.Model) -> None:
        nonlocal before
        names.append(name)
        if name in early:
            before = with_images(infer_interface(left), written)  # these may show what an axis is
        if name == "lay_out_interface":
            turned.update(port.name for port in (*before.inputs, *before.outputs) if _is_channel_first(port))
        check(left)
        found = run(left, {name: _turn(array, name in turned) for name, array in feeds.items()})
        for array, expected, value in zip(found, wanted, left.graph.outputs, strict=True):
            error = difference(array, _turn(expected, value.name in turned))
            assert error <= tolerance, f"{name} changed {value.name} by {error}"

    done = normalize(model, after_each=after_each)
    before_layout, after_layout = ([one.__name__ for one in passes] for passes in (BEFORE_LAYOUT, AFTER_LAYOUT))
    late = [*after_layout, *(one.__name__ for one in FOR_PLUGIN), "raise_interface", "avoid_defects"]
    assert names == [*early, "lay_out_interface", *before_layout, "lay_out", *late]
    assert done.layout.transposes_after == count_transposes(model.graph)
    assert done.original == before
    assert done.interface == _channel_last(before)
    assert [(value.name, len(value.shape or ())) for value in (*model.graph.inputs, *model.graph.outputs)] == [
        (port.name, len(port.dims)) for port in (*done.interface.inputs, *done.interface.outputs)
    ]
    return done


def _turn(array: Array, turned: bool) -> Array:
    return np.moveaxis(array, 1, -1) if turned else array


def _is_channel_first(port: Port) -> bool:
    """Whether a tensor has its channels before its spatial axes, one or two."""
    return len(port.layout) > 2 and port.layout.startswith("NC") and "?" not in port.layout


def _channel_last(interface: Interface) -> Interface:
    def turned(port: Port) -> Port:
        if not _is_channel_first(port):
            return port
        batch, channels, *spatial = port.dims
        return replace(port, dims=(batch, *spatial, channels), layout=f"N{port.layout[2:]}C")

    return Interface(tuple(map(turned, interface.inputs)), tuple(map(turned, interface.outputs)))


def applied(one: Pass, model: ir.Model, tolerance: float = 0.0, seed: int = 0) -> Change | None:
    """Runs one pass in place; it must leave a model that checks and computes the same, bitwise by default."""
    check(model)
    feeds = feeds_of(model, seed, signed=True)
    wanted, names = run(model, feeds), [value.name for value in model.graph.outputs]
    change = one(model)
    check(model)
    assert [value.name for value in model.graph.outputs] == names
    for found, expected in zip(run(model, feeds), wanted, strict=True):
        assert difference(found, expected) <= tolerance
    return change


def ops_of(model: ir.Model) -> list[str]:
    """The types of all nodes, in order."""
    return [node.op_type for node in model.graph]
