"""The rank of the IR's body: as asked for, or as measured."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx_ir as ir
import openvino
import pytest

import ovprep
from ovprep.bench.results import Pair
from ovprep.bench.statistics import Verdict
from ovprep.cli.parsing import rank_option
from ovprep.errors import OptionError, UnsupportedError, VerificationError
from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.graph.cost import receptive_field
from ovprep.options import InterfaceOptions, Rank
from ovprep.passes.change import Change
from ovprep.passes.pipeline import normalize
from ovprep.passes.rank.lift import lift_to_rank_4
from ovprep.tasks.converting import race as racing
from ovprep.tasks.converting import rank as choosing
from ovprep.tasks.converting.rank import Chosen, choose_rank
from tests.graphs import GraphBuilder


def model(up: bool = True, recurrent: bool = False) -> ir.Model:
    """A convolution, and one that goes back to the length, perhaps with an LSTM between them."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 32), build.weights(4, 4, 2), strides=(2,))
    if recurrent:
        x = build.op("Transpose", x, perm=(2, 0, 1))
        x = build.ops("LSTM", x, build.weights(1, 16, 4), build.weights(1, 16, 4), outputs=3, hidden_size=4)[0]
        x = build.op("Transpose", build.op("Squeeze", x, build.ints(1)), perm=(1, 2, 0))
    op_type = "ConvTranspose" if up else "Conv"
    build.output(build.op(op_type, x, build.weights(4, 4, 2), strides=(2,)), "y")
    return build.model


def convolution_ranks(path: Path) -> set[int]:
    ops = openvino.Core().read_model(path).get_ops()
    return {len(op.output(0).get_partial_shape()) for op in ops if "Convolution" in op.get_type_name()}


@pytest.mark.parametrize("rank", [3, 4])
def test_rank_as_asked_for(rank: Rank, tmp_path: Path) -> None:
    """Verified against the original, with the same interface."""
    path = tmp_path / "model.onnx"
    ir.save(model(), path)
    done = ovprep.convert(path, tmp_path / "out", rank=rank, benchmark=False)
    assert done.report()["normalization"]["rank"] == {"chosen": rank, "why": "as asked for"}
    assert convolution_ranks(done.model_path) == {rank}
    assert [len(port.dims) for port in (*done.interface.inputs, *done.interface.outputs)] == [3, 3]
    assert ("lift_to_rank_4" in [report.name for report in done.normalization.passes]) == (rank == 4)
    assert done.verification is not None
    assert done.verification.passed


def test_measuring_for_real(tmp_path: Path) -> None:
    """Whatever is faster here, the report says what was seen and the IR is what it says."""
    path = tmp_path / "model.onnx"
    ir.save(model(), path)
    done = ovprep.convert(path, tmp_path / "out", verify=False, benchmark=False, threads=1)
    found = done.report()["normalization"]["rank"]
    assert found["why"].startswith("ConvTranspose ConvTranspose may run faster at rank 4; it takes ")
    assert found["why"].endswith(" at batch 1 and f32")
    assert convolution_ranks(done.model_path) == {found["chosen"]}


def chosen(
    graph: ir.Model, rank: Rank, emit: Callable[[ir.Model, Path], object] = lambda graph, folder: None
) -> Chosen:
    return choose_rank(graph, normalize(graph), rank, emit, threads=1, seed=0)


@pytest.mark.parametrize(
    ("verdict", "rank", "words"),
    [
        ("slower", 4, "it takes 0.50 [0.40, 0.60] of the time that rank 3 takes, faster"),
        ("faster", 3, "rank 3 takes, slower"),
        ("equal within 2%", 3, "rank 3 takes, equal within 2%"),
        ("cannot tell", 3, "rank 3 takes, a difference within noise"),
    ],
)
def test_verdicts(verdict: Verdict, rank: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("rank 4", "rank 3", 0.5, 0.4, 0.6, 20, 2, verdict)
    monkeypatch.setattr(racing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,)))
    answers_by_default(monkeypatch)
    found = chosen(model(), "auto")
    assert found.rank.chosen == rank
    assert words in found.rank.why
    assert {len(node.outputs[0].shape or ()) for node in found.graph.graph if "Conv" in node.op_type} == {rank}


