"""Which axis of a tensor in one model is which in another."""

from collections.abc import Sequence
from dataclasses import replace

from ovprep.interface import Dim, Port
from ovprep.workers.arrays import permutation

Way = tuple[int, ...]
"""For each axis of the candidate, the axis of the original that it is; `NEW` for one of size one that that has not.

An axis of size one of the original that no axis of the candidate is, is dropped.
"""
NEW = -1

_HEIGHT = "H"
_USUAL: dict[int, tuple[Way, ...]] = {3: ((0, 1, 2), (0, 2, 1)), 4: ((0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2))}
"""What layouts differ in where no letters say more: channels stand first or last."""
_STATED = {3: {"nwc": "NWC", "ncw": "NCW"}, 4: {"nwc": "NHWC", "ncw": "NCHW"}}


def ways(original: Port, candidate: Port, word: str | None) -> list[Way]:
    """The ways in which the axes can correspond, those with the same open axes alone where there are any.

    `word` is "nwc" or "ncw" for a side that does not tell its axes, "keep" where both are alike.
    """
    original, candidate = told(original, word), told(candidate, word)
    if word == "keep" and len(original.dims) == len(candidate.dims):
        found: list[Way] = [tuple(range(len(original.dims)))]
    else:
        found = _by_letters(original, candidate)
    fitting = [way for way in found if _fits(original.dims, candidate.dims, way)]
    same = [way for way in fitting if _same_open(original.dims, candidate.dims, way)]
    return same or fitting


def distinct(found: Sequence[Way], original: Port) -> list[Way]:
    """The ways without those that only place axes of size one otherwise."""
    by_effect: dict[tuple[int, ...], Way] = {}
    for way in found:
        by_effect.setdefault(tuple(a for a in way if a != NEW and original.dims[a] != 1), way)
    return list(by_effect.values())


def lent(original: Port, candidate: Port, way: Way) -> Port:
    """The original with letters from the candidate where it has none, and some of its own where they must differ."""
    letters = list(original.layout)
    for axis, place in enumerate(way):
        letter = candidate.layout[axis]
        if place != NEW and letters[place] == "?" and letter not in letters:
            letters[place] = letter
    dropped = set(range(len(letters))) - set(way)
    for place in dropped:
        letters[place] = _HEIGHT
    unknown = [place for place in way if place != NEW and letters[place] == "?"]
    if unknown != sorted(unknown):  # two that nothing tells apart would keep their order
        for place, letter in zip(sorted(unknown), (one for one in "NCWD" if one not in letters), strict=False):
            letters[place] = letter
    return replace(original, layout="".join(letters))


def letters_through(original: Port, candidate: Port, way: Way) -> str:
    """The candidate's layout in the letters of the original's axes."""
    return "".join(_HEIGHT if place == NEW else original.layout[place] for place in way)


def told(port: Port, word: str | None) -> Port:
    """The port with the letters that "nwc" or "ncw" mean, where it does not tell them."""
    letters = _STATED.get(len(port.dims), {}).get(word or "")
    return replace(port, layout=letters) if letters and "?" in port.layout else port


def _by_letters(original: Port, candidate: Port) -> list[Way]:
    """The one way that the letters tell, or all usual ones that they do not exclude."""
    rank, other = len(original.dims), len(candidate.dims)
    if other == rank + 1:
        return [
            _with_new(way, axis)
            for axis in _heights(candidate)
            for way in _by_letters(original, _less(candidate, axis))
        ]
    if rank == other + 1:
        return [
            tuple(place + (place >= axis) for place in way)
            for axis in _heights(original)
            for way in _by_letters(_less(original, axis), candidate)
        ]
    if rank != other:
        return []
    if "?" not in original.layout + candidate.layout and sorted(original.layout) == sorted(candidate.layout):
        return [permutation(original.layout, candidate.layout)]
    usual = _USUAL.get(rank, (tuple(range(rank)),))
    agreeing = [way for way in usual if _agree(original.layout, candidate.layout, way)]
    return agreeing or list(usual)


def _agree(original: str, candidate: str, way: Way) -> bool:
    return all(
        letter == original[place] or "?" in (letter, original[place])
        for letter, place in zip(candidate, way, strict=True)
    )


def _heights(port: Port) -> list[int]:
    """Axes of size one that may be a height that the other side does not have."""
    named = [axis for axis, letter in enumerate(port.layout) if letter == _HEIGHT]
    return [axis for axis in named or range(1, len(port.dims)) if port.dims[axis] == 1 and port.layout[axis] in "H?"]


def _less(port: Port, axis: int) -> Port:
    return replace(
        port, dims=port.dims[:axis] + port.dims[axis + 1 :], layout=port.layout[:axis] + port.layout[axis + 1 :]
    )


def _with_new(way: Way, axis: int) -> Way:
    return (*way[:axis], NEW, *way[axis:])


def _fits(original: Sequence[Dim], candidate: Sequence[Dim], way: Way) -> bool:
    """Whether no size is another on either side."""
    pairs = [(original[place], dim) for place, dim in zip(way, candidate, strict=True) if place != NEW]
    return all(isinstance(one, str) or isinstance(other, str) or one == other for one, other in pairs)


def _same_open(original: Sequence[Dim], candidate: Sequence[Dim], way: Way) -> bool:
    pairs = [(original[place], dim) for place, dim in zip(way, candidate, strict=True) if place != NEW]
    return all(isinstance(one, str) == isinstance(other, str) for one, other in pairs)
