"""Precisions side by side, and failures in words."""

from dataclasses import replace

from ovprep.proof.compare import Comparison
from ovprep.proof.explain import failure
from ovprep.proof.precisions import summed_up

ROW = Comparison("f32", "open", "noise", 1, "y", 2e-7, 1e-7, 1e-8, 2.0, 0, 1e-6, True, cosine=1.0)


def at(precision: str, error: float, **changes: object) -> Comparison:
    row = replace(ROW, precision=precision, max_abs_error=error, max_rel_error=error / 2, tolerance=None, passed=None)
    return replace(row, **changes)  # type: ignore[arg-type]


def test_a_lower_precision_is_named_with_the_way_out() -> None:
    exact, rounded = summed_up([ROW, at("bf16", 5e-3), at("bf16", 1e-3, argmax_flips=2, cosine=0.99)])
    assert exact.verdict == "Equal: differs by 2e-07, which float32 rounding explains."
    assert rounded.verdict == (
        "Differs by 0.005: OpenVINO computes in bf16 on this CPU. At f32 the difference is 2e-07. To keep f32 on the "
        "device: INFERENCE_PRECISION_HINT=f32. 2 of the decisions flip."
    )
    assert (rounded.max_abs_error, rounded.argmax_flips, rounded.cosine) == (5e-3, 2, 0.99)


def test_an_ir_that_keeps_f32_says_so() -> None:
    _, kept = summed_up([ROW, at("bf16", 3e-7)])
    assert kept.verdict == "Differs by 3e-07, as at f32: the IR keeps float32 where OpenVINO would compute in bf16."


def test_another_ir_is_not_the_device_s_choice() -> None:
    line = summed_up([ROW, at("model_int8.xml", 2e-2, argmax_flips=1)])[1]
    assert line.verdict == "Differs by 0.02, where the IR itself differs by 2e-07. 1 of the decisions flip."


def test_weights_in_float16() -> None:
    line = summed_up([ROW, at("f16 weights", 1e-3)])[1]
    assert line.verdict.startswith("Differs by 0.001 with its weights rounded to float16, in a file of half the size")


def test_what_is_not_judged_at_f32_says_nothing_elsewhere() -> None:
    blind = replace(ROW, signal="silence", max_abs_error=1.0, tolerance=None, passed=None)
    exact, rounded = summed_up([ROW, blind, at("bf16", 5e-3), at("bf16", 3.0, signal="silence")])
    assert exact.max_abs_error == 2e-7
    assert rounded.max_abs_error == 5e-3


def test_a_failure_in_the_mean_says_which_mean_is_allowed() -> None:
    """Off by one step everywhere, an output may well be within what a single value may differ by."""
    row = replace(ROW, max_abs_error=1.0, mean_abs_error=1.0, tolerance=4.0, mean_tolerance=0.25, passed=False)
    assert failure(row, []) == (
        "its output 'y' differs by 1 in the mean (allowed: 0.25; for a single value 4) for noise at batch 1."
    )
    assert failure(replace(row, max_abs_error=5.0), []).startswith("its output 'y' differs by 5 (allowed: 4)")
