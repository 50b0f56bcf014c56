"""At which level a model's signals lay, read off the statistics that it stores."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.graph.levels import level_of
from ovprep.interface import Level
from tests.graphs import GraphBuilder

MEAN, DEVIATION = np.array([5.0, -1.0, 0.5]), np.array([2.0, 0.25, 100.0])


def constant(build: GraphBuilder, numbers: np.ndarray, name: str) -> ir.Value:
    return build.constant(np.asarray(numbers, np.float32), name)


def level(build: GraphBuilder, y: ir.Value) -> Level | None:
    build.output(y, "y")
    return level_of(build.graph.inputs[0])


def assert_is(found: Level | None, mean: np.ndarray, deviation: np.ndarray, axis: int | None) -> None:
    assert found is not None
    assert found.axis == axis
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(found.deviation, deviation, rtol=1e-5)


def test_a_normalization_layer() -> None:
    build = GraphBuilder()
    x = build.op("Sub", build.input("x", "batch", 9, 3), constant(build, MEAN[None, None], "mean"))
    assert_is(level(build, build.op("Div", x, constant(build, DEVIATION[None, None], "deviation"))), MEAN, DEVIATION, 2)


def test_a_scale_and_a_shift_behind_a_transpose() -> None:
    """As a folded BatchNormalization comes."""
    build = GraphBuilder()
    x = build.op("Transpose", build.input("x", "batch", 9, 3), perm=[0, 2, 1])
    x = build.op("Mul", x, constant(build, (1 / DEVIATION)[:, None], "scale"))
    x = build.op("Add", x, constant(build, (-MEAN / DEVIATION)[:, None], "shift"))
    assert_is(level(build, x), MEAN, DEVIATION, 2)


def test_a_rescaling() -> None:
    build = GraphBuilder()
    x = build.op("Mul", build.input("x", "batch", 9, 3), constant(build, np.full((1, 1, 1), 1 / 128), "scale"))
    x = build.op("Relu", build.op("Conv", build.op("Transpose", x, perm=[0, 2, 1]), build.weights(4, 3, 5)))
    assert_is(level(build, x), np.zeros(1), np.full(1, 128), None)


def test_a_batch_normalization_of_its_own() -> None:
    build = GraphBuilder()
    ones = constant(build, np.ones(3), "ones")
    statistics = constant(build, MEAN, "mean"), constant(build, DEVIATION**2, "variance")
    x = build.op("BatchNormalization", build.input("x", "batch", 3, 9), ones, ones, *statistics)
    assert_is(level(build, x), MEAN, DEVIATION, 1)


@pytest.mark.parametrize("folded", [False, True])
def test_behind_a_convolution(folded: bool) -> None:
    """White noise of deviation 0.02 behind kernels of energy 9 has a deviation of 0.06."""
    build = GraphBuilder()
    kernel = np.zeros((4, 3, 5))
    kernel[:, 1, 2] = 3
    x = build.op("Conv", build.input("x", "batch", 3, 40), constant(build, kernel, "kernel"))
    if folded:
        x = build.op("Mul", x, constant(build, np.full((1, 4, 1), 1 / 0.06), "scale"))
    else:
        ones, variance = constant(build, np.ones(4), "ones"), constant(build, np.full(4, 0.06**2), "variance")
        x = build.op("BatchNormalization", x, ones, ones, ones, variance)
    assert_is(level(build, x), np.zeros(1), np.full(1, 0.02), None)


def test_the_estimate_is_the_deviation_that_was_there() -> None:
    """Statistics as training gathers them, of a random convolution."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((16, 1, 9))
    signal = 0.07 * rng.standard_normal(20_000)
    filtered = np.stack([np.convolve(signal, one[0]) for one in kernel])
    build = GraphBuilder()
    ones = constant(build, np.ones(16), "ones")
    x = build.op("Conv", build.input("x", "batch", 1, 100), constant(build, kernel, "kernel"))
    statistics = constant(build, filtered.mean(axis=1), "mean"), constant(build, filtered.var(axis=1), "variance")
    found = level(build, build.op("BatchNormalization", x, ones, ones, *statistics))
    assert found is not None
    assert found.deviation[0] == pytest.approx(0.07, rel=0.02)


def test_nothing_tells() -> None:
    for op, dtype in (("Relu", np.float32), ("Neg", np.int64)):
        build = GraphBuilder()
        assert level(build, build.op(op, build.input("x", "batch", 3, dtype=dtype))) is None


def test_constants_along_another_axis_end_the_search() -> None:
    build = GraphBuilder()
    x = build.op("Conv", build.input("x", "batch", 1, 20), constant(build, np.ones((8, 1, 4)), "kernel"))
    x = build.op("Mul", x, constant(build, np.full((1, 8, 1), 0.5), "by channel"))
    y = build.op("Mul", x, constant(build, np.full((1, 1, 17), 100.0), "by step"))
    assert_is(level(build, y), np.zeros(1), np.ones(1), None)


@pytest.mark.parametrize("scale", [0.0, np.nan, 1e30])
def test_what_is_no_scale_is_not_believed(scale: float) -> None:
    build = GraphBuilder()
    numbers = constant(build, np.full((1, 1), scale), "scale")
    assert level(build, build.op("Mul", build.input("x", "batch", 3), numbers)) is None