def test_noise_is_measured_again_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = []
    verdicts: list[Verdict] = ["cannot tell", "slower"]

    def measured(*_: Any, seconds: float, **__: Any) -> SimpleNamespace:
        budgets.append(seconds)
        return SimpleNamespace(
            pairs=(Pair("rank 4", "rank 3", 0.5, 0.4, 0.6, 20, 2, verdicts[len(budgets) - 1]),), contestants=()
        )

    monkeypatch.setattr(racing, "benchmark", measured)
    answers_by_default(monkeypatch)
    assert chosen(model(), "auto").rank.chosen == 4
    assert budgets == sorted(choosing.SECONDS)


def answers_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """No IR was written."""
    monkeypatch.setattr(choosing, "failure_by_default", lambda *_, **__: None)


def test_a_form_that_hangs_at_the_default_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    faster_at_rank_4(monkeypatch)
    monkeypatch.setattr(choosing, "failure_by_default", lambda *_, **__: "No answer.")
    found = chosen(model(), "auto").rank
    assert found.chosen == 3
    assert found.why.endswith("; but at rank 4 it does not run at the device's default precision: No answer.")


def faster_at_rank_4(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("rank 4", "rank 3", 0.5, 0.4, 0.6, 20, 2, "slower")
    monkeypatch.setattr(racing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,)))


def wrong_at_rank_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lift that does something else besides."""
    lift = choosing.lift_to_rank_4

    def wrong(graph: ir.Model) -> Change | str:
        change = lift(graph)
        convolution = next(node for node in graph.graph if node.op_type == "Conv")
        weights = array_of(convolution.inputs[1])
        assert weights is not None
        before = Builder(graph.graph, "wrong", before=convolution)
        convolution.replace_input_with(1, before.constant(weights * 1.01, "weights"))
        return change

    monkeypatch.setattr(choosing, "lift_to_rank_4", wrong)


def test_rank_3_where_rank_4_is_not_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was chosen for its speed alone; the report says what happened, and the folder holds the other form."""
    faster_at_rank_4(monkeypatch)
    wrong_at_rank_4(monkeypatch)
    path = tmp_path / "model.onnx"
    ir.save(model(), path)
    done = ovprep.convert(path, tmp_path / "out", benchmark=False)
    assert done.rank.chosen == 3
    assert "0.50 [0.40, 0.60]" in done.rank.why
    assert "; but at rank 4 it is not equal to the original: The result is not equal" in done.rank.why
    assert convolution_ranks(done.model_path) == {3}
    assert done.verification is not None
    assert done.verification.passed
    assert "lift_to_rank_4" not in [report.name for report in done.normalization.passes]


