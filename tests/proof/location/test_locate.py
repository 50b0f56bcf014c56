"""The first op that differs: the right one is named, and the example of it fails by itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ovprep.errors import RuntimeFailure
from ovprep.proof.location.locate import Found, Pair, Tensors, locate
from ovprep.proof.location.located import Located
from ovprep.workers import Contender
from ovprep.workers.arrays import Array
from tests.proof.networks import MUTATIONS, NWC, Network, network, onnx_model, write_ir, write_onnx

CONVOLUTION = {"conv", "norm"}
"""OpenVINO folds the normalisation into the convolution, so that these two cannot be told apart in the IR."""
CULPRITS = dict.fromkeys(MUTATIONS, CONVOLUTION) | {"rows of the dense layer permuted": {"logits"}}


def _without(op_type: str) -> "onnx.ModelProto":
    """The network with an op that passes its input on instead."""
    model = onnx_model(network(), "NWC")
    for node in model.graph.node:
        if node.op_type == op_type:
            node.CopyFrom(onnx.helper.make_node("Identity", node.input[:1], node.output))
    return model


def _with(op_type: str, other: str, **attributes: float) -> "onnx.ModelProto":
    model = onnx_model(network(), "NWC")
    for node in model.graph.node:
        if node.op_type == op_type:
            node.CopyFrom(onnx.helper.make_node(other, node.input, node.output, **attributes))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    write_onnx(network(), "NCW", path / "original.onnx")
    return path


def signal(batch: int = 1) -> Array:
    return np.random.default_rng(3).standard_normal((batch, 3, 64)).astype(np.float32)


def search(
    folder: Path,
    ir_file: Path,
    *,
    translated: Network | None = None,
    example: Path | None = None,
    fixed: bool = False,
    tensors: Tensors = "same",
) -> Found:
    """Of an IR that should be what `translated` is, which should be the network."""
    graph = translated or network()
    pair = Pair(
        ir.from_proto(onnx_model(graph, "NCW")),
        ir.from_proto(onnx_model(graph, "NWC")),
        Contender("original", "onnxruntime", folder / "original.onnx"),
        Contender("IR", "openvino", ir_file),
        tensors,
    )
    here, there = [signal()], [np.ascontiguousarray(signal().transpose(0, 2, 1))]
    shapes = (there[0].shape,) if fixed else None
    return locate(pair, here, there, shapes=shapes, threads=1, folder=example)


def ends_with(example: Path) -> tuple[int, str]:
    """How the program of an example ends, and what it says, far from where ovprep could be found."""
    command = [sys.executable, "-I", str(example / "run.py")]
    done = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_op_is_named_and_the_example_fails_by_itself(folder: Path, tmp_path: Path, mutation: str) -> None:
    wrong = write_ir(MUTATIONS[mutation](network()), tmp_path / "ir.xml")
    example = tmp_path / "example"
    example.mkdir()
    located = search(folder, wrong, example=example).located
    assert located is not None
    assert located.side == "IR"
    assert {located.op, *located.region} == CULPRITS[mutation]
    assert located.max_abs_error > 100 * located.tolerance
    code, said = ends_with(example)
    assert code == 1, said
    assert "largest difference" in said


def test_the_example_passes_once_the_mutation_is_taken_away(folder: Path, tmp_path: Path) -> None:
    """The op out of the right IR, in place of that out of the wrong one."""
    from ovprep.proof.location.fragment import cut

    wrong = write_ir(MUTATIONS["kernel reversed"](network()), tmp_path / "wrong.xml")
    right = write_ir(network(), tmp_path / "right.xml")
    example = tmp_path / "example"
    example.mkdir()
    assert search(folder, wrong, example=example).located is not None
    assert ends_with(example)[0] == 1
    given = {"x": np.ascontiguousarray(signal().transpose(0, 2, 1)), "ncw": signal()}
    assert cut(right, "norm", None, given, example / "op.xml", fixed=False) == ["ncw"]
    code, said = ends_with(example)
    assert code == 0, said


@pytest.mark.parametrize(
    ("op_type", "other", "attributes"),
    [
        ("Relu", "LeakyRelu", {"alpha": 0.01}),
        ("GlobalAveragePool", "GlobalMaxPool", {}),
        ("Relu", "Sigmoid", {}),
        ("Softmax", "Softmax", {"axis": 0}),
    ],
)
def test_another_op_in_its_place_is_named(
    folder: Path, tmp_path: Path, op_type: str, other: str, attributes: dict[str, float]
) -> None:
    located = _of_onnx(folder, tmp_path, _with(op_type, other, **attributes)).located
    assert located is not None
    assert located.op_type == op_type


def test_a_dropped_activation_is_named(folder: Path, tmp_path: Path) -> None:
    located = _of_onnx(folder, tmp_path, _without("Softmax")).located
    assert located is not None
    assert located.op_type == "Softmax"
    assert located.place == located.total == 9


def _of_onnx(folder: Path, tmp_path: Path, wrong: "onnx.ModelProto") -> Found:
    import openvino

    onnx.save(wrong, tmp_path / "wrong.onnx")
    model = openvino.convert_model(tmp_path / "wrong.onnx")
    openvino.save_model(model, tmp_path / "wrong.xml", compress_to_fp16=False)
    return search(folder, tmp_path / "wrong.xml")


@pytest.mark.parametrize("fixed", [False, True])
def test_the_right_ir_has_no_such_op(folder: Path, tmp_path: Path, fixed: bool) -> None:
    found = search(folder, write_ir(network(), tmp_path / "ir.xml"), fixed=fixed)
    assert found.located is None
    assert [note.partition(" is what its own inputs give")[0] for note in found.notes] == [
        "Each of 9 tensors of the translated graph",
        "Each of 8 tensors of the IR",  # the convolution is in the normalisation
    ]


@pytest.mark.parametrize("mutation", ["kernel reversed", "rows of the dense layer permuted", "wrong epsilon"])
def test_a_wrong_translation_is_held_against_the_original(folder: Path, tmp_path: Path, mutation: str) -> None:
    """The IR is what its graph says, so that only the original can tell."""
    mutated = MUTATIONS[mutation](network())
    example = tmp_path / "example"
    example.mkdir()
    wrong = write_ir(mutated, tmp_path / "ir.xml")
    located = search(folder, wrong, translated=mutated, example=example).located
    assert located is not None
    assert located.side == "translation"
    assert {"kernel reversed": "Conv", "wrong epsilon": "BatchNormalization"}.get(mutation, "Gemm") == located.op_type
    assert len(located.region) == 1
    code, said = ends_with(example)
    assert code == 1, said


def test_the_sentence_says_what_and_where(folder: Path, tmp_path: Path) -> None:
    found = search(folder, write_ir(MUTATIONS["rows of the dense layer permuted"](network()), tmp_path / "ir.xml"))
    assert isinstance(found.located, Located)
    assert found.notes == (str(found.located),)
    assert "'logits' (Gemm, op 8 of 9): off by 0." in found.notes[0]


def test_a_tensor_that_is_wrong_only_while_nobody_looks_is_found_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a plugin fuses two ops wrongly: with all tensors watched there is nothing to fuse."""
    from ovprep.proof.location.watched import Watched

    wrong = write_ir(MUTATIONS["rows of the dense layer permuted"](network()), tmp_path / "wrong.xml")
    right = write_ir(network(), tmp_path / "right.xml")
    watch = Watched._run

    def run(self: Watched, taps: tuple[str, ...]) -> dict[str, Array]:
        self._contender = Contender("IR", "openvino", right if len(taps) > 1 else wrong)
        return watch(self, taps)

    monkeypatch.setattr(Watched, "_run", run)
    located = search(folder, wrong).located
    assert located is not None
    assert (located.op, located.region) == ("logits", ("logits",))


