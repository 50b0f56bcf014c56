"""Which input and output of one model is which of another's, and which of its axes is which.

Names decide, then the order. Of axes, their letters decide; where these are not told, shapes do, as long as they leave
one possibility: with as many channels as samples they say nothing, and the caller must.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Self

import numpy as np

from ovprep.errors import OptionError
from ovprep.interface import Interface, Port
from ovprep.options import LAYOUTS
from ovprep.proof.axes import Way, distinct, lent, letters_through, told, ways
from ovprep.workers.wiring import Wiring

Names = Mapping[str, frozenset[str]]
"""Other names that a port has beside its own, by its own."""

_FEW = 6
"""Ports that are tried in every order where their own does not fit."""


@dataclass(frozen=True)
class Match:
    """Two models side by side.

    source      the original's interface, with what the candidate tells of it: letters, and sizes that it fixes
    target      the candidate's, in the original's order, with the letters of the original's axes
    wiring      how the original's arrays reach the candidate
    notes       what a reader should know, in sentences
    """

    source: Interface
    target: Interface
    wiring: Wiring
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Stated:
    """Layouts that the caller tells of inputs and outputs that do not tell them: "nwc", "ncw", "keep" (the same)."""

    layout: str | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def by(cls, layout: str | Mapping[str, str] | None) -> Self:
        """What one word says of all, or words by name. Raises OptionError for a word that is no layout."""
        words = [layout] if isinstance(layout, str) else list((layout or {}).values())
        for word in words:
            if word not in LAYOUTS:
                raise OptionError(f"There is no layout {word!r}; choose {', '.join(LAYOUTS)}.")
        return cls(layout=layout) if isinstance(layout, str) else cls(layouts=layout or {})

    def of(self, *ports: Port) -> str | None:
        """The word for a pair of ports; either's name will do."""
        return next((self.layouts[port.name] for port in ports if port.name in self.layouts), self.layout)


def match(
    original: Interface, candidate: Interface, original_names: Names, candidate_names: Names, stated: Stated
) -> Match:
    """Pairs the ports of two models, and their axes.

    `original_names` and `candidate_names` are those that ports have besides. Raises OptionError where one lacks what
    the other has, shapes or types cannot be the same, or nothing tells which axis is which.
    """
    _require_known(original, candidate, stated)
    pairs_in = _Pairing("input", original_names, candidate_names, stated).pairs(original.inputs, candidate.inputs)
    pairs_out = _Pairing("output", original_names, candidate_names, stated).pairs(original.outputs, candidate.outputs)
    notes = [*_notes("input", pairs_in), *_notes("output", pairs_out)]
    sizes = _sizes_fixed(pairs_in)
    order = [candidate.inputs.index(pair.candidate) for pair in pairs_in]
    wiring = Wiring(
        inputs=tuple(order.index(place) for place in range(len(order))),
        dtypes=tuple(port.dtype for port in candidate.inputs),
        outputs=tuple(candidate.outputs.index(pair.candidate) for pair in pairs_out),
    )
    source = Interface(
        tuple(_with_sizes(pair.original, sizes) for pair in pairs_in),
        tuple(_with_sizes(pair.original, sizes) for pair in pairs_out),
    )
    target = Interface(
        tuple(pair.candidate_lettered for pair in pairs_in), tuple(p.candidate_lettered for p in pairs_out)
    )
    return Match(source, target, wiring, tuple(notes))


@dataclass(frozen=True)
class _Pair:
    """A port of the original, with letters lent to it, and the candidate's; `by` says what made them one."""

    original: Port
    candidate: Port
    way: Way
    by: str

    @property
    def candidate_lettered(self) -> Port:
        return replace(self.candidate, layout=letters_through(self.original, self.candidate, self.way))


