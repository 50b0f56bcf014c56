"""A conversion that is wrong leaves an example of the difference beside the place of its result."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import ovprep
from ovprep.emit import openvino as emitter
from ovprep.graph.builder import Builder
from ovprep.graph.constants import array_of
from ovprep.passes.pipeline import Normalization, normalize
from ovprep.tasks.converting import convert as converting
from ovprep.tasks.verifying.difference import difference_beside, publish
from tests.proof.networks import network, write_onnx


@pytest.mark.parametrize(
    ("output", "place"), [("model_openvino", "model_difference"), ("out", "out_difference"), ("a/b", "a/b_difference")]
)
def test_the_example_goes_beside_the_result(output: str, place: str) -> None:
    assert difference_beside(Path(output)) == Path(place)


def test_an_example_replaces_the_one_before_it(tmp_path: Path) -> None:
    place = tmp_path / "model_difference"
    for name in ("first", "second"):
        scratch = tmp_path / name
        scratch.mkdir()
        (scratch / f"{name}.npz").write_text(name)
        assert publish(scratch, place) == f"To see it by itself: python {place / 'run.py'}"
    assert sorted(file.name for file in place.iterdir()) == ["manifest.json", "second.npz"]
    assert json.loads((place / "manifest.json").read_text()) == {
        "generator": "ovprep",
        "files": [{"name": "second.npz"}],
    }


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    place, scratch = tmp_path / "place", tmp_path / "scratch"
    for folder, name in ((place, "thesis.txt"), (scratch, "run.py")):
        folder.mkdir()
        (folder / name).write_text("x")
    assert publish(scratch, place).startswith("An example of it could not be kept: ")
    assert [file.name for file in place.iterdir()] == ["thesis.txt"]


def _wrong(model: ir.Model) -> None:
    """Turns the kernel of the convolution round."""
    conv = next(node for node in model.graph if node.op_type == "Conv")
    kernel = array_of(conv.inputs[1])
    assert kernel is not None
    conv.replace_input_with(1, Builder(model.graph).constant(np.ascontiguousarray(kernel[:, :, ::-1]), "wrong"))


def test_a_wrong_ir_leaves_an_example_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = emitter.to_openvino

    def wrong(model: ir.Model, *rest: Any) -> Any:
        clone = model.clone()
        _wrong(clone)
        return right(clone, *rest)

    monkeypatch.setattr(emitter, "to_openvino", wrong)
    path = write_onnx(network(), "NCW", tmp_path / "model.onnx")
    with pytest.raises(ovprep.VerificationError, match=r"The first op of the IR .* is '.*' \(Conv, op") as caught:
        ovprep.convert(path, tmp_path / "model_openvino", benchmark=False)
    place = tmp_path / "model_difference"
    assert f"To see it by itself: python {place / 'run.py'}" in str(caught.value)
    assert not (tmp_path / "model_openvino").exists()
    files = ["expected.npz", "inputs.npz", "manifest.json", "op.bin", "op.onnx", "op.xml", "run.py"]
    assert sorted(file.name for file in place.iterdir()) == files
    done = subprocess.run([sys.executable, "-I", place / "run.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[:2]) == (1, ["largest", "difference"])


def test_a_wrong_pass_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The translation is right, and the IR is what the graph says, so that it lies between the two."""

    def corrupt(model: ir.Model, *arguments: Any) -> Normalization:
        done = normalize(model, *arguments)
        _wrong(model)
        return done

    monkeypatch.setattr(converting, "normalize", corrupt)
    path = write_onnx(network(), "NCW", tmp_path / "model.onnx")
    with pytest.raises(ovprep.VerificationError, match=r"The first op of the rewritten graph .* \(Conv, op"):
        ovprep.convert(path, tmp_path / "out", benchmark=False)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_a_right_one_is_explained_when_asked(tmp_path: Path) -> None:
    path = write_onnx(network(), "NCW", tmp_path / "model.onnx")
    done = ovprep.convert(path, tmp_path / "out", benchmark=False, explain=True)
    assert done.verification is not None
    assert done.verification.located is None
    told = [note for note in done.verification.notes if note.startswith("Each of ")]
    assert ["of the translated graph" in told[0], "of the IR" in told[1]] == [True, True]
    assert "float32 explains" in told[1]


@pytest.mark.parametrize(
    "option", [{"explain": True}, {"data": ["walk.npy"]}, {"sample_rate": 16000}, {"tolerance": 0.0}]
)
def test_options_of_a_verification_are_not_ignored_without_one(tmp_path: Path, option: dict[str, Any]) -> None:
    path = write_onnx(network(), "NCW", tmp_path / "model.onnx")
    named = f"--{next(iter(option))}".replace("_", "-")
    with pytest.raises(ovprep.OptionError, match=f"^{named} is for the verification: leave it out, or --no-verify\\.$"):
        ovprep.convert(path, tmp_path / "out", verify=False, **option)
