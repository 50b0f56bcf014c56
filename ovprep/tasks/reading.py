"""Models with axes open that their files fix."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ovprep.errors import OptionError
from ovprep.frontends.open import read_model
from ovprep.frontends.source import Source
from ovprep.graph.opening import require_open
from ovprep.interface import Interface, Port
from ovprep.options import InterfaceOptions, OpenAxis, ReadOptions
from ovprep.passes.folding import fold_shapes
from ovprep.passes.pipeline import normalize

_LETTERS = {"batch": "N", "time": "W"}
_SHAPE = re.compile(r"(?P<name>.+?)\[(?P<dims>[^\[\]]*)\]")


def read_opened(path: Path, options: ReadOptions, dynamic: Sequence[str], interface: InterfaceOptions | None) -> Source:
    """The model; where axes are to be opened, read anew once it is known which ones these are.

    Raises OptionError for what the model does not have, UnsupportedError for an op that needs a fixed size.
    """
    source = read_model(path, options)
    if not dynamic:
        return source
    layouts = normalize(source.graph.clone(), replace(interface or InterfaceOptions(), shapes={}, batch=None))
    opened = axes_to_open(dynamic, layouts.original, layouts.interface)
    if not opened:
        return source
    source = read_model(path, replace(options, opened=opened))
    probe = source.graph.clone()
    fold_shapes(probe)
    require_open(probe, opened)
    return source


def axes_to_open(wanted: Sequence[str], original: Interface, target: Interface) -> tuple[OpenAxis, ...]:
    """The fixed axes that "batch", "time" or `x[?,?,1]`, in the layout of the result, name.

    Time axes of one size get one name: they may have to be the same. Raises OptionError for what the model does not
    have.
    """
    found: dict[tuple[str, int], OpenAxis] = {}
    for word in wanted:
        for port, axis in _named(word, original, target):
            size = port.dims[axis]
            if isinstance(size, int):
                is_batch = port.layout[axis] == "N" or (axis == 0 and "N" not in port.layout)
                name = "batch" if is_batch else f"{'time' if port.layout[axis] == 'W' else 'size'}_{size}"
                found[port.name, axis] = OpenAxis(port.name, axis, name, size)
    return tuple(found.values())


def _named(word: str, original: Interface, target: Interface) -> list[tuple[Port, int]]:
    """Inputs of the original, each with an axis of its own layout."""
    letter = _LETTERS.get(word)
    if letter is not None:
        places = [(port, port.layout.index(letter)) for port in original.inputs if letter in port.layout]
        if not places:
            raise OptionError(f"No input of the model is known to have a {word} axis; name one as x[?,3,?].")
        return places
    shape = _SHAPE.fullmatch(word)
    if shape is None:
        raise OptionError(f"{word!r} does not say what shall be open: batch, time, or an input as x[?,3,?].")
    for port, turned in zip(original.inputs, target.inputs, strict=True):
        if port.name == shape["name"]:
            dims = [dim.strip() for dim in shape["dims"].split(",")]
            if len(dims) != len(turned.dims):
                raise OptionError(f"The shape {word!r} for {turned} has not {len(turned.dims)} axes.")
            return [(port, _axis_of(port, turned, index)) for index, dim in enumerate(dims) if dim == "?"]
    raise OptionError(
        f"There is no input {shape['name']!r}; the model has {', '.join(p.name for p in original.inputs)}."
    )


def _axis_of(port: Port, turned: Port, index: int) -> int:
    """The original's axis that is the result's axis `index`."""
    if port.layout == turned.layout:  # which may have several "?"
        return index
    letter = turned.layout[index]
    if letter not in port.layout:  # the height of an interface of rank 4
        raise OptionError(f"Axis {index} of {turned} is always of size one; it cannot be opened.")
    return port.layout.index(letter)
