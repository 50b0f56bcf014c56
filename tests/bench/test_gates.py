"""Limits for pipelines: what only may be within them does not pass."""

import pytest

from ovprep.bench.against import Change
from ovprep.bench.gates import Limits, judged
from ovprep.bench.results import Benchmark, Gate
from ovprep.errors import OptionError
from tests.bench.made_up import benchmark, measured, paired


def gates(found: Benchmark, *changes: Change, **limits: float) -> list[Gate]:
    return list(judged(found, Limits(**limits), changes).gates)


def conversion(ratio: float | None) -> Benchmark:
    """The original takes `ratio` of the IR's time, within 2%."""
    return benchmark(
        measured("ovprep", "ovprep"),
        measured("ovprep (control)", "control"),
        measured("original", "original"),
        measured("direct conversion", "direct"),
        measured("ovprep, default precision", "ovprep", precision="bf16"),
        pairs=(
            paired("original", "ovprep", ratio),
            paired("direct conversion", "ovprep", 0.5),
            paired("ovprep, default precision", "ovprep", 0.5),
        ),
    )


@pytest.mark.parametrize(("ratio", "passed"), [(1.03, True), (1.01, False), (0.9, False), (None, False)])
def test_a_conversion_is_held_against_its_original_at_the_lower_end(ratio: float | None, passed: bool) -> None:
    (gate,) = gates(conversion(ratio), fail_if_slower=1.0)
    assert (gate.passed, gate.contestant) == (passed, "ovprep")
    assert gate.found == (None if ratio is None else pytest.approx(0.98 * ratio))


@pytest.mark.parametrize(("ratio", "passed"), [(0.9, True), (0.97, True), (0.99, False), (1.1, False)])
def test_other_models_are_held_against_the_first(ratio: float, passed: bool) -> None:
    """They take `ratio` of its time: they are at least 1 / (1.02 ratio) times as fast."""
    found = benchmark(measured("a"), measured("b"), pairs=(paired("b", "a", ratio),))
    (gate,) = gates(found, fail_if_slower=1.0)
    assert (gate.passed, gate.contestant) == (passed, "b")
    assert gate.found == pytest.approx(1 / (1.02 * ratio))


def test_rivals_and_other_precisions_are_no_candidates() -> None:
    found = benchmark(
        measured("a"),
        measured("ONNX Runtime", "carried"),
        measured("ovprep", "ovprep"),
        measured("ovprep, default", "ovprep", precision="bf16"),
        pairs=(paired("ONNX Runtime", "a", 9.0), paired("ovprep", "a", 0.5), paired("ovprep, default", "a", 9.0)),
    )
    assert [gate.contestant for gate in gates(found, fail_if_slower=1.0, max_latency_ms=2.0)] == ["ovprep", "ovprep"]


@pytest.mark.parametrize(("low", "passed"), [(0.99, False), (1.0, True), (None, False)])
def test_a_single_model_is_held_against_its_earlier_run(low: float | None, passed: bool) -> None:
    change = Change("a", 1.0, 1.0, 1.0, low, 1.1, "cannot tell")
    (gate,) = gates(benchmark(measured("a")), change, fail_if_slower=1.0)
    assert (gate.passed, gate.found) == (passed, low)


@pytest.mark.parametrize(("limit", "passed"), [(1.01, True), (1.002, False)])
def test_the_median_passes_at_its_upper_end(limit: float, passed: bool) -> None:
    (gate,) = gates(conversion(2.0), max_latency_ms=limit)
    assert (gate.passed, gate.contestant, gate.found) == (passed, "ovprep", pytest.approx(1.005))


@pytest.mark.parametrize(("limit", "passed"), [(105.0, True), (104.0, False)])
def test_memory_is_in_millions_of_bytes(limit: float, passed: bool) -> None:
    (gate,) = gates(conversion(2.0), max_memory_mb=limit)
    assert gate.found == pytest.approx(104.8576)
    assert gate.passed is passed


def test_what_was_not_measured_does_not_pass() -> None:
    failed = benchmark(measured("a", median=None, peak_rss_mib=None))
    assert [gate.passed for gate in gates(failed, max_latency_ms=1.0, max_memory_mb=1.0)] == [False, False]


def test_no_limit_is_no_gate() -> None:
    assert not gates(conversion(2.0))
    assert not Limits().given
    assert Limits(max_latency_ms=1.0).given


@pytest.mark.parametrize("name", ["fail_if_slower", "max_latency_ms", "max_memory_mb"])
@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_senseless_limits_are_refused(name: str, limit: float) -> None:
    with pytest.raises(OptionError, match="is no limit"):
        Limits(**{name: limit})


def test_a_limit_of_speed_is_missed_where_there_is_nothing_to_be_faster_than() -> None:
    found = benchmark(
        measured("a"), measured("default", "ovprep", precision="bf16"), pairs=(paired("default", "a", 0.1),)
    )
    (gate,) = gates(found, fail_if_slower=1.0)
    assert (gate.contestant, gate.found, gate.passed) == ("a", None, False)


def test_throughput_has_no_latency() -> None:
    found = benchmark(measured("a", median=9.0), hint="throughput")
    assert [gate.name for gate in gates(found, max_latency_ms=1.0, max_memory_mb=200.0)] == ["max-memory-mb"]
