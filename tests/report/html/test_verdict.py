"""The line on top: it claims what the report shows, and no more."""

from typing import Any

import pytest

from ovprep.report.html.verdict import facts_of, verdict_of
from tests.report.html.reports import compared_report, contestant, full_report, pair, timed_report


def test_equal_and_faster() -> None:
    found = verdict_of(full_report())
    assert found.tone == "good"
    assert found.sentence == "Equal to the original, and 6.5 times as fast as Keras 3.1 on TensorFlow 2.2."
    assert found.detail == "95% interval of the ratio: 6.20 to 6.80; batch 1, 2 threads"


@pytest.mark.parametrize(
    ("ratio", "low", "high", "verdict", "tone", "words"),
    [
        (0.5, 0.4, 0.8, "slower", "fair", "but slower: it takes 2.0 times as long as Keras"),
        (1.1, 0.9, 1.3, "cannot tell", "fair", "whether it is faster than Keras 3.1 on TensorFlow 2.2 cannot be told."),
        (1.0, 0.99, 1.01, "equal within 2%", "good", "and as fast as Keras 3.1 on TensorFlow 2.2 within 2%."),
        (31.4, 30, 32, "faster", "good", "and 31 times as fast as"),
        (1.25, 1.2, 1.3, "faster", "good", "and 1.25 times as fast as"),
    ],
)
def test_other_verdicts(ratio: float, low: float, high: float, verdict: str, tone: str, words: str) -> None:
    report = full_report()
    report["benchmark"]["pairs"] = [pair("original", ratio, low, high, verdict)]
    found = verdict_of(report)
    assert found.tone == tone
    assert words in found.sentence
    if verdict == "slower":
        assert found.detail == "95% interval of the ratio: 1.25 to 2.50; batch 1, 2 threads"


def test_what_was_not_found_out() -> None:
    report = {**full_report(), "verification": None}
    assert verdict_of(report).tone == "fair"
    assert verdict_of(report).sentence.startswith("Not checked against the original, and 6.5 times")
    assert verdict_of({**report, "benchmark": None}).sentence == "Not checked against the original; not timed."


def test_not_equal_is_bad_however_fast() -> None:
    report = full_report()
    report["verification"]["passed"] = False
    assert verdict_of(report).tone == "bad"
    assert verdict_of(report).sentence.startswith("Not equal to the original")


def test_a_limit_that_is_not_met_is_bad() -> None:
    report = full_report()
    report["benchmark"]["gates"][0].update(passed=False, explanation="It takes 9 ms.")
    found = verdict_of(report)
    assert found.tone == "bad"
    assert found.sentence.endswith("times as fast as Keras 3.1 on TensorFlow 2.2; a limit is missed.")
    assert found.detail.startswith("It takes 9 ms. 95% interval")


@pytest.mark.parametrize("report", [full_report(), timed_report()], ids=["conversion", "benchmark"])
def test_an_interrupted_one_is_not_all_there_is(report: dict[str, Any]) -> None:
    report["benchmark"]["partial"] = True
    found = verdict_of(report)
    assert found.tone == "fair"
    assert found.sentence.endswith("; the timing was interrupted.")


def test_the_direct_conversion_where_the_original_failed() -> None:
    report = full_report()
    report["benchmark"]["contestants"][1] = contestant("original", "original", None, reason="It crashed.")
    report["benchmark"]["pairs"][0].update(ratio=None, low=None, high=None)
    assert "2.0 times as fast as OpenVINO's direct conversion" in verdict_of(report).sentence
    report["benchmark"]["pairs"] = []
    assert verdict_of(report).sentence == "Equal to the original; its speed is not known: It crashed."
    assert verdict_of(report).tone == "fair"


def test_facts() -> None:
    facts = {fact.name: (fact.value, fact.remark) for fact in facts_of(full_report())}
    assert facts == {
        "Latency": ("0.200 ms", "original 1.30 ms"),
        "Largest difference": ("2.0e-07", "allowed 1.0e-06"),
        "Transposes": ("2 → 1", "1.0 KiB moved"),
        "On disk": ("2.0 KiB", "original 68.4 KiB"),
        "Peak memory": ("102 MiB", "original 102 MiB"),
    }


