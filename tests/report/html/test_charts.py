"""The charts: the numbers of the report are in the drawings, and a chart without numbers is none."""

import copy
import re
from typing import Any

import pytest

from ovprep.report.html.charts.equality import equality_chart
from ovprep.report.html.charts.latency import latency_chart, ratio_chart
from ovprep.report.html.charts.ops import roofline_chart, time_chart
from ovprep.report.html.charts.resources import memory_chart, size_chart, start_chart
from ovprep.report.html.charts.theme import NARROW, WIDE, Figure, log_axis
from tests.report.html.reports import benchmark, row, timed, verification


def labels(figure: Figure | None) -> list[str]:
    """What the marks of a chart say of themselves."""
    assert figure is not None
    return re.findall(r'<path aria-label="([^"]*)" role="graphics-symbol"', figure.wide)


def texts(figure: Figure | None) -> list[str]:
    assert figure is not None
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.wide)


def place(figure: Figure | None, label: str) -> float:
    """How far right a mark stands."""
    assert figure is not None
    found = re.search(rf'aria-label="{re.escape(label)}[^>]*transform="translate\(([-\d.]+)', figure.wide)
    assert found is not None
    return float(found[1])


def test_a_chart_has_the_widths_of_the_page_and_of_a_phone() -> None:
    figure = ratio_chart(benchmark())
    assert figure is not None
    assert f'width="{WIDE}"' in figure.wide
    assert f'width="{NARROW}"' in figure.narrow


def test_errors_stand_at_their_place_against_what_is_allowed() -> None:
    figure = equality_chart(verification())
    assert labels(figure) == [
        "noise: 1.0e-06 is allowed at f32",
        "silence: 1.0e-06 is allowed at f32",
        "noise, f32, batch 1: differs by 2.0e-07, allowed 1.0e-06",
        "silence, f32, batch 1: differs by 0.0e+00, allowed 1.0e-06",
        "noise, bf16, batch 1: differs by 3.0e-03",
    ]
    exact, small, large = (place(figure, name) for name in ("silence, f32", "noise, f32", "noise, bf16"))
    assert exact < small < large
    assert figure is not None
    assert figure.notes == ("Points at the left edge differ by nothing at all.",)
    assert figure.table is not None
    assert [cells[-1].text for cells in figure.table.rows] == ["equal", "equal", "for information"]


def test_infinite_errors_are_told_not_drawn() -> None:
    rows = [row("noise", 2e-7, 1e-6), row("step", "inf", None), row("chirp", "nan", None)]
    figure = equality_chart({"rows": rows})
    assert len([label for label in labels(figure) if "differs" in label]) == 1
    assert figure is not None
    assert figure.notes == ("2 comparisons are infinite or NaN and are in the table alone.",)
    assert figure.table is not None
    assert [cells[5].text for cells in figure.table.rows] == ["2.0e-07", "inf", "nan"]


def test_of_many_rows_those_nearest_to_their_tolerance_are_drawn() -> None:
    rows = [row(f"signal {number:02}", number * 1e-8 + 1e-9, 1e-6) for number in range(40)]
    figure = equality_chart({"rows": rows})
    shown = [text for text in texts(figure) if text.startswith("signal")]
    assert shown == [f"signal {number}" for number in range(16, 40)]
    assert figure is not None
    assert figure.notes == ("Of 40 rows the 24 that come closest to their tolerance are drawn.",)


def test_a_tolerance_of_zero_can_be_drawn() -> None:
    figure = equality_chart({"rows": [row("noise", 1e-7, 0.0), row("silence", 0.0, 0.0)]})
    assert labels(figure)[0] == "noise: 0.0e+00 is allowed at f32"
    assert labels(figure)[2] == "noise, f32, batch 1: differs by 1.0e-07, allowed 0.0e+00"


def test_outputs_have_rows_of_their_own() -> None:
    figure = equality_chart({"rows": [row("noise", 1e-7, 1e-6), row("noise", 1e-7, 1e-6, output="z")]})
    assert {text for text in texts(figure) if "noise" in text} == {"y · noise", "z · noise"}


def test_medians_and_their_intervals() -> None:
    figure = latency_chart(benchmark())
    assert labels(figure)[0] == "original: median 1.30 ms (95% 1.27 to 1.33), p90 1.43 ms"
    assert [text for text in texts(figure) if text.endswith(" ms")] == ["1.30 ms", "0.400 ms", "0.200 ms", "0.200 ms"]
    assert "latency of one inference (ms, log scale)" in texts(figure)
    samples = re.findall(
        r'<path aria-hidden="true"[^>]*|<path transform[^>]*opacity="0.6"[^>]*', figure.wide if figure else ""
    )
    assert len(samples) >= 40, "ten blocks of each of four contestants; one was dropped"


def test_latencies_that_are_close_have_a_linear_scale() -> None:
    found = benchmark()
    found["contestants"] = [entry for entry in found["contestants"] if entry["label"] != "original"]
    assert "latency of one inference (ms)" in texts(latency_chart(found))


