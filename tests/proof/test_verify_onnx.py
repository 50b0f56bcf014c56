"""Verification against an ONNX original: the right IR passes, every wrong one fails."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from ovprep.errors import RuntimeFailure
from ovprep.proof import Verification, verify
from ovprep.proof.inputs.cases import STACKED, Case
from ovprep.proof.inputs.signals import SIGNALS
from ovprep.workers import Contender, Worker
from ovprep.workers.runners import Loaded
from tests.proof.networks import MUTATIONS, NCW, NWC, network, onnx_model, write_ir, write_onnx

SEEDS = 10


def check(
    original: Path,
    candidate: Path,
    *,
    seed: int = 0,
    canonical: onnx.ModelProto | None = None,
    worker: Worker | None = None,
) -> Verification:
    graph = ir.from_proto(canonical or onnx_model(network(), "NWC"))
    contender = Contender("original", "onnxruntime", original)
    return verify(contender, candidate, graph, NCW, NWC, sizes={}, seed=seed, threads=2, worker=worker)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_onnx(network(), "NCW", path / "original.onnx")
    write_ir(network(), path / "right.xml")
    return path


def test_the_right_ir_passes_for_every_seed(folder: Path) -> None:
    with Worker.launch(Contender("original", "onnxruntime", folder / "original.onnx"), threads=2) as worker:
        for seed in range(SEEDS):
            found = check(folder / "original.onnx", folder / "right.xml", seed=seed, worker=worker)
            assert found.passed, (seed, found.worst, found.notes)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_ir_fails(folder: Path, tmp_path: Path, mutation: str) -> None:
    wrong = write_ir(MUTATIONS[mutation](network()), tmp_path / "wrong.xml")
    found = check(folder / "original.onnx", wrong)
    assert not found.passed
    assert any("agrees in ONNX Runtime" in note for note in found.notes)


def test_a_wrong_translation_does_not_widen_the_tolerance(folder: Path, tmp_path: Path) -> None:
    """The graph and the IR are wrong alike, so that they agree with each other and not with the original."""
    mutated = MUTATIONS["one weight changed by 1%"](network())
    wrong = write_ir(mutated, tmp_path / "wrong.xml")
    found = check(folder / "original.onnx", wrong, canonical=onnx_model(mutated, "NWC"))
    assert not found.passed
    assert any("translation is wrong" in note for note in found.notes)


def test_the_report_holds_what_a_reader_needs(folder: Path) -> None:
    found = check(folder / "original.onnx", folder / "right.xml")
    assert found.reference.startswith("ONNX Runtime ")
    assert found.candidate.startswith("OpenVINO ")
    judged = [row for row in found.rows if row.tolerance is not None]
    together = {(name, len(STACKED), "open") for name in SIGNALS}
    assert {(row.signal, row.batch, row.shapes) for row in judged} == {
        ("noise", 1, "open"), *together, ("noise", 1, "fixed")
    }  # fmt: skip
    assert {row.output for row in judged} == {"sequence", "classes", "classes before Softmax"}
    assert all(row.cosine is not None and row.cosine > 0.999999 for row in judged)
    assert all(row.max_abs_error <= row.tolerance for row in judged if row.tolerance is not None)
    assert all(row.argmax_flips == 0 for row in judged if row.output == "classes")
    assert found.tolerance.noise is not None
    assert 0 < max(found.tolerance.noise.values()) < 1e-5
    assert "float64" in found.tolerance.explanation
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_the_default_precision_is_told_and_never_decides(folder: Path) -> None:
    found = check(folder / "original.onnx", folder / "right.xml")
    other = [row for row in found.rows if row.precision not in ("f32", "f16 weights")]
    assert found.default_precision is not None
    if found.default_precision == "f32":
        assert not other
        pytest.skip("this device computes in f32 by default")
    assert max(row.max_rel_error for row in other) > 1e-4
    assert all(row.passed is None for row in other)
    assert found.passed
    line = next(line for line in found.precisions if line.precision == found.default_precision)
    exact = next(line for line in found.precisions if line.precision == "f32")
    assert line.max_abs_error > 100 * exact.max_abs_error
    assert line.verdict.endswith("To keep f32 on the device: INFERENCE_PRECISION_HINT=f32.")
    assert f"computes in {found.default_precision} on this CPU" in line.verdict
    assert exact.verdict.startswith("Equal: differs by ")
    halved = next(line for line in found.precisions if line.precision == "f16 weights")
    assert 10 * exact.max_abs_error < halved.max_abs_error < 1e-2


def test_an_ir_that_is_wrong_at_several_items_alone_fails(folder: Path, tmp_path: Path) -> None:
    """The whole batch takes part in what each item gets: exact for one item."""
    proto = onnx_model(network(), "NWC")
    for node in proto.graph.node:
        if node.op_type == "Softmax":
            node.input[0] = "blurred"
    axes = onnx.numpy_helper.from_array(np.array([0]), "axes")
    proto.graph.initializer.append(axes)
    proto.graph.node.insert(8, helper.make_node("ReduceMean", ["logits", "axes"], ["level"], keepdims=1))
    proto.graph.node.insert(9, helper.make_node("Mul", ["logits", "one"], ["same"]))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "one"))
    proto.graph.node.insert(10, helper.make_node("Add", ["same", "level"], ["blurred"]))
    onnx.save(proto, tmp_path / "wrong.onnx")
    import openvino

    openvino.save_model(openvino.convert_model(tmp_path / "wrong.onnx"), tmp_path / "wrong.xml", compress_to_fp16=False)
    found = check(folder / "original.onnx", tmp_path / "wrong.xml")
    assert not found.passed
    assert all(row.passed for row in found.rows if row.batch == 1 and row.tolerance is not None)
    assert any("at batch 1 it agrees" in note for note in found.notes)


def test_nan_in_the_weights_is_equal_to_itself(tmp_path: Path) -> None:
    bias = network().weights["bias"].copy()
    bias[0] = np.nan
    broken = network().with_weight("bias", bias)
    write_onnx(broken, "NCW", tmp_path / "original.onnx")
    found = check(
        tmp_path / "original.onnx", write_ir(broken, tmp_path / "ir.xml"), canonical=onnx_model(broken, "NWC")
    )
    # What a ReLU makes of NaN differs between runtimes; that this is noticed, and told, is what counts.
    assert any("NaN or infinite" in note for note in found.notes)


def test_without_a_float64_run_the_tolerance_is_fixed_and_told(folder: Path) -> None:
    proto = onnx_model(network(), "NWC")
    proto.opset_import[0].version = 12  # Softmax of old
    found = check(folder / "original.onnx", folder / "right.xml", canonical=proto)
    assert found.passed
    assert found.tolerance.noise is None
    assert any("could not be measured" in note for note in found.notes)


def test_a_loaded_worker_is_used_and_left_running(folder: Path) -> None:
    contender = Contender("original", "onnxruntime", folder / "original.onnx")
    with Worker.launch(contender, threads=1) as worker:
        graph = ir.from_proto(onnx_model(network(), "NWC"))
        found = verify(contender, folder / "right.xml", graph, NCW, NWC, sizes={}, seed=0, threads=1, worker=worker)
        assert found.passed
        assert worker.alive
        assert len(worker.run([np.zeros((1, 3, 64), np.float32)])) == 2


def test_an_original_that_does_not_load_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("not a model")
    with pytest.raises(RuntimeFailure, match=r"ONNX Runtime failed while loading bad.onnx") as caught:
        check(tmp_path / "bad.onnx", folder / "right.xml")
    assert "\n" not in str(caught.value)


def test_another_ir_has_rows_that_do_not_decide(folder: Path, tmp_path: Path) -> None:
    wrong = write_ir(MUTATIONS["bias dropped"](network()), tmp_path / "wrong.xml")
    graph, original = ir.from_proto(onnx_model(network(), "NWC")), folder / "original.onnx"
    found = verify(
        Contender("original", "onnxruntime", original), folder / "right.xml", graph, NCW, NWC,
        sizes={}, seed=0, threads=1, others={"int8": wrong},
    )  # fmt: skip
    assert found.passed
    line = next(line for line in found.precisions if line.precision == "int8")
    assert line.max_rel_error > 1e-2
    assert all(row.passed is None for row in found.rows if row.precision == "int8")


@pytest.mark.parametrize(("tolerance", "passed"), [(1e-9, False), (0.9, True)])
def test_the_tolerance_of_the_caller_takes_the_place_of_the_budget(
    folder: Path, tmp_path: Path, tolerance: float, passed: bool
) -> None:
    wrong = write_ir(MUTATIONS["one weight changed by 1%"](network()), tmp_path / "wrong.xml")
    graph, original = ir.from_proto(onnx_model(network(), "NWC")), folder / "original.onnx"
    found = verify(
        Contender("original", "onnxruntime", original), wrong, graph, NCW, NWC,
        sizes={}, seed=0, threads=1, tolerance=tolerance,
    )  # fmt: skip
    assert found.passed is passed
    assert found.tolerance.given == tolerance


def test_a_recording_is_judged_at_its_own_scale(folder: Path, tmp_path: Path) -> None:
    """Ten thousand times as loud as the signals, rounding is as much larger; a wrong weight is wrong all the same."""
    loud = 1e4 * np.random.default_rng(5).standard_normal((2, 3, 64)).astype(np.float32)
    case = Case("speech.wav", 2, [loud], True)
    graph, original = ir.from_proto(onnx_model(network(), "NWC")), folder / "original.onnx"
    contender = Contender("original", "onnxruntime", original)
    wrong = write_ir(MUTATIONS["one weight changed by 1%"](network()), tmp_path / "wrong.xml")
    for candidate, passed in ((folder / "right.xml", True), (wrong, False)):
        found = verify(contender, candidate, graph, NCW, NWC, sizes={}, seed=0, threads=1, extra=[case])
        rows = [row for row in found.rows if (row.signal, row.output) == ("speech.wav", "sequence") and row.tolerance]
        assert len(rows) == 1
        assert rows[0].scale > 1e3
        assert rows[0].passed is passed


def test_a_missing_output_is_never_equal(folder: Path, tmp_path: Path) -> None:
    proto = onnx_model(network(), "NWC")
    del proto.graph.output[1]
    onnx.save(proto, tmp_path / "less.onnx")
    import openvino

    openvino.save_model(openvino.convert_model(tmp_path / "less.onnx"), tmp_path / "less.xml", compress_to_fp16=False)
    found = check(folder / "original.onnx", tmp_path / "less.xml")
    assert not found.passed
    assert np.isinf(max(row.max_abs_error for row in found.rows))


def test_a_graph_that_onnx_runtime_rewrites_to_none_is_measured_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime 1.31 gives some QuantizeLinear a type that its zero point has not, and then refuses it."""
    ready = Worker.ready

    def refusing(self: Worker, limit: float = 60.0) -> Loaded:
        loaded = ready(self, limit)
        assert self.contender is not None
        if self.contender.label == "canonical graph" and self.contender.optimised:
            raise RuntimeFailure("ONNX Runtime failed while loading canonical.onnx.")
        return loaded

    monkeypatch.setattr(Worker, "ready", refusing)
    found = check(folder / "original.onnx", folder / "right.xml")
    assert found.passed
    assert found.tolerance.noise is not None
