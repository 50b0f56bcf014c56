"""The error budget of each signal, and what is not judged."""

import numpy as np
import pytest

from ovprep.interface import Interface, Port
from ovprep.proof import yardstick
from ovprep.proof.budgets import Budgets, Floor
from ovprep.proof.compare import CEILING, EPS32, FACTOR, ULPS, UNMEASURED
from ovprep.proof.inputs.cases import make_cases
from ovprep.proof.yardstick import _exact, _floors, _parts
from tests.graphs import GraphBuilder

QUIET = Floor((1e-7,), (1.0,), (False,))


def test_a_signal_has_the_noise_that_was_measured_with_it() -> None:
    loud = Floor((1e-5,), (100.0,), (False,))
    budgets = Budgets({"noise": QUIET, "square": loud, "DC": QUIET}, (100.0,))
    assert budgets.of("noise").allowed(0, 1.0) == pytest.approx(FACTOR * 1e-7 + ULPS * EPS32)
    assert budgets.of("square").allowed(0, 100.0) == pytest.approx(FACTOR * 1e-5 + ULPS * EPS32 * 100)


def test_what_was_not_measured_has_a_share_of_its_own_scale() -> None:
    """That of noise would be too little where noise saturates the output, and rounding is not seen."""
    budgets = Budgets({"noise": QUIET}, (1.0,))
    for scale in (1e-3, 1000.0):
        assert budgets.of("recording").allowed(0, scale) == pytest.approx(UNMEASURED * scale)


def test_noise_that_came_out_small_by_chance_is_not_the_measure() -> None:
    lucky = Floor((0.0,), (1.0,), (False,))
    budgets = Budgets({"noise": lucky, "step": QUIET, "chirp": QUIET, "DC": QUIET}, (1.0,))
    assert budgets.of("noise").allowed(0, 1.0) == pytest.approx(FACTOR * 1e-7 + ULPS * EPS32)
    one = Budgets({"noise": lucky, "silence": Floor((1.0,), (1.0,), (False,)), "step": lucky}, (1.0,))
    assert one.of("noise").allowed(0, 1.0) == pytest.approx(ULPS * EPS32)  # nor is a single wild signal


@pytest.mark.parametrize(
    ("floor", "telling"),
    [
        (QUIET, True),
        (Floor((0.9 * CEILING / FACTOR,), (1.0,), (False,)), True),
        (Floor((1.1 * CEILING / FACTOR,), (1.0,), (False,)), False),
        (Floor((0.0,), (1.0,), (True,)), False),
    ],
)
def test_what_rounding_decides_is_not_judged_except_for_noise(floor: Floor, telling: bool) -> None:
    assert Budgets({"noise": QUIET, "silence": floor}, (1.0,)).telling("silence", 0) is telling
    assert Budgets({"noise": floor}, (1.0,)).telling("noise", 0)


def test_without_a_yardstick_everything_is_judged() -> None:
    budgets = Budgets(None, (2.0,))
    assert budgets.telling("silence", 0)
    assert np.isfinite(budgets.of("silence").allowed(0, 2.0))


def test_the_larger_of_both_float32_runs_is_the_floor_of_what_was_run_in_float64() -> None:
    one, other = [np.array([1.0, 2.0])], [np.array([1.0, 2.5])]
    floors = _floors(["noise", "step"], [one], [[one, one], [other, one]])
    assert floors["noise"].noise == (0.5,)
    assert "step" not in floors


def test_time_for_float64_ends_after_the_first_run_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    build = GraphBuilder()
    build.output(build.op("Neg", build.input("x", 1, 4)), "y")
    interface = Interface((Port("x", "float32", (1, 4), "NC"),), (Port("y", "float32", (1, 4), "NC"),))
    cases = make_cases(interface, {}, 0)
    for seconds, count in ((0.0, 1), (60.0, len(cases))):
        monkeypatch.setattr(yardstick, "ENOUGH", seconds)
        exact, reason = _exact(build.model, _parts(cases, interface, None), interface, interface)
        assert reason is None
        assert len(exact) == count
