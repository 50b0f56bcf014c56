"""All passes together: whatever the graph, each leaves one that checks and computes the same."""

import os

import numpy as np
import onnx_ir as ir
from hypothesis import given, note, settings

from tests.graphs import GraphBuilder, listing
from tests.passes.support import SWAP, normalized
from tests.random_models import random_models
from tests.random_ops import MORE_STEPS

EXAMPLES = int(os.environ.get("OVPREP_EXAMPLES", "0"))
"""How many random models to try; `scripts/bench models` tries thousands."""


@settings(max_examples=EXAMPLES or 150)
@given(random_models())
def test_random_models(model: ir.Model) -> None:
    note(listing(model))
    normalized(model)


@settings(max_examples=EXAMPLES or 150)
@given(random_models(more=MORE_STEPS))
def test_random_models_of_all_ops(model: ir.Model) -> None:
    note(listing(model))
    normalized(model)


def test_channel_first_model_becomes_channel_last_outside() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 9), build.weights(4, 4, 3), pads=(1, 1))
    build.output(build.op("Relu", x), "y")
    done = normalized(build.model)
    assert [str(port) for port in (*done.interface.inputs, *done.interface.outputs)] == [
        "x [batch, 9, 4] float32 NWC",
        "y [batch, 9, 4] float32 NWC",
    ]
    assert [report.name for report in done.passes] == ["lay_out_interface"]


def test_keras_classifier_keeps_one_transpose_and_its_names() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", 8, 3)
    for name in ("c1", "c2"):
        channels = 3 if name == "c1" else 4
        build.scope = name
        x = build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(4, channels, 3), pads=(2, 0))
        x = build.op("Relu", build.op("Add", build.op("Transpose", x, perm=SWAP), build.weights(1, 1, 4)))
    build.scope = "dense"
    x = build.op("Reshape", x, build.ints(0, 32))
    build.output(build.op("MatMul", x, build.weights(32, 5)), "y")
    done = normalized(build.model)
    assert (done.layout.transposes_before, done.layout.transposes_after) == (4, 1)
    assert listing(build.model).splitlines() == [
        "c1/Transpose: Transpose([batch, 8, 3]) -> [batch, 3, 8]",
        "c1/Conv: Conv([batch, 3, 8]) -> [batch, 4, 8]",
        "c1/Relu: Relu([batch, 4, 8]) -> [batch, 4, 8]",
        "c2/Conv: Conv([batch, 4, 8]) -> [batch, 4, 8]",
        "c2/Relu: Relu([batch, 4, 8]) -> [batch, 4, 8]",
        "dense/Reshape: Reshape([batch, 4, 8]) -> [batch, 32]",
        "dense/MatMul: MatMul([batch, 32]) -> [batch, 5]",
    ]


def test_batch_norm_costs_nothing_behind_a_convolution() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 4, 9), build.weights(6, 4, 3))
    x = build.op("BatchNormalization", x, *(build.weights(6) for _ in range(4)))
    build.output(build.op("ReduceMax", build.op("Relu", x), build.ints(2), keepdims=0), "y")
    normalized(build.model)
    assert [node.op_type for node in build.graph] == ["Transpose", "Conv", "Relu", "ReduceMax"]
    assert build.graph[1].name == "Conv"


def test_one_channel_needs_no_transpose() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", "batch", "time", 1), perm=SWAP), build.weights(4, 1, 3))
    build.output(build.op("ReduceMax", x, build.ints(2), keepdims=0), "y")
    done = normalized(build.model)
    assert (done.layout.transposes_before, done.layout.transposes_after) == (1, 0)
    assert done.passes[-1].change.summary == "wrote 1 Transpose of one channel as a Reshape"


def test_moved_dense_keeps_its_name() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.op("Transpose", build.input("x", 2, 8, 4), perm=SWAP), build.weights(4, 4, 1))
    build.scope = "mixer"
    x = build.op("MatMul", build.op("Transpose", x, perm=SWAP), build.weights(4, 4))
    x = build.op("Transpose", build.op("Add", x, build.weights(4)), perm=SWAP)
    build.scope = ""
    build.output(build.op("Conv", x, build.weights(4, 4, 1)), "y")
    normalized(build.model)
    assert "mixer/MatMul: Conv([2, 4, 8]) -> [2, 4, 8]" in listing(build.model)
    assert "mixer/Add" not in listing(build.model)


def test_input_and_output_through_an_identity() -> None:
    build = GraphBuilder()
    x = build.input("x", 2, 4, 4)
    build.output(build.op("Identity", x), "same")
    build.output(build.op("Conv", x, build.weights(4, 4, 1)), "y")
    assert normalized(build.model).layout.transposes_after == 2


def test_two_outputs_of_one_value() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 4), build.weights(4, 4, 1))
    for name in ("y", "z"):
        build.output(build.op("Identity", x), name)
    normalized(build.model)
    assert [value.name for value in build.graph.outputs] == ["y", "z"]


def test_initialiser_as_an_output() -> None:
    build = GraphBuilder()
    build.output(build.op("Conv", build.input("x", 2, 4, 4), build.weights(4, 4, 1)), "y")
    build.output(build.op("Identity", build.constant(np.ones((2, 4, 4), np.float32))), "through")
    build.graph.outputs.append(build.constant(np.ones((2, 4, 4), np.float32), "table"))
    normalized(build.model)
    assert [value.name for value in build.graph.outputs] == ["y", "through", "table"]


def test_residual_of_a_transposed_branch() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 4), build.weights(4, 4, 1))
    x = build.op("Add", x, build.op("Transpose", x, perm=SWAP))
    build.output(build.op("Conv", x, build.weights(4, 4, 1)), "y")
    normalized(build.model)


def test_normalising_twice_gives_the_same_names() -> None:
    def names() -> str:
        copy = build.model.clone()
        normalized(copy)
        return listing(copy)

    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 8), build.weights(4, 4, 3), pads=(1, 1))
    x = build.op("ReduceMean", x, build.ints(2), keepdims=0)
    build.output(build.op("Mul", x, build.weights(4)), "y")
    assert names() == names()
