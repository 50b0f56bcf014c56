"""What must not change a result: each check fails under the mutation that it is there for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import openvino
import pytest
from openvino import opset13
from openvino.op.util import Variable, VariableInfo

from ovprep.interface import Dim, Interface, Port
from ovprep.proof import Verification, verify
from ovprep.proof.invariances import Check
from ovprep.workers import Contender
from tests.graphs import GraphBuilder

LENGTH, CHANNELS, FILTERS, CLASSES = 256, 3, 8, 4

Step = Callable[[GraphBuilder, ir.Value], ir.Value]
"""A part of a network that a test puts another for."""


def same(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return x


def sequence(middle: Step = same, batch: Dim = "batch", time: Dim = LENGTH) -> ir.Model:
    """x [batch, 3, time] -> Conv -> the step -> Relu -> Conv -> y [batch, 8, time]."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", batch, CHANNELS, time), build.weights(FILTERS, CHANNELS, 5), pads=[2, 2])
    x = build.op("Relu", middle(build, x))
    x = build.op("Conv", x, build.constant(build.rng.standard_normal((FILTERS, FILTERS, 3)).astype(np.float32), "k"),
                 pads=[1, 1])  # fmt: skip
    build.output(x, "y")
    return build.model


def classes(head: Step, time: Dim = LENGTH) -> ir.Model:
    """x [batch, 3, time] -> Conv -> Relu -> the head [batch, 8] -> y."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", CHANNELS, time), build.weights(FILTERS, CHANNELS, 5), pads=[2, 2])
    build.output(head(build, build.op("Relu", x)), "y")
    return build.model


def interface(model: ir.Model) -> Interface:
    def port(value: ir.Value) -> Port:
        assert value.shape is not None
        dims = tuple(dim if isinstance(dim, int) else str(dim.value) for dim in value.shape)
        return Port(str(value.name), "float32", dims, "NCW"[: len(dims)])

    return Interface(tuple(map(port, model.graph.inputs)), tuple(map(port, model.graph.outputs)))


def judged(model: ir.Model, candidate: ir.Model | openvino.Model, folder: Path, **sizes: int) -> Verification:
    """The model in ONNX Runtime against the candidate in OpenVINO."""
    onnx.save(ir.to_proto(model), folder / "original.onnx")
    if isinstance(candidate, ir.Model):
        onnx.save(ir.to_proto(candidate), folder / "candidate.onnx")
        candidate = openvino.Core().read_model(folder / "candidate.onnx")
    openvino.save_model(candidate, folder / "candidate.xml", compress_to_fp16=False)
    port = interface(model)
    contender = Contender("original", "onnxruntime", folder / "original.onnx")
    return verify(
        contender, folder / "candidate.xml", model, port, port, sizes={"batch": 1, **sizes}, seed=0, threads=1
    )


def check_of(found: Verification, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


def test_all_of_them_hold_for_the_right_ir(tmp_path: Path) -> None:
    found = judged(sequence(), sequence(), tmp_path)
    assert found.passed, found.notes
    assert {check.name: check.passed for check in found.checks} == {"batch": True, "repeat": True, "shift": True}


def blurred(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """Each item with what it differs by from the mean of the batch: itself where it is alone."""
    mean = build.op("ReduceMean", x, build.ints(0, name="axes"), keepdims=1)
    return build.op("Add", x, build.op("Sub", x, mean))


def test_an_ir_that_mixes_items(tmp_path: Path) -> None:
    found = judged(sequence(), sequence(blurred), tmp_path)
    check = check_of(found, "batch")
    assert not found.passed
    assert check.passed is False
    assert check.found.startswith("Among 8 items, output y differs by ")
    assert check.found in found.notes


def test_an_original_that_mixes_items_is_compared_as_it_is(tmp_path: Path) -> None:
    found = judged(sequence(blurred), sequence(blurred), tmp_path)
    assert found.passed, found.notes
    assert check_of(found, "batch").passed is None


@pytest.mark.parametrize(("step", "passed"), [(same, True), (blurred, False)])
def test_an_ir_of_one_item_is_tried_with_several(step: Step, passed: bool, tmp_path: Path) -> None:
    """As delivered it is right; whoever reshapes it must know."""
    found = judged(sequence(batch=1), sequence(step, batch=1), tmp_path)
    check = check_of(found, "batch")
    assert found.passed
    assert check.passed is passed
    assert ("Keep it." in check.found) is not passed


def test_an_ir_that_keeps_something_from_one_call_to_the_next(tmp_path: Path) -> None:
    onnx.save(ir.to_proto(sequence(batch=1)), tmp_path / "model.onnx")
    model = openvino.Core().read_model(tmp_path / "model.onnx")
    about = VariableInfo()
    about.variable_id, about.data_type, about.data_shape = "sum", openvino.Type.f32, openvino.PartialShape([1, 1, 1])
    variable = Variable(about)
    state = opset13.read_value(opset13.constant(np.zeros((1, 1, 1), np.float32)), variable)
    result = model.get_results()[0]
    given = result.input_value(0)
    kept = opset13.assign(opset13.add(state, opset13.constant(np.full((1, 1, 1), 1e-3, np.float32))), variable)
    output = opset13.result(opset13.add(given, state))
    output.output(0).get_tensor().set_names({"y"})
    found = judged(sequence(batch=1), openvino.Model([output], [kept], model.get_parameters()), tmp_path)
    check = check_of(found, "repeat")
    assert check.passed is False
    assert "keeps something of earlier calls" in check.found
    assert not found.passed


def tilted(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """A little more at every step."""
    return build.op("Add", x, build.constant(1e-2 * np.arange(LENGTH, dtype=np.float32)[None, None], "ramp"))


def test_an_ir_whose_result_depends_on_the_position(tmp_path: Path) -> None:
    found = judged(sequence(), sequence(tilted), tmp_path)
    check = check_of(found, "shift")
    assert check.passed is False
    assert check.found.startswith("An input 64 samples later does not give the same later at output y: it differs by")


def test_an_original_that_depends_on_the_position_is_not_shifted(tmp_path: Path) -> None:
    found = judged(sequence(tilted), sequence(tilted), tmp_path)
    assert found.passed
    assert check_of(found, "shift").passed is None


def averaged(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return build.op("ReduceMean", x, build.ints(2, name="axes"), keepdims=0)


def averaged_for_one_length(build: GraphBuilder, x: ir.Value) -> ir.Value:
    total = build.op("ReduceSum", x, build.ints(2, name="axes"), keepdims=0)
    return build.op("Mul", total, build.constant(np.full((1, 1), 1 / LENGTH, np.float32), "share"))


@pytest.mark.parametrize(("head", "passed"), [(averaged, True), (averaged_for_one_length, False)])
def test_an_ir_that_is_right_at_one_length_alone(head: Step, passed: bool, tmp_path: Path) -> None:
    found = judged(classes(averaged, time="time"), classes(head, time="time"), tmp_path, time=LENGTH)
    other = [row for row in found.rows if row.signal == "noise, time 193" and row.tolerance is not None]
    assert other
    assert {row.passed for row in other} == {passed}
    assert found.passed is passed
    assert all(row.passed for row in found.rows if row.signal == "noise" and row.precision == "f32")


def saturated(gain: float) -> Step:
    def head(build: GraphBuilder, x: ir.Value) -> ir.Value:
        logits = build.op("MatMul", averaged(build, x), build.constant(
            np.random.default_rng(1).standard_normal((FILTERS, CLASSES)).astype(np.float32), "dense"))  # fmt: skip
        return build.op("Softmax", build.op("Mul", logits, build.constant(np.full((1, 1), gain, np.float32), "gain")))

    return head


@pytest.mark.parametrize(("gain", "passed"), [(1e5, True), (1.1e5, False)])
def test_an_error_of_a_tenth_behind_a_saturated_softmax(gain: float, passed: bool, tmp_path: Path) -> None:
    found = judged(classes(saturated(1e5)), classes(saturated(gain)), tmp_path)
    outer = [row for row in found.rows if row.output == "y" and row.signal == "noise" and row.precision == "f32"]
    assert all(row.passed for row in outer)
    inner = {row.passed for row in found.rows if row.output == "y before Softmax" and row.signal == "noise"}
    assert inner == {passed}
    assert found.passed is passed
    if not passed:
        assert "'y before Softmax' differs by" in found.failure()


def standardised(build: GraphBuilder, x: ir.Value) -> ir.Value:
    """Without its mean, divided by its deviation; constant, nothing but rounding is left of it."""
    axes = build.ints(2, name="axes")
    centred = build.op("Sub", x, build.op("ReduceMean", x, axes, keepdims=1))
    power = build.op("ReduceMean", build.op("Mul", centred, centred), axes, keepdims=1)
    least = build.constant(np.full((1, 1, 1), 1e-30, np.float32), "least")
    return build.op("Div", centred, build.op("Sqrt", build.op("Add", power, least)))


def offset(build: GraphBuilder, x: ir.Value) -> ir.Value:
    return standardised(build, build.op("Add", x, build.constant(np.full((1, 1, 1), 0.1, np.float32), "offset")))


def test_what_rounding_alone_decides_is_not_judged(tmp_path: Path) -> None:
    """Silence behind an offset has a deviation of rounding errors: no two runtimes agree, nor need they."""

    def head(build: GraphBuilder, x: ir.Value) -> ir.Value:
        return build.op("ReduceMax", offset(build, x), build.ints(2, name="axes"), keepdims=0)

    found = judged(classes(head), classes(head), tmp_path)
    assert found.passed, (found.worst, found.notes)
    assert any("not judged for silence" in note for note in found.notes)
    assert all(row.passed for row in found.rows if row.signal == "noise" and row.precision == "f32")


def streaming(keep: float) -> ir.Model:
    """A sum that the caller carries: x [1, 1], state [1, 8] -> y [1, 1], next [1, 8], the state `keep` times itself."""
    build = GraphBuilder()
    x, state = build.input("x", 1, 1), build.input("state", 1, FILTERS)
    kept = build.op("Mul", state, build.constant(np.full((1, 1), keep, np.float32), "keep"))
    following = build.op("Add", build.op("Tanh", x), kept)
    build.output(build.op("ReduceMean", following, build.ints(1, name="axes"), keepdims=1), "y")
    build.output(following, "next")
    return build.model


@pytest.mark.parametrize(("keep", "passed"), [(1.0, True), (1.0 + 2.4e-7, False)])
def test_an_error_that_grows_from_call_to_call(keep: float, passed: bool, tmp_path: Path) -> None:
    """Two units in the last place are within a rounding of a single call, but not of a hundred."""
    found = judged(streaming(1.0), streaming(keep), tmp_path)
    rows = {row.output: row for row in found.rows if row.signal == "100 calls in a row" and row.precision == "f32"}
    assert set(rows) == {"y", "next"}
    assert rows["next"].passed is passed
    assert all(row.passed for row in found.rows if row.signal == "noise" and row.precision == "f32")
    assert found.passed is passed
    if not passed:
        assert "for 100 calls in a row" in found.failure()
