"""Inputs that are fixed to a number: gone from the interface, and known to the original's runner."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

import ovprep
from ovprep.errors import OptionError
from ovprep.frontends.open import read_model
from ovprep.options import InputValue, ReadOptions
from ovprep.workers.contender import Contender
from ovprep.workers.process import Worker
from tests.graphs import FEW_ULP, difference, run

TEXT = """
    <ir_version: 8, opset_import: ["": 17]>
    test (int64 mode, float[N, 3, 9] x, float[2] gains) => (float[N, 3, 9] y)
    <int64 eight = {8}, float[3, 3, 1] w = {1, 2, 3, 4, 5, 6, 7, 8, 10}> {
        low = Equal(mode, eight)
        z = If (low) < then_branch = t () => (float[N, 3, 9] a) { a = Conv(x, w) },
                       else_branch = e () => (float[N, 3, 9] b) { b = Relu(x) } >
        gain = ReduceSum <keepdims = 0> (gains)
        y = Mul(z, gain)
    }
"""


def save(folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save(onnx.parser.parse_model(TEXT), path)
    return path


def options(**values: float) -> ReadOptions:
    return ReadOptions(values=tuple(InputValue(name, number) for name, number in values.items()))


@pytest.mark.parametrize("mode", [8, 16])
def test_the_model_computes_as_with_these_inputs(mode: int, tmp_path: Path) -> None:
    path = save(tmp_path)
    source = read_model(path, options(mode=mode, gains=1.25))
    x = np.random.default_rng(0).normal(size=(2, 3, 9)).astype(np.float32)
    gains = np.full(2, 1.25, np.float32)
    wanted = run(onnx.load(path), {"mode": np.array(mode), "x": x, "gains": gains})[0]
    assert [port.name for port in source.interface.inputs] == ["x"]
    assert difference(run(source.graph, {"x": x})[0], wanted) <= FEW_ULP
    assert source.warnings == (f"Input 'mode' is fixed to {mode}.", "Input 'gains' is fixed to 1.25.")
    with Worker.launch(Contender("original", "onnxruntime", path, options=source.options), threads=1) as worker:
        assert worker.ready().inputs == ("x",)
        assert difference(worker.run([x])[0], wanted) <= FEW_ULP


@pytest.mark.parametrize("mode", [8, 16])
def test_the_result_is_proven_and_timed(mode: int, tmp_path: Path) -> None:
    """Against the original, and OpenVINO's direct conversion, which have all of the inputs."""
    done = ovprep.convert(save(tmp_path), tmp_path / "out", input_values={"mode": mode, "gains": 0.5}, seconds=0.2)
    assert [port.name for port in done.interface.inputs] == ["x"]
    assert done.verification is not None
    assert done.verification.passed
    assert done.benchmark is not None
    assert [one.reason for one in done.benchmark.contestants] == [None] * len(done.benchmark.contestants)
    assert ("Conv" in str(done.ops)) == (mode == 8)


REFUSED = {
    "There is no input 'rate'; the model has mode, x, gains": {"rate": 1},
    r"Input x \[batch, 3, 9\] .* has open axes, and cannot be fixed to one number": {"x": 1},
    r"Input mode \[\] int64 .*cannot be 1.5": {"mode": 1.5},
    r"Input gains \[2\] float32 .*cannot be 1e\+39": {"gains": 1e39},
    r"Input gains \[2\] float32 .*cannot be nan": {"gains": float("nan")},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_values_that_the_model_cannot_have(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=sentence) as caught:
        read_model(save(tmp_path), options(**REFUSED[sentence]))
    assert "\n" not in str(caught.value)


def test_an_input_is_left(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(
        onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> t (float[3] x) => (float[3] y) {y=Relu(x)}'),
        path,
    )
    with pytest.raises(OptionError, match="nothing is left to convert"):
        read_model(path, options(x=1))


def test_options_travel_to_other_processes() -> None:
    given = ReadOptions(values=(InputValue("sr", 16000, "int64", ()), InputValue("g", 0.5, "float32", (2, 3))))
    assert ReadOptions.unpacked(given.packed()) == given
