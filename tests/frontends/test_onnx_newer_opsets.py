"""Ops and options that are newer than the canonical opset, as ONNX's reference implementation runs them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.reference
import pytest
from onnx import TensorProto, helper, numpy_helper

from ovprep.frontends.onnx import graph_of
from ovprep.frontends.onnx import weights as weights_module
from ovprep.graph.builder import OPSET
from tests.graphs import FEW_ULP, Array, check, difference, run

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def proto_of(
    opset: int, op_type: str, inputs: list[str], weights: dict[str, Array], **attributes: Any
) -> onnx.ModelProto:
    """`x [N, 3, 8] -> Relu -> r`, which the op takes."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node(op_type, inputs, ["y"], **attributes)]
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "test", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


HEADS = {"q_num_heads": 2, "kv_num_heads": 2}
ANGLES = {"c": numbers(2, 3, 2), "s": numbers(2, 3, 2)}
WRITTEN_OUT: dict[str, onnx.ModelProto] = {
    "RMSNormalization": proto_of(23, "RMSNormalization", ["r", "s"], {"s": numbers(8)}),
    "RMSNormalization, large": proto_of(23, "RMSNormalization", ["r", "s"], {"s": numbers(3, 8)}, axis=1, epsilon=0.1),
    "Swish, plain": proto_of(24, "Swish", ["r"], {}),
    "Swish": proto_of(24, "Swish", ["r"], {}, alpha=2.0),
    "SwiGLU": proto_of(28, "SwiGLU", ["r", "x"], {}, alpha=1.5),
    "Attention": proto_of(23, "Attention", ["r", "x", "r"], {}, **HEADS),
    "Attention, causal": proto_of(25, "Attention", ["r", "x", "x"], {}, is_causal=1, scale=0.3, **HEADS),
    "RotaryEmbedding": proto_of(23, "RotaryEmbedding", ["r", "c", "s"], ANGLES, num_heads=2),
}


def reference(proto: onnx.ModelProto, x: Array) -> Array:
    if proto.graph.node[1].op_type == "SwiGLU":  # which the reference takes no attribute of
        r = np.maximum(x, 0)
        return r / (1 + np.exp(-1.5 * r)) * x
    return np.asarray(onnx.reference.ReferenceEvaluator(proto).run(None, {"x": x})[0])


@pytest.mark.parametrize("large", [16, 1024])
@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_newer_ops_are_written_out(name: str, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their weights set aside, too."""
    monkeypatch.setattr(weights_module, "LARGE", large)
    proto = onnx.ModelProto.FromString(WRITTEN_OUT[name].SerializeToString())
    x = numbers(2, 3, 8)
    wanted = reference(proto, x)
    model = graph_of(proto, Path("model.onnx"))
    assert model.graph.opset_imports[""] == OPSET
    assert [value.name for value in model.graph.inputs] == ["x"]
    assert [str(dim) for dim in model.graph.outputs[0].shape or ()] == ["batch", "3", "8"]
    check(model)
    assert difference(run(model, {"x": x})[0], wanted) <= 4 * FEW_ULP


KEPT: dict[str, onnx.ModelProto] = {
    "an op that nothing defines": proto_of(26, "CumProd", ["r", "axis"], {"axis": np.array(2)}),
    "an option that is newer": proto_of(24, "Cast", ["r"], {}, to=TensorProto.FLOAT, round_mode="up"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_has_no_older_form_stays(name: str) -> None:
    proto = onnx.ModelProto.FromString(KEPT[name].SerializeToString())
    opset, x = proto.opset_import[0].version, numbers(2, 3, 8)
    wanted = reference(proto, x)
    model = graph_of(proto, Path("model.onnx"))
    assert model.graph.opset_imports[""] == opset
    check(model)
    assert difference(run(model, {"x": x})[0], wanted) <= FEW_ULP


def test_an_op_in_a_branch_is_written_out() -> None:
    body = helper.make_graph(
        [helper.make_node("Swish", ["x"], ["then"])], "then", [], [helper.make_tensor_value_info("then", 1, None)]
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["else"])], "else", [], [helper.make_tensor_value_info("else", 1, None)]
    )
    proto = proto_of(24, "If", ["flag"], {"flag": np.array(True)}, then_branch=body, else_branch=other)
    x = numbers(2, 3, 8)
    wanted = x / (1 + np.exp(-x))
    model = graph_of(proto, Path("model.onnx"))
    assert model.graph.opset_imports[""] == OPSET
    assert difference(run(model, {"x": x})[0], wanted) <= FEW_ULP
