"""`ovprep benchmark` as a user meets it: words, exit codes, pipes. Figures are made up."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ovprep.bench.against import Against, Change
from ovprep.bench.gates import Limits, judged
from ovprep.bench.results import Benchmark, Machine
from ovprep.cli.render_benchmark import MOST_LINES, lines_of, markdown_of
from ovprep.interface import Interface
from ovprep.report.benched import Benchmarked, TimedModel
from tests.bench.made_up import benchmark, measured, paired
from tests.cli.conftest import Run

MACHINE = Machine(100.0, 200.0, "bf16", 10.0, 1000.0, 2)


def timed(*found: Benchmark, against: Against | None = None, warnings: tuple[str, ...] = ()) -> Benchmarked:
    models = (TimedModel("a.h5", Path("a.h5"), "keras-h5", "0" * 64, "keras 3"),)
    return Benchmarked(models, Interface((), ()), {}, found, against, warnings)


def pair_of(ratio: float | None = 0.5, verdict: str = "slower") -> Benchmark:
    return benchmark(
        measured("a.h5"),
        measured("a.h5 (control)", "control"),
        measured("b", "ovprep", median=ratio),
        pairs=(paired("b", "a.h5", ratio, verdict),),
        ops_of="b",
        machine=MACHINE,
        model_roofline_share=0.7,
    )


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`ovprep benchmark`, in an empty folder, with a result that is given: exit code, stdout, stderr."""

    def call(*words: object, result: Benchmarked | None = None) -> tuple[int, str, str]:
        if result is not None:
            monkeypatch.setattr("ovprep.tasks.benchmarking.benchmark.benchmark", lambda *models, **options: result)
        return run("benchmark", *words)

    return call


@pytest.mark.parametrize(
    ("ratio", "verdict", "words"),
    [
        (0.5, "slower", "b is 2.00x faster than a.h5"),
        (2.0, "faster", "b is 2.00x slower than a.h5"),
        (1.0, "equal within 2%", "b and a.h5 are equal within 2%"),
        (1.0, "cannot tell", "cannot tell b from a.h5"),
    ],
)
def test_the_verdict_comes_first(run: Run, ratio: float, verdict: str, words: str) -> None:
    code, out, err = run("a.h5", "b", result=timed(pair_of(ratio, verdict)))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == words
    assert "\x1b" not in out
    assert "b: 70% of what this machine can do" in out


def test_one_model_has_its_latency(run: Run) -> None:
    _, out, _ = run("a.h5", result=timed(benchmark(measured("a.h5"))))
    assert out.splitlines()[0] == "a.h5 takes 1.000 ms"


def test_the_verdict_names_its_conditions_where_there_are_several() -> None:
    top, first, second = lines_of(timed(pair_of(), replace(pair_of(), batch=8)), None)
    assert top == "b is 2.00x faster than a.h5 (latency, 2 threads, batch 1)"
    assert first.startswith("latency, 2 threads, batch 1: a.h5 1.000 ms; b 0.500 ms")
    assert second.startswith("latency, 2 threads, batch 8: ")


@pytest.mark.parametrize("settings", [1, 4, 12])
@pytest.mark.parametrize("models", [1, 3, 14])
def test_the_text_has_at_most_fifteen_lines(settings: int, models: int) -> None:
    others = [measured(f"m{number}", reason="It fell over.") for number in range(models)]
    pairs = tuple(paired(entry.label, "a.h5", 2.0, "faster") for entry in others)
    notes = tuple(f"note {number}" for number in range(6))
    one = judged(benchmark(measured("a.h5"), *others, pairs=pairs, notes=notes), Limits(max_latency_ms=0.1))
    changes = Against((Change("a.h5", 1.0, 2.0, 0.5, 0.4, 0.6, "slower"),), ("another CPU",))
    lines = lines_of(timed(*[one] * settings, against=changes, warnings=("w",)), Path("r.json"))
    assert len(lines) <= MOST_LINES
    assert lines[-1] == "Report in r.json"
    assert any("more" in line for line in lines)


