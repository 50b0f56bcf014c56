"""What OpenVINO's CPU plugin computes wrongly, each with its reproducer, and the rewrite that avoids it.

A reproducer that no longer fails fails its test: then the plugin is fixed, and the rewrite can go.
"""

import numpy as np
import onnx_ir as ir
import openvino
import pytest

from ovprep.passes.defects.reduction import avoid_reduction_defect
from tests.graphs import FEW_ULP, Array, GraphBuilder, check, difference, listing, run

CHANNELS, WIDTH = 8, 16
BATCHES = [1, 2, 3, 8]
REDUCTIONS = ["ReduceMean", "ReduceMax", "ReduceSum", "ReduceL2", "GlobalAveragePool", "GlobalMaxPool"]
BEHIND = ["Mul", "Add", "PRelu"]
WRONG = 0.01
"""An error that no rounding explains, relative to the largest output."""


def pooled(reduction: str, keepdims: int, between: str | None, behind: str) -> ir.Model:
    """A reduction of `[N, C, W]` over time, then perhaps an activation, then a number per channel."""
    build = GraphBuilder()
    x = build.input("x", "batch", CHANNELS, WIDTH)
    if reduction.startswith("Global"):
        x = build.op(reduction, x)
    else:
        x = build.op(reduction, x, build.ints(2), keepdims=keepdims)
    x = build.op(between, x) if between else x
    numbers = build.rng.normal(size=(CHANNELS, 1) if keepdims else (CHANNELS,)).astype(np.float32)
    build.output(build.op(behind, x, build.constant(numbers)), "y")
    return build.model


def in_openvino(model: ir.Model, feed: Array, static: bool) -> Array:
    read = openvino.Core().read_model(ir.to_proto(model).SerializeToString())
    if static:
        read.reshape(list(feed.shape))
    compiled = openvino.Core().compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(feed)[0])


def errors(model: ir.Model, original: ir.Model) -> list[float]:
    """The error of the model in OpenVINO against the original in ONNX Runtime, per batch size and shape."""
    found = []
    for batch in BATCHES:
        feed = np.random.default_rng(1).normal(size=(batch, CHANNELS, WIDTH)).astype(np.float32)
        wanted = run(original, {"x": feed})[0]
        found += [difference(in_openvino(model, feed, static), wanted) for static in (False, True)]
    return found


def cases() -> list[tuple[str, int, str | None, str]]:
    return [
        (reduction, keepdims, between, behind)
        for reduction in REDUCTIONS
        for keepdims in ([1] if reduction.startswith("Global") else [0, 1])
        for between in (None, "Relu", "Sigmoid")
        for behind in BEHIND
        if behind != "PRelu" or between is None  # with positive values before it, a PRelu does nothing
    ]


@pytest.mark.parametrize(("reduction", "keepdims", "between", "behind"), cases())
def test_the_rewrite_is_right(reduction: str, keepdims: int, between: str | None, behind: str) -> None:
    original = pooled(reduction, keepdims, between, behind)
    model = original.clone()
    assert avoid_reduction_defect(model) is not None
    check(model)
    assert max(errors(model, original)) <= FEW_ULP


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_plugin_still_computes_it_wrongly(reduction: str) -> None:
    """Each kind: the row's reproducer is of one."""
    model = pooled(reduction, 1, None, "Mul")
    wrong = [error > WRONG for error in errors(model, model)]
    of_one, of_several = wrong[:2], wrong[2:]
    assert not any(of_one)
    assert all(of_several), f"OpenVINO {openvino.__version__} computes {reduction} over the last axis rightly."


def test_what_is_lifted() -> None:
    model = pooled("ReduceMean", 1, None, "Mul")
    change = avoid_reduction_defect(model)
    assert change is not None
    assert change.summary == "lifted 1 reduction that OpenVINO's CPU plugin gets wrong in batches"
    assert listing(model).splitlines() == [
        "ReduceMean/Unsqueeze: Unsqueeze([batch, 8, 16]) -> [batch, 8, 1, 16]",
        "ReduceMean: ReduceMean([batch, 8, 1, 16]) -> [batch, 8]",
        "ReduceMean/Unsqueeze_1: Unsqueeze([batch, 8]) -> [batch, 8, 1]",
        "Mul: Mul([batch, 8, 1]) -> [batch, 8, 1]",
    ]


def test_what_is_right_stays() -> None:
    build = GraphBuilder()
    x = build.input("x", "batch", CHANNELS, WIDTH)
    over_channels = build.op("ReduceMean", x, build.ints(1))
    build.output(build.op("Mul", over_channels, build.weights(WIDTH)), "over_channels")
    build.output(build.op("ReduceMax", x, build.ints(2)), "alone")
    mean = build.op("ReduceMean", x, build.ints(-1))
    build.output(build.op("Sub", x, mean), "centred")  # a larger tensor: nothing to fuse
    flat = build.op("Flatten", build.op("GlobalAveragePool", x))
    build.output(build.op("Mul", flat, build.weights(CHANNELS)), "flat")
    assert avoid_reduction_defect(build.model) is None
    model = build.model
    feed = np.random.default_rng(1).normal(size=(3, CHANNELS, WIDTH)).astype(np.float32)
    read = openvino.Core().read_model(ir.to_proto(model).SerializeToString())
    compiled = openvino.Core().compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for found, wanted in zip(compiled(feed).values(), run(model, {"x": feed}), strict=True):
        assert difference(found, wanted) <= FEW_ULP


def test_reduction_whose_output_is_also_an_output() -> None:
    build = GraphBuilder()
    mean = build.op("ReduceMean", build.input("x", "batch", CHANNELS, WIDTH), build.ints(2))
    build.output(mean, "mean")
    build.output(build.op("Mul", mean, build.weights(CHANNELS, 1)), "y")
    original = build.model.clone()
    assert avoid_reduction_defect(build.model) is not None
    check(build.model)
    feed = np.random.default_rng(1).normal(size=(3, CHANNELS, WIDTH)).astype(np.float32)
    for found, wanted in zip(run(build.model, {"x": feed}), run(original, {"x": feed}), strict=True):
        assert difference(found, wanted) <= FEW_ULP
