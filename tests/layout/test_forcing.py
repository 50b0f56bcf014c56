"""Each Transpose of a plan is explained by an op on each side that cannot move."""

import os

import pytest
from hypothesis import given, settings

from ovprep.layout.forcing import Forced, forced_transposes
from ovprep.layout.frames import resolve_frames
from ovprep.layout.problem import LayoutProblem, solve
from tests.strategies import ProblemBuilder, layout_problems

EXAMPLES = int(os.environ.get("OVPREP_EXAMPLES", "0"))


def forced(b: ProblemBuilder) -> list[tuple[list[str], list[str], list[str], int]]:
    """Givers, takers, pins and bytes of each Transpose that stays, ops by name."""
    problem = b.problem()
    found = forced_transposes(problem, solve(problem))

    def names(ops: tuple[int, ...]) -> list[str]:
        return [problem.ops[op].name for op in ops]

    return [(names(entry.givers), names(entry.takers), names(entry.pins), entry.bytes) for entry in found]


@settings(max_examples=EXAMPLES or 200, deadline=None)
@given(layout_problems(max_ops=14))
def test_the_transposes_are_those_of_the_plan(problem: LayoutProblem) -> None:
    plan = solve(problem)
    found = forced_transposes(problem, plan)
    assert sum(entry.bytes for entry in found) == plan.bytes_after
    for entry in found:
        assert not set(entry.givers) & set(entry.takers) or any(
            problem.ops[op].kind == "pinned" for op in set(entry.givers) & set(entry.takers)
        ), "only an op that cannot move reads one value in both layouts"


@settings(max_examples=EXAMPLES or 200, deadline=None)
@given(layout_problems(max_ops=14))
def test_what_costs_bytes_is_forced_from_both_sides(problem: LayoutProblem) -> None:
    plan = solve(problem)
    kept = resolve_frames(problem).kept
    for entry in forced_transposes(problem, plan):
        if _closes_a_cycle(problem, entry, kept):
            continue
        assert len(entry.pins) == 2 or not entry.bytes
        assert all(problem.ops[pin].kind == "pinned" or pin in kept for pin in entry.pins)


def _closes_a_cycle(problem: LayoutProblem, entry: Forced, kept: frozenset[int]) -> bool:
    return len(entry.pins) == 1 and problem.ops[entry.pins[0]].kind == "free" and bool(kept)


def test_between_two_pins() -> None:
    b = ProblemBuilder()
    x = b.pinned("x", size=8)
    b.pinned("conv", b.swap("turn", x), size=None)
    assert forced(b) == [(["x"], ["conv"], ["x", "conv"], 8)]


def test_the_pins_are_the_nearest_behind_ops_that_can_move() -> None:
    """x -> relu -> turn -> add -> conv, cut where it is cheapest: between relu and add."""
    b = ProblemBuilder()
    relu = b.free("relu", b.pinned("x", size=9), size=4)
    add = b.free("add", b.swap("turn", relu), b.pinned("y", size=9), size=9)
    b.pinned("conv", add, size=None)
    b.pinned("far", b.free("tanh", add, size=9), size=None)
    ((givers, takers, pins, size),) = forced(b)
    assert (givers, takers, size) == (["relu"], ["add"], 4)
    assert pins[0] == "x"
    assert pins[1] in ("y", "conv"), "one step away, where far is two"


def test_a_pin_across_the_cut_is_not_the_reason() -> None:
    """x -> relu -> tanh -> turn -> conv, cut before conv, which is nearer to tanh than x."""
    b = ProblemBuilder()
    tanh = b.free("tanh", b.free("relu", b.pinned("x", size=9), size=9), size=4)
    b.pinned("conv", b.swap("turn", tanh), size=None)
    assert forced(b) == [(["tanh"], ["conv"], ["x", "conv"], 4)]


def test_readers_of_either_side() -> None:
    b = ProblemBuilder()
    x = b.pinned("x", size=8)
    b.pinned("conv", b.swap("turn", x), size=None)
    b.pinned("norm", x, size=None)
    assert forced(b) == [(["x", "norm"], ["conv"], ["x", "conv"], 8)]


def test_a_value_that_meets_its_own_transpose() -> None:
    b = ProblemBuilder()
    x = b.pinned("x", size=8)
    b.pinned("y", b.free("add", b.free("relu", x, size=8), b.swap("turn", x), size=8), size=None)
    assert forced(b) == [(["x"], ["add"], ["add"], 8)]


@pytest.mark.parametrize("size", [0, 8])
def test_nothing_where_all_agree(size: int) -> None:
    b = ProblemBuilder()
    x = b.free("relu", b.pinned("x", size=size), size=size)
    b.pinned("conv", x, size=None)
    assert forced(b) == []