def test_a_failure_is_told_with_its_reason(run: Run) -> None:
    found = pair_of(None)
    rows = (*found.contestants[:2], replace(found.contestants[2], reason="It was killed by SIGKILL."))
    code, out, _ = run("a.h5", "b", result=timed(replace(found, contestants=rows)))
    assert code == 0
    assert "b: It was killed by SIGKILL." in out
    assert "failed" in out


def test_json_is_one_object_and_the_report_is_the_same(run: Run, tmp_path: Path) -> None:
    code, out, err = run("a.h5", "b", "--json", "-o", "report.json", result=timed(pair_of()))
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "report.json").read_text())
    assert json.loads(out)["benchmark"]["contestants"][0]["label"] == "a.h5"


def test_markdown_is_a_table(run: Run) -> None:
    code, out, _ = run("a.h5", "b|c", "--markdown", result=timed(pair_of()))
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "**b is 2.00x faster than a.h5**"
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert len(table) == 4
    assert "0.50 (0.490 to 0.510), faster" in table[3]


def test_markdown_escapes_what_would_end_a_cell() -> None:
    found = benchmark(measured("a|b"))
    assert "| a\\|b |" in markdown_of(timed(found))


@pytest.mark.parametrize(("limit", "code"), [(1.0, 0), (3.0, 4)])
def test_a_missed_limit_ends_with_4_behind_the_result(run: Run, limit: float, code: int) -> None:
    result = timed(judged(pair_of(), Limits(fail_if_slower=limit)))
    found, out, err = run("a.h5", "b", "--json", result=result)
    assert found == code
    assert json.loads(out)["benchmark"]["gates"][0]["passed"] is (code == 0)
    assert ("b must be 3 times as fast as a.h5: it is at least 1.961 times as fast (95%)." in err) is (code == 4)


def test_an_interrupted_one_shows_what_it_has_and_ends_as_one(run: Run) -> None:
    code, out, _ = run("a.h5", "b", result=timed(replace(pair_of(), partial=True)))
    assert code == 130
    assert out.splitlines()[0].endswith("(interrupted: partial)")


def test_an_earlier_run_beside_it(run: Run) -> None:
    changes = Against((Change("a.h5", 1.0, 2.0, 0.5, 0.4, 0.6, "slower"),), ("openvino 2025.1 then, 2026.4.1 now",))
    _, out, _ = run("a.h5", result=timed(benchmark(measured("a.h5")), against=changes))
    assert "a.h5: 1.000 ms then, 2.000 ms now, then ÷ now 0.50 (0.400 to 0.600): slower" in out
    assert "Since then: openvino 2025.1 then, 2026.4.1 now." in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("a.onnx", "--seconds", "0"), "A benchmark of 0 seconds measures nothing; give a positive number."),
        (("a.onnx", "--threads", "one"), "--threads 'one' is not of the form 1 or 1,2,4."),
        (("a.onnx", "--batch", "1,,x"), "--batch '1,,x' is not of the form 1 or 1,2,4."),
        (("a.onnx", "--hint", "speed"), "There is no hint 'speed'; choose latency, throughput or both."),
        (("a.onnx", "--json", "--markdown"), "--json and --markdown both print the result; choose one."),
        (("a.onnx",), "There is no file a.onnx."),
        (("a.onnx", "-o", "."), "is a folder"),
    ],
)
def test_bad_options_are_a_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = run(*words)
    assert code == 1
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_options_reach_the_benchmark(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def remembered(*models: Path, **options: Any) -> Benchmarked:
        given.update(options, models=models)
        return timed(pair_of())

    monkeypatch.setattr("ovprep.tasks.benchmarking.benchmark.benchmark", remembered)
    words = (
        "a",
        "b",
        "--all",
        "--threads",
        "1,2",
        "--batch",
        "1,8,32",
        "--hint",
        "latency,throughput",
        "--layout",
        "x=nwc",
    )
    assert run(*words, "--seconds", "3", "--max-memory-mb", "90", "--against", "r.json")[0] == 0
    wanted = {
        "models": (Path("a"), Path("b")),
        "everything": True,
        "threads": (1, 2),
        "batch": (1, 8, 32),
        "hint": ("latency", "throughput"),
        "layout": {"x": "nwc"},
        "seconds": 3.0,
        "max_memory_mb": 90.0,
        "against": Path("r.json"),
    }
    assert {name: given[name] for name in wanted} == wanted