def test_the_largest_difference_is_the_one_nearest_to_its_tolerance() -> None:
    report = full_report()
    rows = report["verification"]["rows"]
    rows[1].update(max_abs_error=1.5e-7, tolerance=1.6e-7)
    assert facts_of(report)[1].value == "1.5e-07"
    rows[2].update(max_abs_error=1e-9, tolerance=0.0)
    assert facts_of(report)[1].value == "1.0e-09"
    rows[0].update(max_abs_error="inf")
    assert facts_of(report)[1].value == "inf"


@pytest.mark.parametrize(
    ("ratio", "verdict", "tone", "words"),
    [
        (0.5, "slower", "good", "b is 2.0 times as fast as a."),
        (1.5, "faster", "good", "b takes 1.50 times as long as a."),
        (1.0, "equal within 2%", "good", "b is as fast as a within 2%."),
        (1.0, "cannot tell", "fair", "b and a cannot be told apart."),
    ],
)
def test_models_that_were_timed(ratio: float, verdict: str, tone: str, words: str) -> None:
    report = timed_report(further=0)
    report["benchmark"]["contestants"] = [contestant("a", "model", 1.0), contestant("b", "model", ratio)]
    report["benchmark"]["pairs"] = [{**pair("b", ratio, ratio * 0.8, ratio * 1.25, verdict), "baseline": "a"}]
    found = verdict_of(report)
    assert (found.tone, found.sentence) == (tone, words)
    ends = (ratio * 0.8, ratio * 1.25) if verdict == "faster" else (0.8 / ratio, 1.25 / ratio)
    assert found.detail == f"95% interval of the ratio: {ends[0]:.2f} to {ends[1]:.2f}; batch 1, 2 threads"
    report["benchmark"]["gates"] = [{"passed": False, "explanation": "It is slow."}]
    found = verdict_of(report)
    assert (found.tone, found.sentence) == ("bad", f"{words[:-1]}; a limit is missed.")
    assert found.detail.startswith("It is slow. ")


def test_of_many_the_fastest_is_named() -> None:
    report = timed_report()
    pairs = [
        {**pair(str(number), 1 / number, 1 / number, 1 / number, "slower"), "baseline": "a"} for number in range(2, 7)
    ]
    report["benchmark"]["pairs"] = pairs
    assert verdict_of(report).sentence == "6 is 6.0 times as fast as a; 4 more are compared below."
    report["benchmark"]["pairs"] = []
    assert verdict_of(report).sentence == "conv1.h5 takes 1.30 ms."
    report["benchmark"]["contestants"][0]["median_ms"] = None
    assert verdict_of(report).sentence == "conv1.h5 could not be timed."
    assert verdict_of(report).tone == "fair"


def test_facts_of_models_that_were_timed() -> None:
    facts = [(fact.name, fact.value, fact.remark) for fact in facts_of(timed_report())]
    assert facts == [
        ("conv1.h5", "1.30 ms", "f32"),
        ("conv1_openvino", "0.200 ms", "6.25 × as fast"),
        ("broken.onnx", "–", "not timed"),
    ]


@pytest.mark.parametrize(
    ("passed", "reproduced", "tone", "words"),
    [
        (True, None, "good", "other.onnx is equal to conv1.h5."),
        (True, True, "good", "other.onnx is equal to conv1.h5, and the certificate is reproduced."),
        (True, False, "fair", "other.onnx is equal to conv1.h5; the certificate is not reproduced."),
        (False, True, "bad", "other.onnx is not equal to conv1.h5, and the certificate is reproduced."),
    ],
)
def test_models_that_were_held_against_each_other(passed: bool, reproduced: bool | None, tone: str, words: str) -> None:
    report = compared_report()
    report["verification"]["passed"] = passed
    report["reproduction"] = None if reproduced is None else {"reproduced": reproduced, "changes": []}
    found = verdict_of(report)
    assert (found.tone, found.sentence) == (tone, words)
    report["candidate"]["path"] = "out/conv1_openvino/model.xml"
    assert verdict_of(report).sentence.startswith("conv1_openvino is ")
