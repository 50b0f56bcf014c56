"""What files may hold besides ops and weights: functions, names, types, and outputs that no op makes."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper

from ovprep.emit.openvino import to_openvino
from ovprep.errors import UnsupportedError
from ovprep.frontends.onnx import graph_of, read_onnx
from tests.graphs import check, run
from tests.passes.support import normalized

WEIGHTS = "float[3, 3, 1] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float[3, 1] k = {1, 2, 3}"


def proto_of(
    body: str, inputs: str = "float[N, 3, 9] x", outputs: str = "float[N, 3, 9] y", domains: str = "", more: str = ""
) -> onnx.ModelProto:
    head = f'<ir_version: 8, opset_import: ["": 18{domains}]> test ({inputs}) => ({outputs}) <{WEIGHTS}>'
    return onnx.parser.parse_model(f"{head} {{ {body} }} {more}")


INNER = """<opset_import: ["": 18], domain: "a"> inner <m: float = 3.0> (p) => (q) {
    t = Constant <value_float: float = @m>() q = Mul(p, t) }"""
OUTER = """<opset_import: ["": 18, "a": 1], domain: "b"> outer <s: float = 5.0> (p) => (q) {
    r = a.inner <m: float = @s> (p) q = Relu(r) }"""
OLD = """<opset_import: ["": 17], domain: "a"> old (p) => (q) { q = Softmax <axis = 1> (p) }"""
FUNCTIONS = {
    "an attribute left to its default": ("y = a.inner(x)", INNER),
    "an attribute": ("y = a.inner<m = 0.5>(x)", INNER),
    "a function in a function": ("h = b.outer(x) y = b.outer<s = -2.0>(h)", INNER + OUTER),
    "one of another opset": ("h = a.old(x) y = Add(h, x)", OLD),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_written_out(name: str) -> None:
    body, functions = FUNCTIONS[name]
    domains = ', "a": 1, "b": 1'
    proto = proto_of(body, domains=domains, more=functions)
    feeds = {"x": np.random.default_rng(0).normal(size=(2, 3, 9)).astype(np.float32)}
    wanted = run(proto, feeds)[0]
    model = graph_of(proto, Path("model.onnx"))
    check(model)
    assert {node.domain for node in model.graph} == {""}
    np.testing.assert_allclose(run(model, feeds)[0], wanted, rtol=1e-6)


Y, X = "float[N, 3, 9] y", "float[N, 3, 9] x"
INTERFACES = {
    "an input that no op takes": proto_of("y = Conv(x, w)", f"{X}, float[N, 2] unused"),
    "an output that is an input": proto_of("y = Conv(x, w)", outputs=f"{Y}, {X}"),
    "an output that is a weight": proto_of("y = Conv(x, w)", outputs=f"{Y}, float[3, 1] k"),
    "an output that is a constant": proto_of(
        "y = Conv(x, w) c = Constant <value = float[2] {1, 2}> ()", outputs=f"{Y}, float[2] c"
    ),
    "two outputs of one value": proto_of("y = Conv(x, w) z = Identity(y)", outputs=f"{Y}, float[N, 3, 9] z"),
    "one output twice": proto_of("y = Conv(x, w)", outputs=f"{Y}, {Y}"),
    "nothing between input and output": proto_of("y = Identity(x)"),
}


@pytest.mark.parametrize("name", INTERFACES)
def test_interfaces(name: str) -> None:
    """Each pass leaves what ONNX Runtime computes, and OpenVINO has all inputs and outputs, in order."""
    proto = onnx.ModelProto.FromString(INTERFACES[name].SerializeToString())
    model = graph_of(proto, Path("model.onnx"))
    done = normalized(model)
    made = to_openvino(model, done.interface)
    assert [port.get_any_name() for port in made.inputs] == [port.name for port in done.interface.inputs]
    assert len(made.outputs) == len(done.interface.outputs)


def test_domain_that_is_spelled_out() -> None:
    proto = proto_of("h = Conv(x, w) y = Relu(h)")
    wanted = run(proto, {"x": np.ones((1, 3, 9), np.float32)})[0]
    for entry in (*proto.opset_import, *proto.graph.node):
        entry.domain = "ai.onnx"
    model = graph_of(proto, Path("model.onnx"))
    np.testing.assert_array_equal(run(model, {"x": np.ones((1, 3, 9), np.float32)})[0], wanted)


def test_names_that_are_missing_or_given_twice() -> None:
    """Nodes in branches among them."""
    proto = proto_of(
        """c = Constant <value = bool {1}> ()
           h = If (c) < then_branch = t () => (float[N, 3, 9] a) { a = Relu(x) },
                        else_branch = e () => (float[N, 3, 9] b) { b = Neg(x) } >
           i = Abs(h) y = Neg(i)"""
    )
    proto.graph.name = ""
    for node in proto.graph.node:
        node.name = "same" if node.op_type in ("If", "Abs") else ""
    for attribute in proto.graph.node[1].attribute:
        attribute.g.node[0].name = "same"
    model = graph_of(proto, Path("model.onnx"))
    names = [node.name for node in model.graph.all_nodes()]
    assert len(set(names)) == len(names) == 5
    assert all(names)
    check(model)
    run(model, {"x": np.ones((1, 3, 9), np.float32)})


REFUSED = {
    "a sequence": (proto_of("y = SequenceAt(x, i)", "seq(float[N, 3, 9]) x, int64 i"), "'x' of the type sequence"),
    "an optional": (proto_of("y = OptionalGetElement(x)", "optional(float[N, 3, 9]) x"), "'x' of the type optional"),
    "a sequence that comes out": (
        proto_of("y = SplitToSequence <axis = 1> (x)", outputs="seq(float[N, 1, 9]) y"),
        "'y' of the type sequence",
    ),
    "text": (proto_of("y = Cast <to = 1> (x)", "string[N, 3, 9] x"), "computes with text, as in 'x'"),
    "text inside": (proto_of("h = Cast <to = 8> (x) y = Cast <to = 1> (h)"), "computes with text, as in 'h'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_types_that_are_no_numbers(name: str, tmp_path: Path) -> None:
    proto, sentence = REFUSED[name]
    path = tmp_path / "model.onnx"
    onnx.save(proto, path)
    with pytest.raises(UnsupportedError, match=sentence) as caught:
        read_onnx(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_floats_stay_as_they_are(kind: int) -> None:
    model = graph_of(proto_of(f"a = Cast <to = {kind}> (x) b = Tanh(a) y = Cast <to = 1> (b)"), Path("model.onnx"))
    normalized(model)
    assert [node.outputs[0].dtype for node in model.graph if node.op_type == "Tanh"] == [kind]


def test_a_negative_size_is_an_open_one() -> None:
    proto = proto_of("y = Conv(x, w)")
    for value in (*proto.graph.input, *proto.graph.output):
        for axis in (0, 2):
            value.type.tensor_type.shape.dim[axis].dim_value = -1
    model = graph_of(proto, Path("negative.onnx"))
    assert [str(dim) for dim in model.graph.inputs[0].shape or ()] == ["batch", "3", "x_2"]


def test_a_cast_to_the_type_of_another_value(tmp_path: Path) -> None:
    """PyTorch's exporter writes a mean this way where it does not optimise."""
    nodes = [helper.make_node("CastLike", ["x", "like"], ["y"])]
    like = helper.make_tensor("like", TensorProto.FLOAT, [1], [1.0])
    x = helper.make_tensor_value_info("x", TensorProto.INT64, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph(nodes, "casts", [x], [y], [like])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path / "m.onnx")
    source = read_onnx(tmp_path / "m.onnx")
    assert [(node.op_type, node.attributes.get_int("to")) for node in source.graph.graph] == [
        ("Cast", TensorProto.FLOAT)
    ]
    check(source.graph)
