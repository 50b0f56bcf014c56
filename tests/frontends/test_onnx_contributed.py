"""Ops of ONNX Runtime's own, against ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import openvino
import pytest

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import graph_of
from ovprep.graph.interface import interface_of
from tests.graphs import FEW_ULP, check, difference, feeds_of, run


def proto_of(body: str, output: str = "batch, 3, 9", opset: int = 17) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": {opset}, "com.microsoft": 1]>
        test (float[batch, 3, 9] x) => (float[{output}] y) {{ h = Tanh(x) {body} }}
    """)
    rng = np.random.default_rng(0)
    arrays = {
        "w": rng.normal(size=(4, 3, 3)),
        "b": rng.normal(size=4),
        "q": rng.normal(size=9),
        "p": rng.normal(size=9),
        "m": rng.normal(size=(9, 4)),
        "skip": rng.normal(size=(1, 3, 9)),
        "z": rng.normal(size=(3, 4, 7)),
    }
    used = {name for node in proto.graph.node for name in node.input}
    for name in sorted(used & set(arrays)):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(arrays[name].astype(np.float32), name))
    return proto


CONV = "batch, 4, 7"
CASES: dict[str, tuple[str, str, set[str]]] = {
    "Gelu": ("y = com.microsoft.Gelu(h)", "batch, 3, 9", {"Gelu"}),
    "BiasGelu": ("y = com.microsoft.BiasGelu(h, q)", "batch, 3, 9", {"Add", "Gelu"}),
    "FastGelu": ("y = com.microsoft.FastGelu(h)", "batch, 3, 9", {"Gelu"}),
    "FastGelu with a bias": ("y = com.microsoft.FastGelu(h, q)", "batch, 3, 9", {"Add", "Gelu"}),
    "QuickGelu": ("y = com.microsoft.QuickGelu(h)", "batch, 3, 9", {"Mul", "Sigmoid"}),
    "QuickGelu of another slope": ("y = com.microsoft.QuickGelu<alpha = 0.5>(h)", "batch, 3, 9", {"Mul", "Sigmoid"}),
    "FusedConv": ('y = com.microsoft.FusedConv<activation = "Relu">(h, w)', CONV, {"Conv", "Relu"}),
    "FusedConv with a bias and a sum": (
        'y = com.microsoft.FusedConv<activation = "Tanh", kernel_shape = [3]>(h, w, b, z)',
        CONV,
        {"Conv", "Add"},
    ),
    "FusedConv with a slope": (
        'y = com.microsoft.FusedConv<activation = "LeakyRelu", activation_params = [0.3], dilations = [2],'
        " pads = [1, 1]>(h, w, b)",
        CONV,
        {"Conv", "LeakyRelu"},
    ),
    "FusedConv with a hard sigmoid": (
        'y = com.microsoft.FusedConv<activation = "HardSigmoid", activation_params = [0.3, 0.4]>(h, w)',
        CONV,
        {"Conv", "HardSigmoid"},
    ),
    "FusedGemm": (
        "f = ReduceMean<axes = [1], keepdims = 0>(h) "
        'y = com.microsoft.FusedGemm<activation = "LeakyRelu", activation_alpha = 0.2, alpha = 0.5>(f, m, b)',
        "batch, 4",
        {"ReduceMean", "Gemm", "LeakyRelu"},
    ),
    "SkipLayerNormalization": (
        "s = Sin(x) y = com.microsoft.SkipLayerNormalization<epsilon = 0.25>(h, s, q, p, q)",
        "batch, 3, 9",
        {"Sin", "Add", "LayerNormalization"},
    ),
    "SkipLayerNormalization as it is mostly": (
        "s = Sin(x) y = com.microsoft.SkipLayerNormalization(h, s, q)",
        "batch, 3, 9",
        {"Sin", "Add", "LayerNormalization"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_written_out(name: str) -> None:
    body, output, ops = CASES[name]
    proto = proto_of(body, output)
    model = graph_of(onnx.ModelProto.FromString(proto.SerializeToString()), Path("model.onnx"))
    feeds = {"x": np.random.default_rng(1).normal(size=(3, 3, 9)).astype(np.float32)}
    check(model)
    assert {node.op_type for node in model.graph} == {"Tanh", *ops}
    assert "com.microsoft" not in model.graph.opset_imports
    assert difference(run(model, feeds)[0], run(proto, feeds)[0]) <= 2 * FEW_ULP


KEPT = {
    "without a rule": "g = com.microsoft.FusedMatMul<alpha = 0.5>(h, m) y = Relu(g)",
    "with more outputs": "y, , , g = com.microsoft.SkipLayerNormalization(h, x, q) s = Relu(g)",
    "in another form": 'y = com.microsoft.FusedConv<activation = "Clip", activation_params = [0.0, 0.5]>(h, w)',
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_not_covered_stays(name: str) -> None:
    """OpenVINO may take it; where it cannot, it says which one."""
    output = {"without a rule": "batch, 3, 4", "with more outputs": "batch, 3, 9", "in another form": CONV}[name]
    proto = proto_of(KEPT[name], output)
    model = graph_of(onnx.ModelProto.FromString(proto.SerializeToString()), Path("model.onnx"))
    assert [node.domain for node in model.graph].count("com.microsoft") == 1
    feeds = feeds_of(model, signed=True)
    wanted = run(proto, feeds)[0]
    assert difference(run(model, feeds)[0], wanted) <= FEW_ULP
    if name == "without a rule":
        compiled = openvino.Core().compile_model(
            to_openvino(model, interface_of(model)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        assert difference(np.asarray(compiled([feeds["x"]])[0]), wanted) <= FEW_ULP


def test_a_domain_that_nothing_knows_is_refused_by_name() -> None:
    proto = proto_of("y = com.microsoft.Gelu(h)")
    proto.graph.node[1].domain, proto.graph.node[1].op_type = "acme", "Whirl"
    proto.opset_import.add(domain="acme", version=1)
    model = graph_of(proto, Path("model.onnx"))
    with pytest.raises(UnsupportedError, match=r"acme\.Whirl"):
        to_openvino(model, interface_of(model))
