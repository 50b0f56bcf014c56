"""What ops and tensors come from, by their names."""

from ovprep.graph.origin import is_of_layers, layer_of, origin_of, remember_layer, remember_tap, taps_of
from tests.graphs import GraphBuilder


def graph() -> GraphBuilder:
    build = GraphBuilder()
    build.scope = "conv"
    x = build.op("Relu", build.input("x", "batch", 3, 8))
    build.scope = "conv/inner"
    build.output(build.op("Sigmoid", x), "y")
    return build


def test_nodes_are_told_by_their_place_where_there_are_no_layers() -> None:
    read = graph().graph
    assert not is_of_layers(read)
    assert origin_of("conv/Relu", read) == "'conv/Relu' (Relu, op 1 of 2)"
    assert origin_of("conv/Relu/Transpose_1", read) == "'conv/Relu' (Relu, op 1 of 2)"
    assert origin_of("conv/Rel", read) is None


def test_layers_are_told_by_the_longest_name() -> None:
    model = graph().model
    remember_layer(model.graph, "conv", "'conv' (Conv1D, layer 2)")
    remember_layer(model.graph, "conv/inner", "'conv/inner' (Dense, layer 3)")
    copy = model.clone().graph
    assert is_of_layers(copy)
    assert origin_of("conv/Conv", copy) == "layer 'conv' (Conv1D, layer 2)"
    assert origin_of("conv/inner/MatMul", copy) == "layer 'conv/inner' (Dense, layer 3)"
    assert origin_of("convolution/Conv", copy) is None


def test_tensors_keep_the_first_name_that_the_framework_has_for_them() -> None:
    model = graph().model
    remember_layer(model.graph, "lstm", "'lstm' (LSTM, layer 4)")
    value = model.graph[0].outputs[0]
    remember_tap(value, "lstm:1")
    remember_tap(value, "dropout")
    assert taps_of(model.clone().graph) == {"conv/Relu": "lstm:1"}
    assert layer_of("conv/Relu", model.graph) == "layer 'lstm' (LSTM, layer 4)"
    assert layer_of("y", model.graph) is None
