"""The whole body is lifted, or nothing is."""

import os

import numpy as np
import onnx_ir as ir
import openvino
import pytest
from hypothesis import given, note, settings

from ovprep.graph.shapes import rank_of
from ovprep.passes.change import Change
from ovprep.passes.defects.table import avoid_defects
from ovprep.passes.pipeline import normalize
from ovprep.passes.rank.body import NCHW, NHWC
from ovprep.passes.rank.lift import lift_to_rank_4, reason_to_lift, swapped
from tests.graphs import FEW_ULP, Array, GraphBuilder, difference, feeds_of, listing, run
from tests.passes.rank.support import lifted
from tests.passes.support import SWAP, TOLERANCE, ops_of
from tests.random_models import random_models
from tests.random_ops import MORE_STEPS

EXAMPLES = int(os.environ.get("OVPREP_EXAMPLES", "0"))
"""How many random models to try; `scripts/bench models` tries thousands."""
SPATIAL = ("AveragePool", "Conv", "ConvTranspose", "MaxPool")


@settings(max_examples=EXAMPLES or 150)
@given(random_models(more=MORE_STEPS))
def test_random_models(model: ir.Model) -> None:
    normalize(model)
    note(listing(model))
    change = lifted(model, TOLERANCE)
    if isinstance(change, Change):
        assert {rank_of(node.inputs[0]) for node in model.graph if node.op_type in SPATIAL} <= {4}


def test_drawing() -> None:
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 9, 4), perm=SWAP)
    x = build.op("Relu", build.op("Conv", x, build.weights(5, 4, 3)))
    build.output(build.op("Transpose", x, perm=SWAP), "y")
    change = lifted(build.model, FEW_ULP)
    assert isinstance(change, Change)
    assert change.summary == "lifted 4 ops to rank 4"
    assert change.details == ("Transpose", "Conv", "Relu", "Transpose_1")
    assert [line.split(": ")[1] for line in listing(build.model).splitlines()] == [
        "Unsqueeze([batch, 9, 4]) -> [batch, 1, 9, 4]",
        "Transpose([batch, 1, 9, 4]) -> [batch, 4, 1, 9]",
        "Conv([batch, 4, 1, 9]) -> [batch, 5, 1, 7]",
        "Relu([batch, 5, 1, 7]) -> [batch, 5, 1, 7]",
        "Transpose([batch, 5, 1, 7]) -> [batch, 1, 7, 5]",
        "Squeeze([batch, 1, 7, 5]) -> [batch, 7, 5]",
    ]


@pytest.mark.parametrize(("before", "after"), [(NCHW, NCHW), (NHWC, NHWC), (NCHW, NHWC), (NHWC, NCHW)])
def test_swap_with_the_axis_in_each_place(before: int, after: int) -> None:
    x = np.arange(24).reshape(2, 3, 4)
    wide = np.expand_dims(x, before).transpose(swapped(before, after))
    assert np.array_equal(wide, np.expand_dims(x.transpose(SWAP), after))


