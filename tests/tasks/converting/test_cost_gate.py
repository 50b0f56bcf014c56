"""The cost gate: what is timed, and what is left out for it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx_ir as ir
import pytest

import ovprep
from ovprep.bench.results import Pair
from ovprep.bench.statistics import Verdict
from ovprep.errors import UnsupportedError
from ovprep.passes.defects.table import DEFECTS
from ovprep.passes.pipeline import Normalization, normalize
from ovprep.tasks.converting import cost_gate
from ovprep.tasks.converting import race as racing
from ovprep.tasks.converting.cost_gate import drop_losing_rewrites
from tests.graphs import GraphBuilder
from tests.passes.support import ops_of

SAID = "without it this model takes 0.50 [0.40, 0.60] of the time, at batch 1 and f32"


def mixing(mixes: bool = True) -> ir.Model:
    """A norm, perhaps a Dense over time, and a norm."""
    build = GraphBuilder()
    x = build.op("LayerNormalization", build.input("x", "batch", 24, 16), build.weights(16), axis=-1)
    if mixes:
        turned = build.op("MatMul", build.op("Transpose", x, perm=(0, 2, 1)), build.weights(24, 24))
        x = build.op("Transpose", turned, perm=(0, 2, 1))
    build.output(build.op("LayerNormalization", x, build.weights(16), axis=-1), "y")
    return build.model


def never(*given: Any, **named: Any) -> Any:
    raise AssertionError("nothing was to be timed")


def gated(written: ir.Model, emit: cost_gate.Emit = lambda graph, folder: None) -> tuple[ir.Model, Normalization]:
    graph = written.clone()
    return drop_losing_rewrites(written, graph, normalize(graph), None, DEFECTS, emit, threads=1, seed=0)


def seen(monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> None:
    pair = Pair("multiply_from_left", "all", 0.5, 0.4, 0.6, 20, 2, verdict)
    monkeypatch.setattr(racing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,)))


def test_a_rewrite_that_loses_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, "slower")
    graph, done = gated(mixing())
    assert [(one.name, one.reason) for one in done.skipped] == [("multiply_from_left", SAID)]
    assert "multiply_from_left" not in [report.name for report in done.passes]
    assert ops_of(graph) == ["LayerNormalization", "Conv", "LayerNormalization"]


@pytest.mark.parametrize("verdict", ["faster", "equal within 2%", "cannot tell"])
def test_one_that_does_not_lose_stays(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, verdict)
    graph, done = gated(mixing())
    assert done.skipped == ()
    assert ops_of(graph) == ["LayerNormalization", "MatMul", "LayerNormalization"]


def test_nothing_is_timed_where_no_optional_rewrite_did_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(racing, "benchmark", never)
    assert gated(mixing(mixes=False))[1].skipped == ()


def test_a_form_that_openvino_does_not_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(graph: ir.Model, folder: Path) -> None:
        if "Conv" in ops_of(graph):
            raise UnsupportedError("OpenVINO cannot convert this model.")

    monkeypatch.setattr(racing, "benchmark", never)
    graph, done = gated(mixing(), refuse)
    assert done.skipped == ()
    assert "MatMul" in ops_of(graph)


def test_only_what_is_optional_can_be_left_out() -> None:
    with pytest.raises(ValueError, match="lay_out cannot be left out"):
        normalize(mixing(), without={"lay_out"})


def test_the_report_says_what_was_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Proven equal all the same."""
    from rich.console import Console

    from ovprep.cli.render_conversion import render_conversion

    seen(monkeypatch, "slower")
    path = tmp_path / "model.onnx"
    ir.save(mixing(), path)
    done = ovprep.convert(path, tmp_path / "out", seconds=0.5, threads=1)
    report = json.loads((done.output / "report.json").read_text())
    assert report["normalization"]["skipped"] == [{"name": "multiply_from_left", "reason": SAID}]
    assert report["verification"]["passed"]
    render_conversion(Console(), done)
    assert f"Left out   multiply_from_left: {SAID}" in capsys.readouterr().out


def test_measuring_for_real(tmp_path: Path) -> None:
    """Whatever is faster here, the IR is what the report says."""
    path = tmp_path / "model.onnx"
    ir.save(mixing(), path)
    done = ovprep.convert(path, tmp_path / "out", verify=False, seconds=0.5, threads=1)
    kept = "multiply_from_left" in [report.name for report in done.normalization.passes]
    assert kept != bool(done.normalization.skipped)
    assert ("Convolution" in done.report()["normalization"]["ops"]) != kept


def test_nothing_is_timed_without_a_benchmark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(racing, "benchmark", never)
    path = tmp_path / "model.onnx"
    ir.save(mixing(), path)
    done = ovprep.convert(path, tmp_path / "out", verify=False, benchmark=False)
    assert "multiply_from_left" in [report.name for report in done.normalization.passes]
