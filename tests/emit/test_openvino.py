"""OpenVINO IR: names, layouts, weights as they are, and what a refusal says."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import openvino
import pytest

from ovprep.emit.openvino import count_ops, save_ir, to_openvino
from ovprep.errors import UnsupportedError
from ovprep.layout.letters import infer_interface
from tests.graphs import FEW_ULP, GraphBuilder, difference, feeds_of, run


def small_model() -> ir.Model:
    build = GraphBuilder()
    x = build.op("Conv", build.input("signal", "batch", 4, 9), build.weights(3, 4, 3), build.weights(3), pads=(2, 0))
    build.output(x, "features")
    flat = build.op("Reshape", build.op("Relu", x), build.ints(0, -1))
    build.output(build.op("Add", build.op("MatMul", flat, build.weights(27, 5)), build.weights(5)), "classes")
    return build.model


def test_names_layouts_and_open_batch() -> None:
    model = small_model()
    emitted = to_openvino(model, infer_interface(model))
    ports = [*emitted.inputs, *emitted.outputs]
    assert [port.get_names() for port in ports] == [{"signal"}, {"features"}, {"classes"}]
    assert [str(port.partial_shape) for port in ports] == ["[?,4,9]", "[?,3,9]", "[?,5]"]
    layouts = [node.get_layout() for node in (*emitted.get_parameters(), *emitted.get_results())]
    assert layouts == [openvino.Layout(letters) for letters in ("NCW", "NCW", "NC")]
    assert emitted.get_parameters()[0].get_friendly_name() == "signal"


def test_native_ops_without_what_the_frontend_adds() -> None:
    model = small_model()
    assert count_ops(to_openvino(model, infer_interface(model))) == {
        "Add": 2,
        "Convolution": 1,
        "MatMul": 1,
        "Relu": 1,
        "Reshape": 1,
    }


def test_unknown_axes_and_scalars() -> None:
    build = GraphBuilder()
    build.output(build.op("Mul", build.input("x", 2, 4, 4), build.input("gain")), "y")
    emitted = to_openvino(build.model, infer_interface(build.model))
    layouts = [node.get_layout() for node in (*emitted.get_parameters(), *emitted.get_results())]
    assert layouts == [openvino.Layout("???"), openvino.Layout("..."), openvino.Layout("???")]


def test_saved_weights_are_float32(tmp_path: Path) -> None:
    model = small_model()
    save_ir(to_openvino(model, infer_interface(model)), tmp_path, {"version": "1.2.3"})
    core = openvino.Core()
    read = core.read_model(tmp_path / "model.xml")
    assert read.get_rt_info(["ovprep", "version"]).astype(str) == "1.2.3"
    constants = [op for op in read.get_ordered_ops() if op.get_type_name() == "Constant"]
    assert {str(op.get_element_type()) for op in constants} <= {"<Type: 'float32'>", "<Type: 'int64_t'>"}
    feeds = feeds_of(model)
    found = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feeds)
    for name, wanted in zip(("features", "classes"), run(model, feeds), strict=True):
        assert difference(np.asarray(found[name]), wanted) <= FEW_ULP


def test_dense_weights_are_stored_as_they_are_multiplied_by() -> None:
    """A Transpose of constants in the compiled model would keep them twice. One Dense shares the other's weights."""
    build = GraphBuilder()
    weights = build.weights(4, 4)
    x = build.op("Relu", build.op("MatMul", build.input("x", "batch", 7, 4), weights))
    x = build.op("MatMul", build.op("MatMul", x, weights), build.weights(4, 3))
    build.output(build.op("MatMul", build.weights(2, 7), x), "y")
    emitted = to_openvino(build.model, infer_interface(build.model))
    compiled = openvino.Core().compile_model(emitted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [str(node.get_rt_info()["layerType"].astype(str)) for node in compiled.get_runtime_model().get_ops()]
    assert kinds.count("FullyConnected") == 3
    assert "Transpose" not in kinds
    feeds = feeds_of(build.model)
    assert difference(np.asarray(compiled(feeds)["y"]), run(build.model, feeds)[0]) <= 32 * FEW_ULP


def test_a_refusal_names_the_op() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", 2, 4)), "y")
    build.graph[0].op_type = "DeformConv"
    sentence = "OpenVINO cannot convert this model: No conversion rule found for operations: DeformConv-21."
    with pytest.raises(UnsupportedError, match=f"^{sentence}$"):
        to_openvino(build.model, infer_interface(build.model))


def test_an_input_that_nothing_takes_stays_an_input() -> None:
    """OpenVINO leaves it out, and with it the place of the others."""
    build = GraphBuilder()
    build.input("unused", "batch", 7)
    x = build.input("x", "batch", 4)
    build.output(build.op("Relu", x), "y")
    model = to_openvino(build.model, infer_interface(build.model))
    assert [port.get_any_name() for port in model.inputs] == ["unused", "x"]
    values = np.array([[-1, 2, -3, 4]], np.float32)
    found = openvino.Core().compile_model(model, "CPU")([np.zeros((1, 7), np.float32), values])[0]
    np.testing.assert_array_equal(found, values.clip(0))
