"""The table of latencies that `ovprep convert` shows."""

from ovprep.cli.render_conversion import latency_lines
from tests.bench.made_up import benchmark, measured, paired


def test_a_tail_that_few_calls_do_not_support_is_no_failure() -> None:
    found = benchmark(
        measured("ovprep", "ovprep", p90_ms=None),
        measured("original", "original", median=None, reason="It fell over."),
        pairs=(paired("original", "ovprep", None),),
    )
    _, original, ours, reason, *_ = (line.split() for line in latency_lines(found))
    assert ours == ["ovprep", "f32", "1.000", "-", "1"]
    assert original == ["original", "f32", "failed", "-"]
    assert reason == ["original:", "It", "fell", "over."]
