"""Outputs of which a comparison says little are told."""

from collections.abc import Sequence

import numpy as np
import pytest

from ovprep.interface import Interface, Port
from ovprep.proof.blindness import blind_outputs
from ovprep.proof.budgets import Budgets
from ovprep.proof.inputs.cases import Case
from ovprep.workers.arrays import Array
from ovprep.workers.runners.saturation import Inner

SOURCE = Interface((), (Port("y", "float32", ("batch", 2), "NC"),))
DECISIONS = Interface((), (Port("y", "int64", ("batch", 2), "NC"),))
CASES = [Case("noise", 1, [], True), Case("all signals", 3, [], True, items=("noise", "silence", "step"))]


def told(
    runs: Sequence[Array], inner: Sequence[Inner] = (), compared: Sequence[str] = ("y",), source: Interface = SOURCE
) -> list[str]:
    wanted = {case.described(): [np.asarray(run)] for case, run in zip(CASES, runs, strict=True)}
    return blind_outputs(source, CASES, wanted, Budgets(None, (1.0,)), inner, compared)


def runs(rows: Sequence[Sequence[float]]) -> list[Array]:
    return [np.array(rows[:1]), np.array(rows)]


def test_an_output_that_never_moves() -> None:
    (note,) = told(runs([[1.0, 2.0]] * 3))
    assert note.startswith("Output y moves by 0 at most from one signal to another, and may differ by 0.0001")
    assert told(runs([[1.0, 2.0], [1.0, 2.1], [1.0, 2.0]])) == []


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("Softmax", 0.0, 1.0), ("Sigmoid", 0.0, 1.0), ("Tanh", -1.0, 1.0)]
)
def test_a_saturated_output_that_is_not_looked_through(activation: str, low: float, high: float) -> None:
    saturated = runs([[low, high], [high, low], [low, high]])
    inner = [Inner(0, activation)]
    (note,) = told(saturated, inner)
    assert f"saturated behind its {activation}" in note
    assert told(saturated, inner, ("y", f"y before {activation}")) == []
    assert told(runs([[low, high], [0.4, 0.6], [low, high]]), inner) == []


def test_outputs_of_other_lengths_are_not_held_against_each_other() -> None:
    assert told([np.ones((1, 2)), np.array([[1.0], [1.0], [2.0]])]) == []


def test_a_channel_below_what_may_differ() -> None:
    (note,) = told(runs([[1.0, 1e-5], [0.5, -1e-5], [0.2, 0.0]]))
    assert note.startswith("1 of the channels of output y stay below the 0.0001")
    assert told(runs([[1.0, 1e-3], [0.5, -1e-3], [0.2, 0.0]])) == []
    assert told(runs([[1.0, 0.0], [0.5, 0.0], [0.2, 0.0]])) == [], "a channel that is always zero hides nothing"


def test_decisions() -> None:
    chosen = [np.array([[0, 1]]), np.array([[0, 1], [1, 1], [2, 0]])]
    (note,) = told(chosen, source=DECISIONS)
    assert note.startswith("Output y holds decisions")
