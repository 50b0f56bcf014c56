"""Which forms are a step of an LSTM, a GRU or an RNN; the equations are those of ONNX.

`X` is a row of the input `[C]`, `H` and `C` are states of `[units]`. Gates and the new part of a state are functions of
`X @ W + H @ R + b`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovprep.passes.recurrence.forms import Form, Leaf, Numbers, polynomial

ACTIVATIONS = ("Relu", "Sigmoid", "Tanh")
"""Those that both ONNX Runtime and OpenVINO compute in a recurrence."""


@dataclass(frozen=True)
class Cell:
    """An operator with its weights: W `[gates * units, C]`, R `[gates * units, units]`, B `[2 * gates * units]`.

    `activations` are those of f, g and h in ONNX. `reset_after` is linear_before_reset of a GRU.
    """

    op_type: str
    w: Numbers
    r: Numbers
    b: Numbers
    activations: tuple[str, ...]
    reset_after: bool = False

    @property
    def units(self) -> int:
        """How many numbers a state has."""
        return int(self.r.shape[1])


@dataclass(frozen=True)
class _Gate:
    """`function(X @ w + H @ r + b)`, w `[C, units]`, r `[units, units]`."""

    function: str
    w: Numbers
    r: Numbers
    b: Numbers


@dataclass(frozen=True)
class Names:
    """The variables of a step, as leaves: its input, and its state H."""

    x: Leaf
    h: Leaf

    def gate(self, leaf: Leaf) -> _Gate | None:
        """A function of the input and the state alone."""
        if leaf.function not in ACTIVATIONS:
            return None
        argument = leaf.arguments[0]
        if argument.terms.keys() - {self.x, self.h}:
            return None
        blank = (np.zeros((one.width, argument.width)) for one in (self.x, self.h))
        w, r = (argument.terms.get(one, zeros) for one, zeros in zip((self.x, self.h), blank, strict=True))
        return _Gate(leaf.function, w, r, argument.bias)


def rnn_of(h: Form, names: Names) -> Cell | None:
    """`H' = f(X @ W + H @ R + b)`."""
    new = _product_in(h, 1)
    gate = None if new is None else names.gate(new[0])
    return None if gate is None else _cell("RNN", [gate], (gate.function,))


def lstm_of(h: Form, c: Form, names: Names, c_before: Leaf) -> Cell | None:
    """`C' = F * C + I * G` and `H' = O * h(C')`."""
    output, memory = _product_in(h, 2), polynomial(c)
    if output is None or memory is None:
        return None
    for last, gate in (output, output[::-1]):
        if last.function in ACTIVATIONS and _same(polynomial(last.arguments[0]), memory):
            return _lstm(names.gate(gate), memory, names, c_before, last.function)
    return None


def _lstm(
    o: _Gate | None, memory: dict[tuple[Leaf, ...], Numbers], names: Names, c_before: Leaf, last: str
) -> Cell | None:
    if len(memory) != 2 or not all(_is_one(row) for row in memory.values()):
        return None
    kept = [monomial for monomial in memory if c_before in monomial]
    new = [monomial for monomial in memory if c_before not in monomial]
    if len(kept) != 1 or len(kept[0]) != 2 or len(new[0]) != 2:
        return None
    (forget,) = [leaf for leaf in kept[0] if leaf != c_before] or [c_before]
    f, one, other = names.gate(forget), names.gate(new[0][0]), names.gate(new[0][1])
    if f is None or o is None or one is None or other is None:
        return None
    i, g = (one, other) if one.function == f.function else (other, one)
    if not f.function == i.function == o.function:
        return None
    return _cell("LSTM", [i, o, f, g], (f.function, g.function, last))


def gru_of(h: Form, names: Names) -> Cell | None:
    """`H' = (1 - Z) * N + Z * H`, or with `1 - Z` in place of `Z`, which is a gate as well."""
    found = polynomial(h)
    if found is None or len(found) != 3:
        return None
    pairs = {monomial: row for monomial, row in found.items() if len(monomial) == 2}
    alone = next((monomial for monomial, row in found.items() if len(monomial) == 1 and _is_one(row)), None)
    if len(pairs) != 2 or alone is None:
        return None
    for update in {leaf for pair in pairs for leaf in pair}:
        rest = {tuple(_without(pair, update)): row for pair, row in pairs.items() if update in pair}
        new = next((key[0] for key in rest if key != (names.h,)), None)
        gate = names.gate(update)
        if new is None or gate is None or not _same(rest, _signs(new, names.h, kept=alone == (new,))):
            continue
        if alone == (names.h,) and gate.function == "Sigmoid":
            gate = _Gate(gate.function, -gate.w, -gate.r, -gate.b)
        elif alone != (new,):
            continue
        return _gru(gate, new, names)
    return None


def _signs(new: Leaf, h: Leaf, *, kept: bool) -> dict[tuple[Leaf, ...], Numbers]:
    """What the update is multiplied by: `H - N`, or `N - H` where it says how much is new."""
    one = np.ones(h.width)
    return {(new,): -one if kept else one, (h,): one if kept else -one}


def _gru(z: _Gate, new: Leaf, names: Names) -> Cell | None:
    """`N = g(X @ W + b + R * (H @ Rn + bn))`, or `N = g(X @ W + b + (R * H) @ Rn)`."""
    if new.function not in ACTIVATIONS:
        return None
    argument = new.arguments[0]
    products = [leaf for leaf in argument.terms if leaf.function == "*"]
    if len(products) != 1 or argument.terms.keys() - {names.x, products[0]}:
        return None
    w = argument.terms.get(names.x, np.zeros((names.x.width, argument.width)))
    matrix, sides = argument.terms[products[0]], products[0].arguments
    for one, other in (sides, sides[::-1]):
        reset = _reset(one, names, z.function)
        if reset is None:
            continue
        functions = (z.function, new.function)
        if _is_unit(matrix) and not other.terms.keys() - {names.h} and other.terms:
            n = _Gate(new.function, w, other.terms[names.h], argument.bias)
            return _cell("GRU", [z, reset, n], functions, last=other.bias, reset_after=True)
        if other.terms.keys() == {names.h} and _is_unit(other.terms[names.h]) and not other.bias.any():
            return _cell("GRU", [z, reset, _Gate(new.function, w, matrix, argument.bias)], functions)
    return None


def _reset(form: Form, names: Names, function: str) -> _Gate | None:
    found = _product_in(form, 1)
    gate = None if found is None else names.gate(found[0])
    return gate if gate is not None and gate.function == function else None


def _cell(
    op_type: str,
    gates: Sequence[_Gate],
    activations: tuple[str, ...],
    *,
    last: Numbers | None = None,
    reset_after: bool = False,
) -> Cell:
    """`last` is the bias of the state in the last gate; ONNX has one for each, which are added."""
    biases = [gate.b for gate in gates]
    seconds = [np.zeros_like(bias) for bias in biases]
    if last is not None:
        seconds[-1] = last
    w, r = (np.concatenate(parts, axis=1).T for parts in ([gate.w for gate in gates], [gate.r for gate in gates]))
    return Cell(op_type, w, r, np.concatenate(biases + seconds), activations, reset_after)


def _product_in(form: Form, count: int) -> tuple[Leaf, ...] | None:
    """The factors of a form that is nothing but a product of so many."""
    found = polynomial(form)
    if found is None or len(found) != 1:
        return None
    ((monomial, row),) = found.items()
    return monomial if len(monomial) == count and _is_one(row) else None


def _without(pair: tuple[Leaf, ...], leaf: Leaf) -> list[Leaf]:
    rest = list(pair)
    rest.remove(leaf)
    return rest


def _same(one: dict[tuple[Leaf, ...], Numbers] | None, other: dict[tuple[Leaf, ...], Numbers] | None) -> bool:
    if one is None or other is None or one.keys() != other.keys():
        return False
    return all(np.array_equal(row, other[monomial]) for monomial, row in one.items())


def _is_one(row: Numbers) -> bool:
    return bool((row == 1.0).all())


def _is_unit(matrix: Numbers) -> bool:
    return matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))


def cell_of(forms: Sequence[Form], x: Leaf, states: Sequence[Leaf]) -> tuple[Cell, int] | None:
    """The cell that makes these new states of its input and of one or two states, and which of them is H."""
    if len(states) == 1:
        names = Names(x, states[0])
        cell = rnn_of(forms[0], names) or gru_of(forms[0], names)
        return None if cell is None else (cell, 0)
    for h in (0, 1):
        cell = lstm_of(forms[h], forms[1 - h], Names(x, states[h]), states[1 - h])
        if cell is not None:
            return cell, h
    return None
