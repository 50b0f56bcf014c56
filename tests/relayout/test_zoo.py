"""The zoo of the benchmarks in both formats: there, back, and no Permute that a layer does not ask for."""

import numpy as np
import pytest

from ovprep.relayout.convert import relayout
from scripts.benchmarks import zoo
from tests.relayout.support import FIRST, LAST, check_same, formats, permutes, randomised

MODELS = {**zoo.ZOO, **zoo.RANKS, **zoo.COLUMNS}
NEEDED = {
    "dilated causal TCN": "works over the last axis",
    "CRNN": "steps along axis 1",
    "GRU": "steps along axis 1",
    "GRU, reset before": "steps along axis 1",
}
"""Models in which one Permute is needed in channels_first, and for what: a Dense at each step, or a recurrence."""


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "WINDOW", 320)
    model = randomised(MODELS[name]())
    first = relayout(model, LAST, verify=False)
    check_same(model, first)
    assert formats(first.model) <= {FIRST}
    assert [NEEDED[name] in each.reason for each in first.permutations] == [True] * (name in NEEDED)
    back = relayout(first.model, FIRST, verify=False)
    check_same(first.model, back)
    assert formats(back.model) <= {LAST}
    assert back.permutations == ()
    assert permutes(back.model) == permutes(model)
    assert back.model.get_config() == model.get_config()
    for have, want in zip(back.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(have, want)