def test_the_search_is_part_of_a_verification(folder: Path, tmp_path: Path) -> None:
    from ovprep.proof import verify
    from ovprep.proof.location.searching import Explain
    from tests.proof.networks import NCW

    wrong = write_ir(MUTATIONS["rows of the dense layer permuted"](network()), tmp_path / "ir.xml")
    canonical, as_read = (ir.from_proto(onnx_model(network(), layout)) for layout in ("NWC", "NCW"))
    original = Contender("original", "onnxruntime", folder / "original.onnx")
    found = verify(
        original, wrong, canonical, NCW, NWC, sizes={}, seed=0, threads=1, explaining=Explain(as_read, tmp_path)
    )
    assert not found.passed
    assert found.located is not None
    assert found.located.op == "logits"
    assert str(found.located) in found.notes
    assert found.located.reproducer == tmp_path
    assert ends_with(tmp_path)[0] == 1


def test_tensors_that_cannot_be_watched_together_are_watched_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a tensor that is given ends the process of the plugin."""
    from ovprep.proof.location.watched import Watched

    watch = Watched._run

    def run(self: Watched, taps: tuple[str, ...]) -> dict[str, Array]:
        if len(taps) > 1:
            self._worker.close()
            raise RuntimeFailure("OpenVINO died.")
        return watch(self, taps)

    monkeypatch.setattr(Watched, "_run", run)
    located = search(folder, write_ir(MUTATIONS["kernel reversed"](network()), tmp_path / "ir.xml")).located
    assert located is not None
    assert located.op == "norm"


@pytest.mark.parametrize(("tensors", "wrong"), [("same", True), ("perhaps", False)])
def test_a_tensor_of_the_same_name_is_another_where_its_shape_is(
    folder: Path, tmp_path: Path, tensors: Tensors, wrong: bool
) -> None:
    """An IR made elsewhere, right, in which two names have changed places."""
    import openvino

    swapped = onnx_model(network(), "NWC")
    for node in swapped.graph.node:
        for names in (node.input, node.output):
            names[:] = [{"pooled": "flat", "flat": "pooled"}.get(name, name) for name in names]
    onnx.save(swapped, tmp_path / "swapped.onnx")
    model = openvino.convert_model(tmp_path / "swapped.onnx")
    openvino.save_model(model, tmp_path / "ir.xml", compress_to_fp16=False)
    found = search(folder, tmp_path / "ir.xml", tensors=tensors)
    assert (found.located is not None) is wrong
