"""Graphs whose parameters are those of PyTorch's modules."""

import numpy as np
import onnx_ir as ir
from hypothesis import given, note, settings

from ovprep.graph.builder import Builder
from ovprep.graph.parameters import LAYER, parameters_of
from ovprep.options import InterfaceOptions
from ovprep.passes.parameters import name_parameters, note_layers, write_linears
from ovprep.passes.pipeline import TORCH, normalize
from tests.graphs import FEW_ULP, GraphBuilder, check, difference, feeds_of, listing, run
from tests.passes.support import TOLERANCE, applied, ops_of
from tests.random_models import random_models


@settings(max_examples=40)
@given(random_models())
def test_random_models_compute_the_same(model: ir.Model) -> None:
    note(listing(model))
    feeds = feeds_of(model, signed=True)
    wanted = run(model, feeds)
    normalize(model, InterfaceOptions(layout="keep"), after_each=lambda name, left: check(left), purpose=TORCH)
    for found, expected in zip(run(model, feeds), wanted, strict=True):
        assert difference(found, expected) <= TOLERANCE


def initialisers(build: GraphBuilder) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape or ()) for name, value in build.graph.initializers.items()}


def test_a_dense_gets_upright_weights_and_its_bias() -> None:
    build = GraphBuilder()
    build.scope = "head/dense-1"
    y = build.op("MatMul", build.input("x", "batch", 4), build.weights(4, 4, name="kernel"))
    build.output(build.op("Add", y, build.weights(1, 4, name="bias")), "y")
    assert applied(note_layers, build.model) is None
    assert applied(write_linears, build.model, FEW_ULP) is not None
    applied(name_parameters, build.model)
    assert ops_of(build.model) == ["Gemm"]
    assert initialisers(build) == {"head.dense_1.weight": (4, 4), "head.dense_1.bias": (4,)}


def test_a_gemm_gets_upright_weights_and_keeps_its_factor() -> None:
    build = GraphBuilder()
    x, w, b = build.input("x", "batch", 4), build.weights(4, 4, name="fc.weight"), build.weights(4, name="fc.bias")
    build.output(build.op("Gemm", x, w, b, alpha=0.5, beta=2.0), "y")
    applied(write_linears, build.model, FEW_ULP)
    applied(name_parameters, build.model)
    assert list(initialisers(build)) == ["fc.weight", "fc.bias"]
    np.testing.assert_array_equal(build.graph.initializers["fc.weight"].const_value.numpy(), w.const_value.numpy().T)


def test_a_bias_that_another_reads_or_that_is_none_stays() -> None:
    """One number for each step of as many steps as features is no bias."""
    build = GraphBuilder()
    y = build.op("MatMul", build.input("x", "batch", 4, 4), build.weights(4, 4))
    build.output(build.op("Add", y, build.weights(1, 4, 1)), "y")
    z = build.op("MatMul", build.input("z", "batch", 4), build.weights(4, 4))
    build.output(build.op("Add", z, build.weights(4)), "w")
    build.output(build.op("Relu", z), "v")
    note_layers(build.model)
    applied(write_linears, build.model, FEW_ULP)
    assert sorted(ops_of(build.model)) == ["Add", "Add", "Gemm", "MatMul", "Relu"]
    assert not any(LAYER in node.metadata_props for node in build.graph if node.op_type == "Add")


def test_a_group_norm_of_pytorch_is_one() -> None:
    """As its exporters write it: what is left of the InstanceNormalization is no parameter."""
    build = GraphBuilder()
    y = build.op("Reshape", build.input("x", "batch", 4, 6), build.ints(0, 2, 12))
    y = build.op("InstanceNormalization", y, build.constant(np.ones(2, np.float32)), build.weights(2))
    y = build.op("Reshape", y, build.ints(0, 4, 6))
    scale = build.weights(4, 1, name="scale")
    build.output(build.op("Add", build.op("Mul", y, scale), build.weights(4, 1, name="shift")), "y")
    normalize(build.model, InterfaceOptions(layout="ncw"), purpose=TORCH)
    (node,) = build.graph
    assert node.op_type == "GroupNormalization"
    parameters = parameters_of(node)
    assert {name: array.shape for name, array in parameters.items()} == {"weight": (4,), "bias": (4,)}
    np.testing.assert_array_equal(parameters["weight"], np.ravel(scale.const_value.numpy()))


def test_layers_of_one_name_are_told_apart_by_their_parameters() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 4, 9)
    first, second = (build.weights(4, 4, 1, name="conv/kernel") for _ in range(2))
    again = Builder(build.graph).constant(first.const_value.numpy(), "conv/kernel")
    for kernel in (first, second, again):
        x = build.op("Conv", x, kernel)
    build.output(x, "y")
    applied(note_layers, build.model)
    applied(name_parameters, build.model)
    assert initialisers(build) == {"conv.weight": (4, 4, 1), "conv_1.weight": (4, 4, 1)}
    assert [node.inputs[1].name for node in build.graph] == ["conv.weight", "conv_1.weight", "conv.weight"]