def test_recurrence_behind_the_convolutions_stays_at_rank_3() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2))
    x = build.op("Transpose", x, perm=(2, 0, 1))
    x = build.ops("LSTM", x, build.weights(1, 16, 4), build.weights(1, 16, 4), outputs=3, hidden_size=4)[0]
    build.output(build.op("Relu", build.op("Squeeze", x, build.ints(1))), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert ops_of(build.model) == ["Unsqueeze", "Conv", "Squeeze", "Transpose", "LSTM", "Squeeze", "Relu"]


def test_what_cannot_be_lifted_ahead_of_the_convolutions_stays_at_rank_3() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.op("Gather", build.weights(7, 4), build.input("x", 2, 9, dtype=np.int64), axis=0))
    x = build.op("Conv", build.op("Transpose", x, perm=SWAP), build.weights(4, 4, 2))
    build.output(x, "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert ops_of(build.model)[-2:] == ["Conv", "Squeeze"]
    assert rank_of(build.graph[-2].inputs[0]) == 4


TURN = (1, 0, 2)
"""Steps before the batch: an order that no rule covers."""


def test_sum_behind_what_stays_at_rank_3_stays_too() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2))
    turned = build.op("Transpose", build.op("Transpose", x, perm=TURN), perm=TURN)
    build.output(build.op("Add", turned, x), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert ops_of(build.model) == ["Unsqueeze", "Conv", "Squeeze", "Transpose", "Transpose", "Add"]


def test_what_stays_at_rank_3_keeps_all_ahead_of_it() -> None:
    build = GraphBuilder()
    x = build.op("Relu", build.input("x", 2, 4, 9))
    turned = build.op("Transpose", build.op("Transpose", x, perm=TURN), perm=TURN)
    build.output(build.op("Conv", build.op("Add", turned, x), build.weights(4, 4, 2)), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert [rank_of(node.inputs[0]) for node in build.graph if node.op_type in ("Relu", "Add", "Conv")] == [3, 4, 4]


def test_recurrence_between_convolutions_keeps_all_at_rank_3() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2))
    x = build.op("Transpose", x, perm=(2, 0, 1))
    x = build.ops("LSTM", x, build.weights(1, 16, 4), build.weights(1, 16, 4), outputs=3, hidden_size=4)[0]
    x = build.op("Transpose", build.op("Squeeze", x, build.ints(1)), perm=(1, 2, 0))
    build.output(build.op("Conv", x, build.weights(4, 4, 2)), "y")
    assert lifted(build.model) == "Transpose Transpose, between convolutions, has no form at rank 4"
    assert {rank_of(node.inputs[0]) for node in build.graph if node.op_type == "Conv"} == {3}


def test_model_without_convolutions_stays() -> None:
    build = GraphBuilder()
    build.output(build.op("Relu", build.input("x", 2, 4, 9)), "y")
    assert lifted(build.model) == "it has no convolution or pooling of rank 3"


def test_model_with_branches_stays() -> None:
    build = GraphBuilder()
    build.output(build.op("MaxPool", build.input("x", 2, 4, 9), kernel_shape=(2,)), "y")
    flag = build.input("flag", dtype=np.bool_)
    branch = GraphBuilder()
    branch.output(branch.op("Relu", build.graph.inputs[0]), "branch")
    build.graph.append(ir.node("If", [flag], {"then_branch": branch.graph, "else_branch": branch.graph}, name="If"))
    assert lift_to_rank_4(build.model) == "If If holds graphs of its own"


def test_what_touches_no_convolution_stays() -> None:
    """Behind a Dense, a rank-3 Softmax would gain an axis for nothing."""
    build = GraphBuilder()
    x = build.op("Flatten", build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2)))
    x = build.op("Reshape", build.op("Gemm", x, build.weights(32, 6)), build.ints(0, 2, 3))
    build.output(build.op("Softmax", x), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert rank_of(build.graph[-1].inputs[0]) == 3


def test_value_that_is_an_output_and_used_inside() -> None:
    build = GraphBuilder()
    x = build.output(build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2)), "y")
    build.output(build.op("MaxPool", x, kernel_shape=(2,)), "z")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert ops_of(build.model) == ["Unsqueeze", "Conv", "Squeeze", "MaxPool", "Squeeze"]


def tapped(layout: str) -> GraphBuilder:
    """An output that is also what a convolution reads, channels last or first."""
    build = GraphBuilder()
    x = build.output(build.op("Mul", build.input("x", 1, 6, 5), build.weights(1, 1, 5)), "tap")
    x = build.op("Transpose", x, perm=SWAP) if layout == "nwc" else x
    build.output(build.op("Conv", x, build.weights(4, 5 if layout == "nwc" else 6, 3)), "y")
    return build


@pytest.mark.parametrize("layout", ["nwc", "ncw"])
def test_output_that_is_read_inside_too(layout: str) -> None:
    """Which the plugin gets wrong at rank 4, channels last, as the table of defects knows."""
    build = tapped(layout)
    feeds = feeds_of(build.model)
    wanted = run(build.model, feeds)
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    met = avoid_defects(build.model)
    assert bool(met) is (layout == "nwc")  # memory decides whether the plugin gets it wrong this time
    assert max(map(difference, in_openvino(build.model, feeds), wanted)) <= TOLERANCE