class _Pairing:
    """Pairs of one kind of ports, "input" or "output"."""

    def __init__(self, kind: str, original_names: Names, candidate_names: Names, stated: Stated) -> None:
        self._kind, self._stated = kind, stated
        self._original_names, self._candidate_names = original_names, candidate_names

    def pairs(self, originals: Sequence[Port], candidates: Sequence[Port]) -> list[_Pair]:
        """One for each port of the original, in its order."""
        found = self._by_name(originals, candidates)
        left = [port for port in originals if port.name not in found]
        taken = [port.name for port in found.values()]
        free = [port for port in candidates if port.name not in taken]
        if len(left) != len(free):
            raise OptionError(self._lacking(left, free))
        by_name = set(found)
        found |= zip((port.name for port in left), self._in_fitting_order(left, free), strict=True)
        by = "order" if [found[port.name] for port in left] == free else "shape"
        return [self._pair(port, found[port.name], "name" if port.name in by_name else by) for port in originals]

    def _by_name(self, originals: Sequence[Port], candidates: Sequence[Port]) -> dict[str, Port]:
        """Ports of the candidate by names of the original's: first the very name, then one that means the same."""
        found: dict[str, Port] = {}
        spellings: tuple[Callable[[str], str], ...] = (lambda name: name, _plain)
        for spelled in spellings:
            for port in originals:
                taken = [one.name for one in found.values()]
                wanted = _called(port, self._original_names, spelled)
                same = [
                    one
                    for one in candidates
                    if one.name not in taken and wanted & _called(one, self._candidate_names, spelled)
                ]
                if port.name not in found and len(same) == 1:
                    found[port.name] = same[0]
        return found

    def _in_fitting_order(self, left: Sequence[Port], free: Sequence[Port]) -> list[Port]:
        """The candidate's ports in the one order that fits, their own before all others."""
        if _all_fit(left, free) or len(left) > _FEW:
            return list(free)
        orders = [order for order in permutations(free) if _all_fit(left, order)]
        return list(orders[0] if len(orders) == 1 else free)

    def _lacking(self, left: Sequence[Port], free: Sequence[Port]) -> str:
        if len(left) > len(free):
            return f"The candidate lacks an {self._kind} of the original: {_listed(left)}{_beside(free)}."
        return f"The original lacks an {self._kind} of the candidate: {_listed(free)}{_beside(left)}."

    def _pair(self, original: Port, candidate: Port, by: str) -> _Pair:
        if not _same_kind(original.dtype, candidate.dtype) and self._kind == "input":
            raise OptionError(
                f"Input {original.name!r} takes {original.dtype} in the original and {candidate.dtype} in the "
                f"candidate, so that they cannot be given the same; compare models whose inputs have one type."
            )
        word = self._stated.of(original, candidate)
        found = ways(original, candidate, word)
        kind = self._kind.capitalize()
        if not found:
            raise OptionError(
                f"{kind} {original.name!r} cannot be the same in both: the original has {original}, the candidate "
                f"{candidate}."
            )
        found = distinct(found, original)
        if len(found) > 1:
            raise OptionError(
                f"Nothing tells which axis is which of {self._kind} {original.name!r}: the original has {original}, "
                f"the candidate {candidate}; say --layout {original.name}=nwc or ncw for the one that does not tell, "
                "or keep where they are alike."
            )
        lettered = lent(told(original, word), told(candidate, word), found[0])
        return _Pair(lettered, candidate, found[0], by)


def _all_fit(originals: Sequence[Port], candidates: Sequence[Port]) -> bool:
    return all(
        ways(one, other, None) and _same_kind(one.dtype, other.dtype)
        for one, other in zip(originals, candidates, strict=True)
    )


def _same_kind(first: str, second: str) -> bool:
    """Whether values of one type can be given as the other: floats of any width, integers of any but one byte."""
    one, other = np.dtype(first), np.dtype(second)
    if one == other:
        return True
    return one.kind == other.kind and min(one.itemsize, other.itemsize) > 1


_DECORATION = re.compile(r"^serving_default_|:\d+$")


def _called(port: Port, names: Names, spelled: Callable[[str], str]) -> set[str]:
    return {spelled(name) for name in (port.name, *names.get(port.name, ()))}


def _plain(name: str) -> str:
    """A name without what TensorFlow puts around it: "serving_default_x:0" is "x"."""
    return _DECORATION.sub("", name)


def _notes(kind: str, pairs: Sequence[_Pair]) -> list[str]:
    """Pairs that names did not make, where there was a choice."""
    guessed = [f"{pair.original.name} is {pair.candidate.name}" for pair in pairs if pair.by != "name"]
    if not guessed or len(pairs) < 2:
        return []
    by = next(pair.by for pair in pairs if pair.by != "name")
    return [f"Names of {kind}s differ, so that they were matched by {by}: {', '.join(guessed)}."]


def _sizes_fixed(pairs: Sequence[_Pair]) -> dict[str, int]:
    """Sizes that inputs of the candidate have where the original leaves them open."""
    sizes: dict[str, int] = {}
    for pair in pairs:
        for axis, place in enumerate(pair.way):
            size, name = pair.candidate.dims[axis], pair.original.dims[place] if place >= 0 else 1
            if isinstance(size, int) and isinstance(name, str) and sizes.setdefault(name, size) != size:
                raise OptionError(
                    f"{pair.original} of the original has {sizes[name]} for {name!r} elsewhere, where the candidate "
                    f"has {pair.candidate}."
                )
    return sizes


def _with_sizes(port: Port, sizes: Mapping[str, int]) -> Port:
    return replace(port, dims=tuple(sizes.get(dim, dim) if isinstance(dim, str) else dim for dim in port.dims))


def _require_known(original: Interface, candidate: Interface, stated: Stated) -> None:
    ports = [port for side in (original, candidate) for port in (*side.inputs, *side.outputs)]
    known = {port.name for port in ports}
    for name in stated.layouts:
        if name not in known:
            raise OptionError(f"There is no input or output {name!r}; the models have {', '.join(sorted(known))}.")


def _listed(ports: Sequence[Port]) -> str:
    return ", ".join(str(port) for port in ports)


def _beside(others: Sequence[Port]) -> str:
    return f" (it has {_listed(others)} instead)" if others else ""
