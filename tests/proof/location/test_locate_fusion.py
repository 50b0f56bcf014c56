"""A defect of the plugin that is there only while two ops are fused: nobody sees it who looks between them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import openvino

from ovprep.proof.location.locate import Pair, locate
from ovprep.workers import Contender
from tests.graphs import GraphBuilder


def test_both_ops_are_in_the_example(tmp_path: Path) -> None:
    """`ovprep.passes.defects.reduction`: a mean over time and a factor per channel, wrong from batch 2 on."""
    build = GraphBuilder()
    x = build.op("Relu", build.op("Conv", build.input("x", "batch", 4, 20), build.weights(8, 4, 3)))
    mean = build.op("ReduceMean", x, build.ints(2), keepdims=1)
    numbers = build.rng.normal(size=(8, 1)).astype(np.float32)
    build.output(build.op("Tanh", build.op("Mul", mean, build.constant(numbers))), "y")
    ir.save(build.model, tmp_path / "model.onnx")
    written = openvino.Core().read_model(tmp_path / "model.onnx")
    openvino.save_model(written, tmp_path / "model.xml", compress_to_fp16=False)

    example = tmp_path / "example"
    example.mkdir()
    original = Contender("original", "onnxruntime", tmp_path / "model.onnx")
    pair = Pair(build.model, build.model, original, Contender("IR", "openvino", tmp_path / "model.xml"))
    for batch, wrong in ((1, False), (3, True)):
        inputs = [np.random.default_rng(batch).normal(size=(batch, 4, 20)).astype(np.float32)]
        located = locate(pair, inputs, inputs, shapes=None, threads=1, folder=example).located
        assert (located is not None) == wrong
    assert located is not None
    assert (located.side, located.op_type) == ("IR", "Mul")
    assert located.max_abs_error > 0.01
    ops = [node.op_type for node in onnx.load(example / "op.onnx").graph.node]
    assert ops[-2:] == ["ReduceMean", "Mul"]
    assert "Tanh" not in ops
    done = subprocess.run([sys.executable, "-I", example / "run.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