def test_throughput_is_labelled_as_such() -> None:
    figure = latency_chart({**benchmark(), "hint": "throughput"})
    assert figure is not None
    assert figure.title == "Time per inference"
    assert "time per inference, many at a time (ms, log scale)" in texts(figure)


def test_ratios_with_the_control() -> None:
    figure = ratio_chart(benchmark())
    assert labels(figure) == [
        "original: 6.50× (95% 6.20 to 6.80), faster",
        "direct conversion: 2.00× (95% 1.90 to 2.10), faster",
        "ovprep (control): 1.00× (95% 0.99 to 1.01), equal within 2%",
    ]
    assert place(figure, "original") > place(figure, "direct") > place(figure, "ovprep (control)")


def test_the_longest_op_comes_first() -> None:
    found = benchmark()
    found["ops"].reverse()
    figure = time_chart(found)
    assert labels(figure)[0] == "conv1 (Convolution): 0.120 ms, 4.0 M MACs"
    assert figure is not None
    assert figure.table is not None
    assert [cells[0].text for cells in figure.table.rows] == ["conv1", "relu", "dense"]


def test_ops_go_by_their_layer_where_it_has_but_one() -> None:
    ops = [timed(name, "Add", ms, 1, 1) for name, ms in (("a/Conv", 4), ("a/Add", 3), ("b/Add", 2), ("b/Add", 1))]
    for op, layer in zip(ops, ("a", "a", "b", ""), strict=True):
        op["layer"] = layer
    shown = [label.split(" (Add)")[0] for label in labels(time_chart({"ops": ops}))[::2]]
    assert shown == ["a/Conv", "a/Add", "b", "b/Add"]
    for op in ops:
        op["layer"] = ""
    shown = [label.split(" (Add)")[0] for label in labels(time_chart({"ops": ops}))[::2]]
    assert shown == ["a/Conv", "a/Add", "b/Add", "b/Add (2)"]


def test_many_ops_are_summed_up() -> None:
    found = {"ops": [timed(f"op{number}", "Add", 1 + number / 100, 10, 10) for number in range(30)]}
    figure = time_chart(found)
    assert "14 others" in texts(figure)
    assert any(label.startswith("14 others (Add): 14.9 ms") for label in labels(figure))


def test_the_roofline_has_the_ops_that_compute() -> None:
    figure = roofline_chart(benchmark())
    roofs = {"f32: 150 GFLOP/s, memory 20 GB/s", "f32 from the cache: 90 GB/s", "bf16: 400 GFLOP/s"}
    assert roofs <= set(texts(figure))
    assert [label.split(" ")[0] for label in labels(figure) if "GFLOP/s, " in label] == ["conv1", "dense"]
    assert "conv1 (Convolution): 66.7 GFLOP/s, 0.120 ms, 40% of what is possible" in labels(figure)
    assert place(figure, "conv1") > place(figure, "dense"), "133 against 2 operations per byte"
    assert figure is not None
    assert "reaches 31%" in figure.text
    assert figure.notes == ("1 without multiply-accumulates are not drawn.",)


def test_start_is_split_into_its_steps() -> None:
    figure = start_chart(benchmark())
    assert labels(figure)[:3] == [
        "original, load: 40.0 ms",
        "original, compile: 80.0 ms",
        "original, first inference: 2.0 ms",
    ]


def test_memory_and_size() -> None:
    assert "ovprep: 102 MiB" in labels(memory_chart(benchmark()))
    assert "ovprep: 68.4 KiB" in labels(size_chart(benchmark()))
    assert not any("control" in label for label in labels(memory_chart(benchmark())))


@pytest.mark.parametrize(
    "chart", [latency_chart, ratio_chart, time_chart, roofline_chart, start_chart, memory_chart, size_chart]
)
def test_no_numbers_no_chart(chart: Any) -> None:
    assert chart({}) is None
    bare = copy.deepcopy(benchmark())
    for entry in bare["contestants"]:
        entry.update(dict.fromkeys(("median_ms", "load_ms", "peak_rss_mib", "size_bytes")))
    for entry in (*bare["pairs"], bare["control"]):
        entry.update(ratio=None)
    bare.update(ops=[], machine=None)
    assert chart(bare) is None


def test_nothing_compared_no_chart() -> None:
    assert equality_chart({}) is None
    assert equality_chart({"rows": [row("noise", "nan", None)]}) is None


def test_older_reports_have_medians_without_intervals() -> None:
    old = benchmark()
    for entry in old["contestants"]:
        del entry["median_low_ms"], entry["median_high_ms"]
    assert labels(latency_chart(old))[0] == "original: median 1.30 ms, p90 1.43 ms"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.15, 30, [0.2, 0.5, 1, 2, 5, 10, 20]), (3e-12, 2e-2, [1e-10, 1e-8, 1e-6, 1e-4, 1e-2])],
)
def test_ticks_of_log_scales(low: float, high: float, ticks: list[float]) -> None:
    assert log_axis(low, high)["values"] == ticks