def test_forced_rank_4_that_is_not_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_at_rank_4(monkeypatch)
    path = tmp_path / "model.onnx"
    ir.save(model(), path)
    with pytest.raises(VerificationError, match="The result is not equal"):
        ovprep.convert(path, tmp_path / "out", rank=4, benchmark=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rank", [3, 4])
@pytest.mark.parametrize(("layout", "shapes"), [("nwc", [[1, 32, 4], [1, 32, 4]]), ("ncw", [[4, 1, 32], [4, 1, 32]])])
def test_interface_of_rank_4(layout: str, shapes: list[list[int]], rank: Rank, tmp_path: Path) -> None:
    """`[N, 1, W, C]` or `[N, C, 1, W]`, whatever the rank of the body, against the original at rank 3.

    And at rank 4 nothing is left between the interface and the body.
    """
    path = tmp_path / "model.onnx"
    ir.save(model(), path)
    options = InterfaceOptions(layout, rank=4)
    done = ovprep.convert(path, tmp_path / "out", rank=rank, interface=options, seconds=0.3)
    assert done.verification is not None
    assert done.verification.passed
    assert done.benchmark is not None
    assert [entry.reason for entry in done.benchmark.contestants] == [None] * len(done.benchmark.contestants)
    read = openvino.Core().read_model(done.model_path)
    assert [
        [dim.get_length() for dim in list(port.partial_shape)[1:]] for port in (*read.inputs, *read.outputs)
    ] == shapes
    assert [port["shape"] for port in done.report()["interface"]["inputs"]] == [["batch", *shapes[0]]]
    assert convolution_ranks(done.model_path) == {rank}
    changes = {"Reshape", "Squeeze", "Unsqueeze"}
    assert (changes.isdisjoint(done.ops), "Squeeze" in done.ops) == ((True, False) if rank == 4 else (False, True))


def test_timing_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("rank 4", "rank 3", None, None, None, 0, 0, "cannot tell")
    entries = (SimpleNamespace(label="rank 3", reason=None), SimpleNamespace(label="rank 4", reason="It crashed."))
    monkeypatch.setattr(racing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,), contestants=entries))
    found = chosen(model(), "auto").rank
    assert (found.chosen, found.why) == (
        3,
        "ConvTranspose ConvTranspose may run faster at rank 4; timing failed: It crashed.",
    )


def test_form_that_openvino_does_not_read() -> None:
    def refuse(graph: ir.Model, folder: Path) -> None:
        if folder.name == "1":  # the second form
            raise UnsupportedError("OpenVINO cannot convert this model.")

    found = chosen(model(), "auto", refuse).rank
    assert (found.chosen, found.why) == (
        3,
        "OpenVINO does not read it at rank 4: OpenVINO cannot convert this model.",
    )


def test_nothing_is_timed_without_a_reason() -> None:
    found = chosen(model(up=False), "auto", _never).rank
    assert (found.chosen, found.why) == (3, "no op of this model is known to run faster at rank 4")


@pytest.mark.parametrize("rank", ["auto", 4])
def test_model_that_cannot_be_lifted(rank: Rank) -> None:
    found = chosen(model(recurrent=True), rank, _never).rank
    assert found.chosen == 3
    assert found.why.startswith("it cannot be lifted to rank 4: Transpose Transpose")


def _never(*given: Any) -> None:
    raise AssertionError("nothing was to be timed")


@pytest.mark.parametrize(("text", "rank"), [("auto", "auto"), ("AUTO", "auto"), ("3", 3), ("4", 4)])
def test_option(text: str, rank: Rank) -> None:
    assert rank_option(text) == rank


def test_there_is_no_rank_5(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="There is no rank '5'; choose auto, 3 or 4"):
        rank_option("5")
    rank: Any = 5
    with pytest.raises(OptionError, match="There is no rank 5; choose auto, 3 or 4"):
        ovprep.convert(tmp_path / "model.onnx", rank=rank)


def test_the_lifted_form_sees_as_far() -> None:
    """So that it is verified at the same open length."""
    low = model()
    high = low.clone()
    lift_to_rank_4(high)
    assert receptive_field(low.graph) is not None
    assert receptive_field(high.graph) == receptive_field(low.graph)


def test_the_lifted_graph_is_free_of_defects() -> None:
    """As the one of rank 3 is: a lift may give a defect its pattern."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 32), build.weights(4, 4, 2))
    build.output(build.op("Gelu", build.op("MaxPool", x, kernel_shape=(2,))), "y")
    done = normalize(build.model, defects=())
    found = choose_rank(build.model, done, 4, lambda graph, folder: None, threads=1, seed=0)
    assert [hit.defect.name for hit in found.normalization.defects] == ["moved-pooling"]
    assert [report.name for report in found.normalization.passes][-2:] == ["lift_to_rank_4", "moved-pooling"]
    assert "PRelu" in [node.op_type for node in found.graph.graph]
