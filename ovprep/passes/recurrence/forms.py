"""What a step of a loop computes, as sums of products with constant matrices, of functions, and of products.

A value of width K is `sum(leaf @ matrix) + bias`: leaves are rows of `[N, width]`, matrices `[width, K]`, the bias
`[K]`. Whatever only splits, joins, adds, scales and multiplies by weights is then one and the same form, in whichever
order and by whichever ops a framework wrote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
"""Twice the precision of the weights, so that sums of a few of them keep each digit."""


@dataclass(frozen=True)
class Leaf:
    """A variable, a function applied to a form element by element, or a product of two forms; equal by its key."""

    key: str
    width: int = field(compare=False)
    function: str = field(compare=False, default="")
    arguments: tuple[Form, ...] = field(compare=False, default=())


@dataclass(frozen=True, eq=False)
class Form:
    """`sum(leaf @ matrix) + bias`."""

    terms: Mapping[Leaf, Numbers]
    bias: Numbers

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self.bias)

    @property
    def key(self) -> str:
        """The same for forms that compute the same in the same way."""
        digest = hashlib.sha1(self.bias.tobytes(), usedforsecurity=False)
        for leaf in sorted(self.terms, key=lambda leaf: leaf.key):
            digest.update(leaf.key.encode())
            digest.update(np.ascontiguousarray(self.terms[leaf]).tobytes())
        return digest.hexdigest()

    def taken(self, columns: NDArray[np.intp] | slice) -> Form:
        """Some of the columns."""
        return Form({leaf: matrix[:, columns] for leaf, matrix in self.terms.items()}, self.bias[columns])

    def scaled(self, factor: NDArray[np.generic]) -> Form:
        """Times a number, or a number for each column."""
        row = np.asarray(factor, np.float64).reshape(-1)
        return Form({leaf: matrix * row for leaf, matrix in self.terms.items()}, self.bias * row)

    def times(self, matrix: NDArray[np.generic]) -> Form:
        """Each row times a matrix `[K, L]`."""
        wide = np.asarray(matrix, np.float64)
        return Form({leaf: own @ wide for leaf, own in self.terms.items()}, self.bias @ wide)

    def plus(self, other: Form | NDArray[np.generic]) -> Form:
        """The sum with a form of the same width, or with a constant."""
        if not isinstance(other, Form):
            return Form(self.terms, self.bias + np.asarray(other, np.float64).reshape(-1))
        terms = dict(self.terms)
        for leaf, matrix in other.terms.items():
            terms[leaf] = terms[leaf] + matrix if leaf in terms else matrix
        return Form({leaf: matrix for leaf, matrix in terms.items() if matrix.any()}, self.bias + other.bias)


def variable(name: str, width: int) -> Form:
    """What a step is given."""
    return _alone(Leaf(name, width))


def applied(function: str, argument: Form) -> Form:
    """A function of each element; `function` names it with its parameters."""
    return _alone(Leaf(f"{function}({argument.key})", argument.width, function, (argument,)))


def product(one: Form, other: Form) -> Form:
    """Element by element."""
    keys = sorted((one.key, other.key))
    return _alone(Leaf(f"{keys[0]}*{keys[1]}", one.width, "*", (one, other)))


def joined(forms: Sequence[Form]) -> Form:
    """One behind the other."""
    leaves = {leaf: leaf.width for form in forms for leaf in form.terms}
    empty = [Form({leaf: np.zeros((width, form.width)) for leaf, width in leaves.items()}, form.bias) for form in forms]
    parts = [Form({**blank.terms, **form.terms}, form.bias) for blank, form in zip(empty, forms, strict=True)]
    terms = {leaf: np.concatenate([part.terms[leaf] for part in parts], axis=1) for leaf in leaves}
    return Form(terms, np.concatenate([form.bias for form in forms]))


def _alone(leaf: Leaf) -> Form:
    return Form({leaf: np.eye(leaf.width)}, np.zeros(leaf.width))


Monomial = tuple[Leaf, ...]
"""Leaves of one width that are multiplied, in the order of their keys."""

_MONOMIALS = 64
"""More than any cell has; sums that are multiplied over and over, as in a highway network, have exponentially many."""


def polynomial(form: Form) -> dict[Monomial, Numbers] | None:
    """A form as a sum of products of leaves, element by element, each times a row.

    None where it mixes columns, or is a sum of more than `_MONOMIALS` products.

    `(1 - z) * n + z * h` and `n + z * (h - n)` come to the same. A function of a block of which some columns are taken
    is the function of these columns.
    """
    found: dict[Monomial, Numbers] = {(): form.bias} if form.bias.any() else {}
    for leaf, matrix in form.terms.items():
        taken = _columns_of(matrix)
        expanded = None if taken is None else _expanded(leaf, taken[0])
        if taken is None or expanded is None:
            return None
        for monomial, row in expanded.items():
            found[monomial] = found.get(monomial, np.zeros(form.width)) + row * taken[1]
        if len(found) > _MONOMIALS:
            return None
    return {monomial: row for monomial, row in found.items() if row.any()}


def _columns_of(matrix: Numbers) -> tuple[NDArray[np.intp], Numbers] | None:
    """Which column each column of a product is, and times what; None for sums of several."""
    if (np.count_nonzero(matrix, axis=0) > 1).any():
        return None
    rows = np.abs(matrix).argmax(axis=0)
    return rows, matrix[rows, np.arange(matrix.shape[1])]


def _expanded(leaf: Leaf, columns: NDArray[np.intp]) -> dict[Monomial, Numbers] | None:
    ones = np.ones(len(columns))
    if not leaf.function:
        whole = len(columns) == leaf.width and (columns == np.arange(leaf.width)).all()
        return {(leaf if whole else Leaf(f"{leaf.key}{columns.tolist()}", len(columns)),): ones}
    if leaf.function != "*":
        (made,) = applied(leaf.function, leaf.arguments[0].taken(columns)).terms
        return {(made,): ones}
    one, other = (polynomial(argument.taken(columns)) for argument in leaf.arguments)
    if one is None or other is None:
        return None
    found: dict[Monomial, Numbers] = {}
    for left, by in one.items():
        for right, times in other.items():
            monomial = tuple(sorted((*left, *right), key=lambda leaf: leaf.key))
            found[monomial] = found.get(monomial, np.zeros(len(columns))) + by * times
    return found
