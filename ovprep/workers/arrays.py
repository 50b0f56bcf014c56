"""Arrays between interfaces: moving axes by the letters of their layouts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def permutation(source: str, target: str) -> tuple[int, ...]:
    """The axes of `source` in the order of `target`: ("NCW", "NWC") gives (0, 2, 1).

    Letters decide, never sizes: with as many channels as samples every guess by size is wrong. A letter that occurs
    more than once, such as "?", keeps its order. Raises ValueError where the letters are not the same.
    """
    if sorted(source) != sorted(target):
        raise ValueError(f"layout {source} does not hold the axes of {target}")
    free = list(range(len(source)))
    order = []
    for letter in target:
        axis = next(axis for axis in free if source[axis] == letter)
        free.remove(axis)
        order.append(axis)
    return tuple(order)


def relayout(array: Array, source: str, target: str) -> Array:
    """The array with its axes moved from layout `source` to layout `target`, contiguous.

    A height (H) that one of the layouts does not have is of size one: "NWC" to "NHWC" gives `[N, 1, W, C]`. Raises
    ValueError where the array's rank is not the layout's, or a height that goes is another.
    """
    if array.ndim != len(source):
        raise ValueError(f"an array of rank {array.ndim} cannot have layout {source}")
    if source == target:
        return array
    if "H" in source and "H" not in target:
        array, source = array.squeeze(source.index("H")), source.replace("H", "")
    elif "H" in target and "H" not in source:
        array, source = array[None], f"H{source}"
    return np.ascontiguousarray(array.transpose(permutation(source, target)))


def relayout_all(arrays: Sequence[Array], sources: Sequence[str], targets: Sequence[str]) -> list[Array]:
    """`relayout` for each array with its own pair of layouts."""
    return [relayout(*triple) for triple in zip(arrays, sources, targets, strict=True)]
