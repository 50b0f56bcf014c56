"""The rank of the IR's body: as asked for, or as measured."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx_ir as ir
import openvino
import pytest

import ovprep
from ovprep import rank as choosing
from ovprep.bench.results import Pair
from ovprep.bench.statistics import Verdict
from ovprep.cli.parsing import rank_option
from ovprep.errors import OptionError, UnsupportedError
from ovprep.options import Rank
from ovprep.passes.pipeline import normalize
from ovprep.rank import Chosen, choose_rank
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
    monkeypatch.setattr(choosing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,)))
    found = chosen(model(), "auto")
    assert found.rank.chosen == rank
    assert words in found.rank.why
    assert {len(node.outputs[0].shape or ()) for node in found.graph.graph if "Conv" in node.op_type} == {rank}


def test_timing_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("rank 4", "rank 3", None, None, None, 0, 0, "cannot tell")
    entries = (SimpleNamespace(reason=None), SimpleNamespace(reason="It crashed."))
    monkeypatch.setattr(choosing, "benchmark", lambda *_, **__: SimpleNamespace(pairs=(pair,), contestants=entries))
    found = chosen(model(), "auto").rank
    assert (found.chosen, found.why) == (
        3,
        "ConvTranspose ConvTranspose may run faster at rank 4; timing failed: It crashed.",
    )


def test_form_that_openvino_does_not_read() -> None:
    def refuse(graph: ir.Model, folder: Path) -> None:
        if folder.name == "4":
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