def test_squeeze_and_excite() -> None:
    """A gate through rank 2, which comes back into the body."""
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2))
    gate = build.op("Gemm", build.op("ReduceMean", x, build.ints(2), keepdims=0), build.weights(4, 4))
    x = build.op("Mul", x, build.op("Sigmoid", build.op("Reshape", gate, build.ints(0, 4, 1))))
    build.output(build.op("Conv", x, build.weights(4, 4, 2)), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert {rank_of(node.inputs[0]) for node in build.graph if node.op_type in ("Conv", "Mul")} == {4}


def in_openvino(model: ir.Model, feeds: dict[str, Array]) -> list[Array]:
    read = openvino.Core().read_model(ir.to_proto(model).SerializeToString())
    compiled = openvino.Core().compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [np.asarray(found) for found in compiled(feeds, share_outputs=False).values()]


def autoencoder() -> GraphBuilder:
    """Down by strides, up by transposed convolutions, with a scaled pooling as the plugin gets wrong at rank 3."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 32, 3), perm=SWAP)
    x = build.op("Relu", build.op("Conv", x, build.weights(8, 3, 5), strides=(2,), pads=(2, 2)))
    x = build.op("Relu", build.op("ConvTranspose", x, build.weights(8, 6, 4), strides=(2,), pads=(1, 1)))
    scale = build.op("Add", build.op("ReduceMean", x, build.ints(2), keepdims=1), build.weights(6, 1))
    x = build.op("Softmax", build.op("Add", x, scale), axis=1)
    build.output(build.op("Transpose", x, perm=SWAP), "y")
    means = build.op("Mul", build.op("ReduceMean", x, build.ints(2), keepdims=0), build.weights(6))
    build.output(means, "z")
    return build


@pytest.mark.parametrize("batch", [1, 3])
def test_in_openvino(batch: int) -> None:
    build = autoencoder()
    feeds: dict[str, Array] = {"x": np.random.default_rng(batch).normal(size=(batch, 32, 3)).astype(np.float32)}
    wanted = run(build.model, feeds)
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    for found, expected in zip(in_openvino(build.model, feeds), wanted, strict=True):
        assert difference(found, expected) <= TOLERANCE


@settings(max_examples=EXAMPLES or 30)
@given(random_models(max_ops=5, more=MORE_STEPS))
def test_random_models_in_openvino(model: ir.Model) -> None:
    """The plugin has its own defects at rank 3, and its own way of running rank 4."""
    normalize(model)
    feeds = feeds_of(model, signed=True)
    wanted = run(model, feeds)
    change = lift_to_rank_4(model)
    avoid_defects(model)
    note(listing(model))
    if isinstance(change, Change):
        for found, expected in zip(in_openvino(model, feeds), wanted, strict=True):
            assert difference(found, expected) <= 4 * TOLERANCE


def test_reason_to_lift() -> None:
    assert reason_to_lift(autoencoder().model) == "ConvTranspose ConvTranspose"
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", 2, 4, 9), build.weights(4, 4, 2))
    assert reason_to_lift(build.model) is None
    build.op("Conv", x, build.weights(4, 1, 2), group=4)
    assert reason_to_lift(build.model) == "depthwise Conv Conv_1"


@pytest.mark.parametrize(("axis", "ops"), [(1, ["Squeeze", "Unsqueeze", "Conv", "Squeeze"]), (2, ["Conv", "Squeeze"])])
def test_an_axis_that_is_there_already(axis: int, ops: list[str]) -> None:
    """Dropped in front of the body and added again in the same place, it stays; in another place, it moves."""
    build = GraphBuilder()
    x = build.input("x", *(2, 1, 4, 9) if axis == 1 else (2, 4, 1, 9))
    build.output(build.op("Conv", build.op("Squeeze", x, build.ints(axis)), build.weights(5, 4, 3)), "y")
    assert isinstance(lifted(build.model, FEW_ULP), Change)
    assert ops_of(build.model) == ops
