"""Building, naming and editing graphs."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ovprep.errors import UnsupportedError
from ovprep.graph.builder import Builder, infer_outputs
from ovprep.graph.constants import array_of, int_of, ints_of, is_constant, nonfinite_weights
from ovprep.graph.edit import remove_unused, replace_value
from ovprep.graph.interface import interface_of, port_of
from ovprep.graph.names import unique_name
from ovprep.graph.shapes import bytes_of, dims_of, rank_of
from ovprep.graph.sizes import with_sizes
from tests.graphs import GraphBuilder, check, listing


def test_names_come_from_the_scope_and_are_unique() -> None:
    build = GraphBuilder()
    build.scope = "block"
    x = build.op("Relu", build.op("Relu", build.input("x", 2, 4)))
    build.output(build.op("Add", x, build.weights(4)), "y")
    assert [node.name for node in build.graph] == ["block/Relu", "block/Relu_1", "block/Add"]
    assert list(build.graph.initializers) == ["block/weights"]


def test_names_of_a_graph_that_came_from_elsewhere_are_taken() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", 2, 4)), "y")
    copy = build.model.clone()
    assert [unique_name(copy.graph, name) for name in ("x", "y", "Relu", "z", "z")] == [
        "x_1",
        "y_1",
        "Relu_1",
        "z",
        "z_1",
    ]
    assert unique_name(build.graph, "z") == "z"


def test_insertion_before_and_after() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4))
    build.output(build.op("Tanh", x), "y")
    relu = build.graph[0]
    after = Builder(build.graph, after=relu)
    after.op("Sigmoid", after.op("Neg", x))
    Builder(build.graph, before=relu).op("Exp", build.graph.inputs[0])
    assert [node.op_type for node in build.graph] == ["Exp", "Relu", "Neg", "Sigmoid", "Tanh"]


def test_shapes_follow_constants() -> None:
    build = GraphBuilder()
    x = build.op("Reshape", build.input("x", "batch", 4, 6), build.ints(0, -1))
    assert [str(dim) for dim in x.shape or ()] == ["batch", "24"]
    with pytest.raises(onnx.shape_inference.InferenceError):
        build.op("MatMul", build.input("z", 2, 4), build.weights(3, 3))


@pytest.mark.parametrize("op_type", ["GroupNormalization", "MeanVarianceNormalization"])
def test_shapes_of_ops_that_are_functions(op_type: str) -> None:
    build = GraphBuilder()
    numbers = [build.weights(4), build.weights(4)] if op_type == "GroupNormalization" else []
    groups = 2 if numbers else None
    assert dims_of(build.op(op_type, build.input("x", "batch", 4, 6), *numbers, num_groups=groups)) == (None, 4, 6)


def test_unknown_ops_keep_unknown_outputs() -> None:
    node = ir.node("Mystery", [], domain="com.example", num_outputs=1)
    infer_outputs(node, {"": 21, "com.example": 1})
    assert rank_of(node.outputs[0]) is None
    with pytest.raises(ValueError, match="has no known rank"):
        dims_of(node.outputs[0])


def test_replacing_an_output_twice_keeps_names_unique() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4))
    build.output(x, "y")
    for op_type in ("Neg", "Exp"):
        old = build.graph.outputs[0]
        new = build.op(op_type, old)
        replace_value(build.graph, old, new, keep=new.producer())
    check(build.model)
    assert build.graph.outputs[0].name == "y"
    assert [node.op_type for node in build.graph] == ["Relu", "Neg", "Exp"]


def test_unused_ops_and_initialisers_are_removed() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4)
    build.op("Add", build.op("Relu", x), build.weights(4))
    build.output(build.op("Neg", x), "y")
    build.graph.outputs.append(build.constant(np.ones(3, np.float32), "kept"))
    assert remove_unused(build.graph) == 2
    assert list(build.graph.initializers) == ["kept"]


def test_constants_are_what_nobody_can_replace() -> None:
    build = GraphBuilder()
    weights, x = build.weights(4), build.input("x", 2, 4)
    y = build.op("Add", x, weights)
    assert is_constant(weights)
    assert not any(is_constant(value) for value in (None, x, y))
    assert array_of(y) is None
    build.graph.inputs.append(weights)
    assert array_of(weights) is None
    assert not is_constant(weights)


def test_integers_as_attribute_or_input() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4, 4)
    reduced = build.op("ReduceMax", x, build.ints(1, -1), keepdims=0).producer()
    softmax = build.op("Softmax", x, axis=1).producer()
    assert reduced is not None
    assert softmax is not None
    assert (ints_of(reduced, "axes", 1), ints_of(reduced, "axes"), ints_of(reduced, "axes", 5)) == ((1, -1), None, None)
    assert (ints_of(softmax, "axis"), int_of(softmax, "axis", -1), int_of(softmax, "other", 7)) == ((1,), 1, 7)
    assert ints_of(reduced, "axes", 0) is None


def test_weights_that_are_no_numbers_are_named() -> None:
    build = GraphBuilder()
    build.op("Add", build.input("x", 2), build.constant(np.array([1, np.nan], np.float32), "bad"))
    build.op("Add", build.input("z", 2), build.constant(np.array([np.inf, 1], np.float32), "worse"))
    build.weights(2)
    build.ints(3)
    assert nonfinite_weights(build.model) == ["bad", "worse"]


def test_sizes_of_open_axes() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, "time")
    build.output(build.op("Conv", x, build.weights(2, 4, 3), strides=(2,)), "y")
    fixed = with_sizes(build.model, {"batch": 3, "time": 9})
    assert listing(fixed) == "Conv: Conv([3, 4, 9]) -> [3, 2, 4]"
    assert [str(port) for port in interface_of(build.model).inputs] == ["x [batch, 4, time] float32 ???"]
    assert bytes_of(x) == 4 * 1000 * 4
    with pytest.raises(KeyError):
        with_sizes(build.model, {"batch": 3})


def test_a_port_needs_a_shape() -> None:
    with pytest.raises(UnsupportedError, match="does not say what shape 'x' has"):
        port_of(ir.val("x", dtype=ir.DataType.FLOAT))
