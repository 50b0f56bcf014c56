"""An IR that keeps float32 on a device that computes in bf16 by itself."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import openvino
import pytest

from ovprep.emit.openvino import save_ir
from tests.graphs import GraphBuilder

HINT = "INFERENCE_PRECISION_HINT"


def network() -> openvino.Model:
    """Convolutions, poolings, a Dense for each step and one for the mean: x [2, 3, 64] -> y [2, 4]."""
    build = GraphBuilder()
    normal = np.random.default_rng(0).standard_normal

    def weights(name: str, *shape: int) -> ir.Value:
        return build.constant((0.3 * normal(shape)).astype(np.float32), name)

    x = build.op("Relu", build.op("Conv", build.input("x", 2, 3, 64), weights("k", 8, 3, 5)))
    x = build.op("Sigmoid", build.op("Conv", x, weights("k2", 6, 8, 5)))
    x = build.op("Transpose", build.op("MaxPool", x, kernel_shape=[2], strides=[2]), perm=[0, 2, 1])
    x = build.op("Add", build.op("MatMul", x, weights("steps", 6, 6)), weights("offset", 1, 1, 6))
    last = build.op("ReduceMean", build.op("Tanh", x), build.ints(1, name="axes"), keepdims=0)
    dense = build.op("MatMul", last, weights("dense", 6, 4))
    build.output(build.op("Add", dense, weights("bias", 1, 4)), "y")
    return openvino.Core().read_model(ir.to_proto(build.model).SerializeToString())


def result(path: Path, settings: dict[str, str]) -> np.ndarray:
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    x = np.random.default_rng(1).standard_normal((2, 3, 64)).astype(np.float32)
    return np.array(compiled(x)[0])


def test_it_computes_as_at_f32_by_default(tmp_path: Path) -> None:
    if openvino.Core().get_property("CPU", HINT).get_type_name() == "f32":
        pytest.skip("this device computes in f32 by default")
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    for folder in (plain, kept):
        folder.mkdir()
        save_ir(network(), folder, {"version": "1"}, keep_f32=folder is kept)
    exact = result(plain / "model.xml", {HINT: "f32"})
    np.testing.assert_array_equal(result(kept / "model.xml", {}), exact)
    assert np.abs(result(plain / "model.xml", {}) - exact).max() > 1e-4


def test_the_file_says_so_and_is_still_one(tmp_path: Path) -> None:
    save_ir(network(), tmp_path, {"version": "1"}, keep_f32=True)
    model = openvino.Core().read_model(tmp_path / "model.xml")
    assert model.get_rt_info(["runtime_options", HINT]).value == "f32"
    assert model.get_rt_info(["ovprep", "version"]).value == "1"
    openvino.save_model(model, tmp_path / "again.xml", compress_to_fp16=False)  # the marks survive
    np.testing.assert_array_equal(result(tmp_path / "again.xml", {}), result(tmp_path / "model.xml", {HINT: "f32"}))
