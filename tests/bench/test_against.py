"""A benchmark beside an earlier one."""

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest

from ovprep.bench.against import Against, compare, require_comparable
from ovprep.bench.results import Benchmark, Clock
from ovprep.errors import OptionError
from tests.bench.made_up import HERE, benchmark, measured


def report(found: Benchmark, *further: Benchmark) -> dict[str, Any]:
    content = {"benchmark": dataclasses.asdict(found), "further": [dataclasses.asdict(one) for one in further]}
    loaded: dict[str, Any] = json.loads(json.dumps(content))
    return loaded


def against(now: Benchmark, then: Benchmark, *further: Benchmark) -> Against:
    return compare(now, report(then, *further))


@pytest.mark.parametrize(
    ("median", "verdict"), [(1.1, "slower"), (0.9, "faster"), (1.0, "equal within 2%"), (1.02, "cannot tell")]
)
def test_the_verdict_says_what_it_is_now(median: float, verdict: str) -> None:
    found = against(benchmark(measured("a", median=median)), benchmark(measured("a")))
    (change,) = found.changes
    assert change.verdict == verdict
    assert change.ratio == pytest.approx(1 / median)
    assert change.low == pytest.approx(0.995 / (1.005 * median))
    assert change.high == pytest.approx(1.005 / (0.995 * median))
    assert found.circumstances == ()


def test_nothing_follows_from_another_machine() -> None:
    then = benchmark(measured("a"), environment=replace(HERE, cpu="CPU Y"))
    found = against(benchmark(measured("a", median=3.0)), then)
    assert found.changes[0].verdict == "cannot tell"
    assert any("another CPU: CPU Y then, CPU X now" in text for text in found.circumstances)


@pytest.mark.parametrize(("field", "value"), [("threads", 1), ("batch", 8), ("hint", "throughput")])
def test_nothing_follows_from_other_conditions(field: str, value: object) -> None:
    then = benchmark(measured("a"), **{field: value})
    found = against(benchmark(measured("a", median=3.0)), then)
    assert found.changes[0].verdict == "cannot tell"
    assert any(text.startswith(f"{field}: {value} then") for text in found.circumstances)


def test_the_same_conditions_are_looked_for() -> None:
    one, two = benchmark(measured("a", median=1.0), threads=1), benchmark(measured("a", median=2.0), threads=2)
    found = against(benchmark(measured("a", median=2.0), threads=2), one, two)
    assert found.changes[0].verdict == "equal within 2%"


def test_versions_and_the_clock_are_told() -> None:
    then = benchmark(
        measured("a"),
        environment=replace(HERE, versions={"openvino": "2025.1", "keras": "3.0"}, quota=0.5),
        clock=Clock(80.0, 0.0, 10, 0, ""),
    )
    told = against(benchmark(measured("a")), then).circumstances
    assert "openvino 2025.1 then, 2026.4.1 now" in told
    assert "keras 3.0 then, absent now" in told
    assert "quota: 0.5 then, None now" in told
    assert any("clock is 25% slower" in text for text in told)


def test_a_folder_is_found_in_the_report_of_its_conversion() -> None:
    then = benchmark(
        measured("ovprep", "ovprep", median=2.0),
        measured("ovprep (control)", "control"),
        measured("original", "original"),
        measured("ovprep, default precision", "ovprep", precision="bf16"),
    )
    found = against(benchmark(measured("model_openvino", "ovprep", median=1.0), measured("other")), then)
    assert [(change.contestant, change.then_ms) for change in found.changes] == [("model_openvino", 2.0)]


def test_what_failed_once_has_no_ratio() -> None:
    found = against(benchmark(measured("a", median=None)), benchmark(measured("a")))
    assert found.changes[0].ratio is None


def test_reports_of_before_the_intervals_give_a_ratio_and_no_verdict() -> None:
    earlier = report(benchmark(measured("a")))
    for key in ("median_low_ms", "median_high_ms"):
        del earlier["benchmark"]["contestants"][0][key]
    del earlier["benchmark"]["clock"], earlier["benchmark"]["hint"], earlier["further"]
    (change,) = compare(benchmark(measured("a", median=2.0)), earlier).changes
    assert (change.ratio, change.low, change.verdict) == (0.5, None, "cannot tell")


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        ({}, "has no benchmark"),
        ({"benchmark": None}, "made with --no-benchmark"),
        ({"benchmark": 3}, "none of ovprep"),
        ({"benchmark": {"threads": 1, "batch": 1}}, "none of ovprep"),
    ],
)
def test_reports_that_hold_nothing_to_compare(earlier: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        compare(benchmark(measured("a")), earlier)
    with pytest.raises(OptionError, match=words):
        require_comparable([("a", "model")], earlier)


def test_a_report_of_other_models_is_refused_beforehand() -> None:
    earlier = report(
        benchmark(measured("b"), measured("b (control)", "control")), benchmark(measured("ours", "ovprep"))
    )
    with pytest.raises(OptionError, match=r"times none of these models, but b, ours\.$"):
        require_comparable([("a", "model")], earlier)
    require_comparable([("a", "model"), ("b", "model")], earlier)
    require_comparable([("model_openvino", "ovprep")], earlier)


def test_what_turns_out_to_have_no_counterpart_is_told() -> None:
    then = benchmark(measured("ovprep", "ovprep", precision="bf16"))
    found = against(benchmark(measured("model_openvino", "ovprep")), then)
    assert found.changes == ()
    assert found.circumstances[0] == "none of these models was timed then"


def test_an_interval_is_given_under_the_same_conditions_alone() -> None:
    found = against(benchmark(measured("a", median=0.5)), benchmark(measured("a"), threads=1))
    assert (found.changes[0].ratio, found.changes[0].low, found.changes[0].high) == (2.0, None, None)
