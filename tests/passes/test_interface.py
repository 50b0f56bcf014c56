"""Inputs and outputs become channel-last."""

from ovprep.passes.interface import channel_last_interface
from tests.graphs import GraphBuilder, check, listing


def test_inputs_and_outputs_are_turned() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", "batch", 4, 8), build.weights(2, 4, 3)), "y")
    change = channel_last_interface(build.model)
    check(build.model)
    assert change is not None
    assert (change.summary, change.details) == ("made x, y channel-last (NCW to NWC)", ("x", "y"))
    assert listing(build.model).splitlines() == [
        "x/Transpose: Transpose([batch, 8, 4]) -> [batch, 4, 8]",
        "Conv: Conv([batch, 4, 8]) -> [batch, 2, 6]",
        "y/Transpose: Transpose([batch, 2, 6]) -> [batch, 6, 2]",
    ]
    assert [value.name for value in (*build.graph.inputs, *build.graph.outputs)] == ["x", "y"]


def test_what_is_channel_last_or_unknown_stays() -> None:
    build = GraphBuilder()
    build.output(build.op("MatMul", build.input("x", 2, 8, 4), build.weights(4, 4)), "y")
    build.output(build.op("Relu", build.input("u", 2, 4, 4)), "v")
    build.output(build.op("Gemm", build.input("flat", 2, 4), build.weights(4, 4)), "features")
    assert channel_last_interface(build.model) is None


def test_an_output_that_is_also_used_inside() -> None:
    build = GraphBuilder()
    inner = build.output(build.op("Conv", build.input("x", 2, 4, 8), build.weights(2, 4, 3)), "inner")
    build.output(build.op("Conv", inner, build.weights(2, 2, 3)), "y")
    channel_last_interface(build.model)
    check(build.model)
    assert build.graph[2].inputs[0] is build.graph[1].outputs[0]


def test_names_that_are_taken() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 8), build.weights(2, 4, 3))
    x.name = "y/ncw"
    build.output(build.op("Conv", x, build.weights(2, 2, 3)), "y")
    model = build.model.clone()
    channel_last_interface(model)
    check(model)
