"""Any models against each other: that each gets the same inputs, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest
from onnx import helper

import ovprep
from ovprep.bench.contestant import Contestant
from ovprep.errors import ModelError, OptionError
from tests.proof.networks import network, write_ir, write_onnx

SHORT: dict[str, Any] = {"seconds": 0.2, "threads": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_onnx(network(), "NCW", path / "first.onnx")
    write_onnx(network(), "NWC", path / "last.onnx")
    write_ir(network(), path / "ir.xml")
    ovprep.convert(path / "first.onnx", path / "ours", verify=False, benchmark=False)
    return path


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    """What each contestant is given, by its label."""
    given: dict[str, list[np.ndarray]] = {}
    start = Contestant.start

    def remembered(self: Contestant, worker: Any = None) -> None:
        given[self.contender.label] = list(self.inputs)
        start(self, worker)

    monkeypatch.setattr(Contestant, "start", remembered)
    return given


def test_every_model_gets_the_same_in_its_own_layout(folder: Path, fed: dict[str, list[np.ndarray]]) -> None:
    found = ovprep.benchmark(folder / "first.onnx", folder / "last.onnx", folder / "ir.xml", folder / "ours", **SHORT)
    labels = [entry.label for entry in found.benchmark.contestants]
    assert labels == ["first.onnx", "first.onnx (control)", "last.onnx", "ir.xml", "ours"]
    assert not [entry.reason for entry in found.benchmark.contestants if entry.reason]
    (wanted,) = fed["first.onnx"]
    assert wanted.shape == (1, 3, 64)
    for label in ("last.onnx", "ir.xml", "ours"):
        np.testing.assert_array_equal(fed[label][0].transpose(0, 2, 1), wanted)
    roles = {entry.label: entry.role for entry in found.benchmark.contestants}
    assert (roles["first.onnx"], roles["ours"]) == ("model", "ovprep")
    assert [pair.baseline for pair in found.benchmark.pairs] == ["first.onnx"] * 3
    assert found.benchmark.ops_of == "ours"
    assert sum(op.macs for op in found.benchmark.ops) > 0


def two_inputs(path: Path, *, swapped: bool) -> Path:
    """a of 4 values, b of 6, in one order or the other."""
    ports = [helper.make_tensor_value_info(name, 1, [1, size]) for name, size in (("a", 4), ("b", 6))]
    nodes = [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)]
    outputs = [helper.make_tensor_value_info("y", 1, [1, 10])]
    graph = helper.make_graph(nodes, "g", ports[::-1] if swapped else ports, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


def test_inputs_in_another_order_are_found_by_name(tmp_path: Path) -> None:
    models = two_inputs(tmp_path / "one.onnx", swapped=False), two_inputs(tmp_path / "two.onnx", swapped=True)
    found = ovprep.benchmark(*models, **SHORT)
    assert [entry.reason for entry in found.benchmark.contestants] == [None] * 3


def test_a_model_with_other_outputs_can_be_timed(folder: Path, tmp_path: Path) -> None:
    pruned = onnx.load(folder / "first.onnx")
    del pruned.graph.output[0]
    onnx.save(pruned, tmp_path / "pruned.onnx")
    found = ovprep.benchmark(folder / "first.onnx", tmp_path / "pruned.onnx", **SHORT)
    assert found.benchmark.pairs[0].ratio is not None


def test_each_combination_is_measured_by_itself(folder: Path, fed: dict[str, list[np.ndarray]]) -> None:
    found = ovprep.benchmark(folder / "ours", threads=(1, 2), batch=(1, 3), hint=("latency", "throughput"), seconds=0.1)
    seen = [(one.hint, one.threads, one.batch) for one in found.benchmarks]
    assert seen == [
        (hint, threads, batch) for hint in ("latency", "throughput") for threads in (1, 2) for batch in (1, 3)
    ]
    assert fed["ours"][0].shape[0] == 3
    document = found.report()
    assert len(document["further"]) == 7
    assert [one.p90_ms for one in found.benchmarks[-1].contestants] == [None, None]
    json.dumps(document, allow_nan=False)


def test_all_that_an_onnx_file_can_be_made_into(folder: Path, fed: dict[str, list[np.ndarray]]) -> None:
    found = ovprep.benchmark(folder / "first.onnx", everything=True, **SHORT)
    rows = {entry.label: entry for entry in found.benchmark.contestants}
    assert set(rows) - {"ovprep, default precision"} == {
        "first.onnx",
        "first.onnx (control)",
        "OpenVINO, direct conversion",
        "ovprep",
    }
    assert not [entry.reason for entry in rows.values() if entry.reason]
    assert fed["ovprep"][0].shape == (1, 64, 3)
    assert fed["OpenVINO, direct conversion"][0].shape == (1, 3, 64)


def test_what_cannot_be_made_is_a_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*arguments: Any, **options: Any) -> None:
        raise ovprep.UnsupportedError("It holds an op that nobody knows.")

    monkeypatch.setattr("ovprep.tasks.benchmarking.carrying.convert", refuses)
    found = ovprep.benchmark(folder / "first.onnx", everything=True, **SHORT)
    reasons = {entry.label: entry.reason for entry in found.benchmark.contestants}
    assert reasons["ovprep"] == "It holds an op that nobody knows."
    assert reasons["OpenVINO, direct conversion"] is None


def test_an_interrupt_keeps_the_combinations_before_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Contestant.start

    def interrupted(self: Contestant, worker: Any = None) -> None:
        if self.inputs[0].shape[0] == 3:
            raise KeyboardInterrupt
        start(self, worker)

    monkeypatch.setattr(Contestant, "start", interrupted)
    found = ovprep.benchmark(folder / "ours", batch=(1, 3, 8), **SHORT)
    assert [one.batch for one in found.benchmarks] == [1]
    assert found.partial
    assert found.benchmark.notes[-1].endswith("timing for latency, 1 threads, batch 3.")
    with pytest.raises(KeyboardInterrupt):
        ovprep.benchmark(folder / "ours", batch=3, **SHORT)


def test_an_interrupt_while_ops_are_timed_keeps_the_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ovprep.bench.protocol.dissected", interrupted)
    found = ovprep.benchmark(folder / "ours", **SHORT)
    assert found.partial
    assert found.benchmark.contestants[0].median_ms is not None
    assert found.benchmark.ops == ()


def test_an_earlier_run_is_compared_with(folder: Path, tmp_path: Path) -> None:
    ovprep.benchmark(folder / "ours", **SHORT).write(tmp_path / "report.json")
    found = ovprep.benchmark(folder / "ours", against=tmp_path / "report.json", fail_if_slower=1e-3, **SHORT)
    assert found.against is not None
    (change,) = found.against.changes
    assert change.contestant == "ours"
    assert change.ratio is not None
    (gate,) = found.gates
    assert gate.passed is (change.low is not None)


def test_a_conversion_has_its_gates_and_ops(folder: Path, tmp_path: Path) -> None:
    done = ovprep.convert(folder / "first.onnx", tmp_path / "out", seconds=0.4, fail_if_slower=1e-6, max_latency_ms=1e6)
    assert done.benchmark is not None
    assert [(gate.name, gate.contestant, gate.passed) for gate in done.benchmark.gates] == [
        ("fail-if-slower", "ovprep", True),
        ("max-latency-ms", "ovprep", True),
    ]
    written = json.loads((tmp_path / "out" / "report.json").read_text())["benchmark"]
    assert written["ops_of"] == "ovprep"
    assert written["machine"]["threads"] == written["threads"]
    assert written["model_roofline_share"] > 0
    earlier = tmp_path / "out" / "report.json"
    found = ovprep.benchmark(tmp_path / "out", against=earlier, seconds=0.2)
    assert found.against is not None
    assert [change.contestant for change in found.against.changes] == ["out"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 0.0}, "of 0 seconds measures nothing"),
        ({"seconds": float("nan")}, "measures nothing"),
        ({"threads": 0}, "0 threads cannot compute"),
        ({"threads": (1, -2)}, "-2 threads"),
        ({"threads": ()}, "at least one"),
        ({"batch": 0}, "batch of 0 holds nothing"),
        ({"hint": "speed"}, "no hint 'speed'"),
        ({"layout": "nhw"}, "no layout 'nhw'"),
        ({"fail_if_slower": 1.0}, "needs a second model"),
        ({"max_latency_ms": -1.0}, "--max-latency-ms -1 is no limit"),
        ({"max_latency_ms": 1.0, "hint": "throughput"}, "add latency to --hint"),
    ],
)
def test_senseless_options_are_a_sentence(folder: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        ovprep.benchmark(folder / "ours", **options)


def test_no_model_is_a_sentence() -> None:
    with pytest.raises(OptionError, match="Give a model"):
        ovprep.benchmark()


def test_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    model = two_inputs(tmp_path / "fixed.onnx", swapped=False)
    with pytest.raises(OptionError, match=r"batch of a \[1, 4\] .* is fixed, so that 1, 8 cannot be timed"):
        ovprep.benchmark(model, batch=(1, 8))


def test_models_that_take_different_inputs_are_refused(folder: Path, tmp_path: Path) -> None:
    other = openvino.opset13.parameter([1, 5, 7], np.float32, "x")
    other.output(0).get_tensor().set_names({"x"})
    openvino.save_model(openvino.Model([openvino.opset13.relu(other)], [other], "m"), tmp_path / "other.xml")
    with pytest.raises(OptionError, match="Input 'x' cannot be the same in both"):
        ovprep.benchmark(folder / "ours", tmp_path / "other.xml")


def test_files_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        ovprep.benchmark(folder / "ours", tmp_path / "gone.onnx")
    (tmp_path / "report.json").write_text("no report")
    with pytest.raises(ModelError, match="cannot be read as a report"):
        ovprep.benchmark(folder / "ours", against=tmp_path / "report.json")


def test_limits_of_a_conversion_need_its_benchmark(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="need the benchmark"):
        ovprep.convert(folder / "first.onnx", tmp_path / "out", benchmark=False, max_latency_ms=1.0)
    assert not (tmp_path / "out").exists()


def test_an_earlier_run_of_other_models_is_refused_before_anything_runs(
    folder: Path, tmp_path: Path, fed: dict[str, list[np.ndarray]]
) -> None:
    earlier = {"benchmark": {"threads": 1, "batch": 1, "contestants": []}}
    (tmp_path / "report.json").write_text(json.dumps(earlier))
    with pytest.raises(OptionError, match="times none of these models"):
        ovprep.benchmark(folder / "ours", against=tmp_path / "report.json", **SHORT)
    assert fed == {}


def test_a_folder_named_like_a_rival_is_told_from_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ovprep").symlink_to(folder / "ours", target_is_directory=True)
    found = ovprep.benchmark(folder / "first.onnx", tmp_path / "ovprep", everything=True, **SHORT)
    labels = [entry.label for entry in found.benchmark.contestants]
    assert len(labels) == len(set(labels))
    assert {"ovprep", "ovprep/"} <= set(labels)


def test_the_report_tells_what_was_asked_for(folder: Path, tmp_path: Path) -> None:
    found = ovprep.benchmark(folder / "ours", batch=(1,), **SHORT)
    assert found.report()["options"] == {"threads": 1, "batch": [1], "seconds": 0.2}
    found.write(tmp_path / "timing.json")
    page = ovprep.report_page(tmp_path / "timing.json")
    assert page == tmp_path / "timing.html"
    assert f"ovprep benchmark {folder / 'ours' / 'model.xml'} --threads 1 --seconds 0.2<" in page.read_text("utf-8")
