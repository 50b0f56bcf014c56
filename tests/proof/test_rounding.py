"""What arithmetic in 8 bits may change, and what it may not."""

import numpy as np
import onnx_ir as ir
import pytest

from ovprep.interface import Port
from ovprep.proof.compare import Budget, Comparison, Setting, compare
from ovprep.proof.inputs.signals import generate
from ovprep.proof.rounding import DYNAMIC, MEAN_DYNAMIC, MEAN_STEPS, STEPS, Rounding, rounding_of
from ovprep.workers.runners.base import Loaded
from tests.graphs import Array, GraphBuilder

SETTING = Setting("f32", "open", "noise", 1)
PLAIN = Loaded("any", ("x",), ("y",), "f32", 1.0)
DYNAMIC_RANGE = Loaded("any", ("x",), ("y",), "f32", 1.0, quantises=True)


def graph(scale: float, *, dequantised: bool, quantised: bool = True) -> ir.Model:
    """x -> Relu -> QuantizeLinear -> DequantizeLinear -> Transpose; or what is left without the parts."""
    build = GraphBuilder()
    value = build.op("Relu", build.input("x", "batch", 4, 9))
    step = build.constant(np.array(scale, np.float32), "step")
    zero = build.constant(np.array(3, np.int8), "zero")
    if quantised:
        value = build.op("QuantizeLinear", value, step, zero)
    if quantised and dequantised:
        value = build.op("DequantizeLinear", value, step, zero)
    build.output(build.op("Transpose", value, perm=(0, 2, 1)) if dequantised else value, "y")
    return build.model


def test_the_step_is_that_of_the_last_quantisation() -> None:
    (rounding,) = rounding_of(graph(0.5, dequantised=True), PLAIN, [100.0])
    assert rounding is not None
    assert (rounding.largest, rounding.mean) == (STEPS * 0.5, MEAN_STEPS * 0.5)
    assert "its steps are 0.5" in rounding.reason


def test_whole_numbers_have_steps_of_one() -> None:
    (rounding,) = rounding_of(graph(0.5, dequantised=False), PLAIN, [100.0])
    assert rounding is not None
    assert (rounding.largest, rounding.mean) == (STEPS, MEAN_STEPS)


def test_dynamic_range_is_a_share_of_the_scale() -> None:
    model = graph(0.5, dequantised=True, quantised=False)
    (rounding,) = rounding_of(model, DYNAMIC_RANGE, [2.0])
    assert rounding is not None
    assert (rounding.largest, rounding.mean) == (DYNAMIC * 2, MEAN_DYNAMIC * 2)
    assert rounding_of(model, PLAIN, [2.0]) == (None,)


def judged(errors: Array) -> Comparison:
    """A quantised output with steps of one, off by these errors."""
    budget = Budget((0.0,), (100.0,), (Rounding(STEPS, MEAN_STEPS, "steps"),))
    original = np.full(errors.shape, 100.0)
    return compare(SETTING, ["y"], [original], [original + errors], budget, judged=True)[0]


@pytest.mark.parametrize(
    ("errors", "passed"),
    [
        (np.eye(10) * 2, True),  # a tenth of the values, by two steps
        (np.eye(10) * 3, False),  # as many, but too much in the mean
        (np.ones((10, 10)), False),  # everything by one step: a wrong zero point, say
        (np.eye(100) * 5, False),  # few values, but too far
        (np.ones((10, 10)) * 1e-6, True),  # float32 rounding
    ],
)
def test_few_values_may_be_few_steps_off(errors: Array, passed: bool) -> None:
    row = judged(errors)
    assert row.passed is passed
    assert row.tolerance == STEPS


def test_an_output_without_quantisation_has_no_such_budget() -> None:
    assert Budget((0.0,), (1.0,)).rounding(0) is None
    assert Budget((0.0, 0.0), (1.0, 1.0), (None, Rounding(1.0, 1.0, ""))).allowed(0, 1.0) < 1e-5


def test_noise_uses_the_whole_range_of_a_quantised_input() -> None:
    """Zeros and ones, as a vocabulary has them, would say nothing of a signal."""
    for dtype in ("int8", "uint8"):
        (array,) = generate("noise", [Port("x", dtype, (1, 4000), "N?")], {}, seed=0)
        limits = np.iinfo(dtype)
        assert array.dtype == dtype
        assert (array.min(), array.max()) == (limits.min, limits.max)
    (tokens,) = generate("noise", [Port("x", "int32", (1, 4000), "N?")], {}, seed=0)
    assert set(np.unique(tokens)) == {0, 1}


def test_an_output_of_few_steps_is_not_free_to_be_anything() -> None:
    (rounding,) = rounding_of(graph(0.5, dequantised=True), PLAIN, [1.0])
    assert rounding is not None
    assert (rounding.largest, rounding.mean) == (0.5, 0.025)


def test_behind_other_ops_the_scale_decides() -> None:
    """Steps of the input say nothing of the output of a Sigmoid."""
    build = GraphBuilder()
    step, zero = build.constant(np.array(1, np.float32), "step"), build.constant(np.array(0, np.int8), "zero")
    value = build.op("QuantizeLinear", build.input("x", "batch", 4, 9), step, zero)
    build.output(build.op("Sigmoid", build.op("DequantizeLinear", value, step, zero)), "y")
    (rounding,) = rounding_of(build.model, PLAIN, [1.0])
    assert rounding is not None
    assert (rounding.largest, rounding.mean) == (DYNAMIC, MEAN_DYNAMIC)
