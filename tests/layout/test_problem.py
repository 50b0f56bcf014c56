"""The solver against all placements of small problems, and by name on the graphs that people have."""

import os
import random

import pytest
from hypothesis import event, given, settings

from ovprep.layout.frames import resolve_frames
from ovprep.layout.problem import LayoutPlan, LayoutProblem, Net, Op, solve
from tests.strategies import (
    ProblemBuilder,
    bytes_transposed,
    layout_problems,
    moved,
    placements,
    renumbered,
    rewritten,
    shuffles,
)

EXAMPLES = int(os.environ.get("OVPREP_EXAMPLES", "0"))
"""Random graphs for each property; `scripts/bench layout` asks for more than a test run."""


def staying(b: ProblemBuilder) -> tuple[set[str], LayoutPlan]:
    """Solve, and return the names of the swaps that stay and of the other ops that changed, with the plan."""
    problem = b.problem()
    plan = solve(problem)
    assert plan.bytes_after == bytes_transposed(problem, plan.swapped)
    rows = list(zip(problem.ops, plan.swapped, strict=True))
    return {op.name for op, bit in rows if bit != (op.kind == "swap")}, plan


@settings(max_examples=EXAMPLES or 2000, deadline=None)
@given(layout_problems())
def test_equals_the_best_of_all_placements(problem: LayoutProblem) -> None:
    """The true optimum, with the fewest ops moved, where no cycle is odd; else with the swaps kept that close one."""
    kept = resolve_frames(problem).kept
    event(f"odd cycles: {bool(kept)}")
    plan = solve(problem)
    costs = ((bytes_transposed(problem, bits), moved(problem, bits)) for bits in placements(problem, kept))
    assert (plan.bytes_after, moved(problem, plan.swapped)) == min(costs)
    assert bytes_transposed(problem, plan.swapped) == plan.bytes_after
    assert bytes_transposed(problem, (False,) * len(problem.ops)) == plan.bytes_before
    assert not any(bit for op, bit in zip(problem.ops, plan.swapped, strict=True) if op.kind == "pinned")
    assert not any(plan.swapped[swap] for swap in kept)


@settings(max_examples=EXAMPLES or 500, deadline=None)
@given(layout_problems(max_ops=14, max_bytes=2), shuffles())
def test_unchanged_under_renumbering(problem: LayoutProblem, rng: random.Random) -> None:
    other, new_index = renumbered(problem, rng)
    plan, again = solve(problem), solve(other)
    assert plan.swapped == tuple(again.swapped[index] for index in new_index)
    assert (plan.bytes_before, plan.bytes_after) == (again.bytes_before, again.bytes_after)


@settings(max_examples=EXAMPLES or 500, deadline=None)
@given(layout_problems(max_ops=14))
def test_carried_out_it_costs_what_it_says_and_is_optimal(problem: LayoutProblem) -> None:
    """The graph rewritten by the plan transposes that many bytes, and without odd cycles nothing is left to do."""
    plan = solve(problem)
    result = rewritten(problem, plan)
    again = solve(result)
    assert again.bytes_before == plan.bytes_after
    assert again.bytes_after <= plan.bytes_after
    if not resolve_frames(problem).kept:
        assert again == LayoutPlan((False,) * len(result.ops), plan.bytes_after, plan.bytes_after)


@settings(max_examples=EXAMPLES or 500, deadline=None)
@given(layout_problems(max_ops=14))
def test_as_written_where_that_is_as_cheap(problem: LayoutProblem) -> None:
    plan = solve(problem)
    assert plan.bytes_after <= plan.bytes_before
    if plan.bytes_after == plan.bytes_before:
        assert moved(problem, plan.swapped) == 0


@settings(max_examples=200, deadline=None)
@given(layout_problems(), shuffles())
def test_names_change_no_bytes(problem: LayoutProblem, rng: random.Random) -> None:
    """Names break ties between twins only, so that another name gives at most the mirror image of the plan."""
    names = rng.sample([op.name for op in problem.ops], len(problem.ops))
    renamed = LayoutProblem(tuple(Op(name, op.kind) for name, op in zip(names, problem.ops, strict=True)), problem.nets)
    if not resolve_frames(problem).kept:
        assert solve(renamed).bytes_after == solve(problem).bytes_after


def keras_sandwich(size: int = 8) -> ProblemBuilder:
    """Two NCW convs in an NWC model, as converters wrap them: Transpose, Conv, Transpose, twice."""
    b = ProblemBuilder()
    conv = b.pinned("conv1", b.swap("to NCW 1", b.pinned("input", size=size)), size=size)
    relu = b.free("relu", b.swap("to NWC 1", conv), size=size)
    conv = b.pinned("conv2", b.swap("to NCW 2", relu), size=size)
    b.pinned("output", b.swap("to NWC 2", conv), size=None)
    return b


def test_keras_sandwich_keeps_the_two_swaps_at_the_ends() -> None:
    changed, plan = staying(keras_sandwich())
    assert changed == {"to NCW 1", "relu", "to NWC 2"}
    assert (plan.bytes_before, plan.bytes_after) == (32, 16)


def test_without_swaps_everything_is_as_written() -> None:
    b = ProblemBuilder()
    x = b.free("x", b.pinned("input"))
    b.pinned("output", b.free("sum", x, b.pinned("conv", x)), size=None)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == (set(), 0, 0)


def test_residual_add_moves_with_its_branches() -> None:
    """The sum of a skip and a wrapped conv between wrapped convs: all inner swaps cancel."""
    b = ProblemBuilder()
    relu = b.free("relu", b.swap("out 1", b.pinned("conv1")))
    branch = b.swap("out 2", b.pinned("conv2", b.swap("in 2", relu)))
    b.pinned("conv3", b.swap("in 3", b.free("add", relu, branch)))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"relu", "add"}, 4, 0)


def test_fan_out_is_paid_once() -> None:
    """Three NCW readers of a value of 5 bytes, or 12 bytes to move the op before it. Per edge 15, and it would move."""
    b = ProblemBuilder()
    relu = b.free("relu", b.pinned("input", size=12), size=5)
    swapped = b.swap("swap", relu)
    for name in ("conv1", "conv2", "conv3"):
        b.pinned(name, swapped)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"swap"}, 5, 5)


def test_several_swaps_of_one_value_become_one() -> None:
    """Each is a Transpose that runs as written. No one of them alone serves all readers, so one new Transpose does."""
    b = ProblemBuilder()
    x = b.pinned("input", size=5)
    for name in ("1", "2", "3"):
        b.pinned(f"conv{name}", b.swap(f"swap{name}", x))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == (set(), 15, 5)


def test_one_of_three_swaps_in_a_row_stays_the_first() -> None:
    b = ProblemBuilder()
    b.pinned("conv", b.swap("third", b.swap("second", b.swap("first", b.pinned("input")))))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"first"}, 3, 1)


def test_swap_is_gone_where_both_sides_moved() -> None:
    """Heavy values move the ops on both sides of the swap: what is left to transpose there is not what it makes."""
    b = ProblemBuilder()
    before = b.free("before", b.swap("heavy 1", b.pinned("conv1", size=9)))
    b.free("after", b.swap("swap", before), b.swap("heavy 2", b.pinned("conv2", size=9)))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"before", "after"}, 19, 1)


def test_two_swaps_in_a_row_cancel() -> None:
    b = ProblemBuilder()
    b.pinned("conv", b.swap("second", b.swap("first", b.pinned("input"))))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == (set(), 2, 0)


def test_odd_cycle_stays_as_it_is() -> None:
    """`x + transpose(x)`: no layout makes its inputs agree. Swaps elsewhere still cancel."""
    b = ProblemBuilder()
    x = b.free("x", b.pinned("input"))
    total = b.free("add", x, b.swap("transpose", x))
    b.pinned("output", b.swap("there", b.swap("and back", total)), size=None)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"transpose"}, 3, 1)


def test_value_before_a_kept_swap_arrives_as_written() -> None:
    """The odd cycle pins x, so the swap in front of it stays too, although x itself could move for nothing."""
    b = ProblemBuilder()
    x = b.free("x", b.swap("in", b.pinned("conv")))
    b.pinned("output", b.free("add", x, b.swap("transpose", x)), size=None)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"in", "transpose"}, 2, 2)


def test_concat_of_mixed_layouts_follows_the_bytes() -> None:
    """Two values come as NCW through swaps, one as NWC: the concat moves, and the lightest is transposed."""
    b = ProblemBuilder()
    heavy = [b.swap(f"swap{name}", b.pinned(f"conv{name}", size=8)) for name in ("1", "2")]
    concat = b.free("concat", *heavy, b.pinned("lstm", size=3), size=19)
    b.pinned("conv3", b.swap("swap3", concat))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"concat"}, 35, 3)


def test_component_without_pins_cancels_its_swap_with_the_fewest_moves() -> None:
    b = ProblemBuilder()
    last = b.free("sum", b.swap("swap", b.free("first")), b.free("second"))
    b.free("third", last)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"first"}, 1, 0)


def test_equal_moves_leave_the_op_nearest_the_inputs_as_written() -> None:
    for names in (("a", "b"), ("b", "a")):
        b = ProblemBuilder()
        b.free(names[1], b.swap("swap", b.free(names[0])))
        changed, plan = staying(b)
        assert (changed, plan.bytes_after) == ({names[1]}, 0)


def test_mirror_images_are_told_apart_by_name() -> None:
    """Two free pairs that read each other crosswise: one pair must move, and only the names differ."""
    for first, second in (("a", "b"), ("b", "a")):
        b = ProblemBuilder()
        x, y = b.free(first), b.free(second)
        b.free(f"{first} sum", x, b.swap(f"{second} swap", y))
        b.free(f"{second} sum", y, b.swap(f"{first} swap", x))
        changed, plan = staying(b)
        assert (changed, plan.bytes_before, plan.bytes_after) == ({"b", "b sum"}, 2, 0)


def test_tie_in_bytes_goes_to_as_written() -> None:
    """One Transpose anywhere on a chain of equal values costs the same: it stays where it is."""
    b = ProblemBuilder()
    x = b.free("r2", b.free("r1", b.pinned("input")))
    b.pinned("output", b.free("r4", b.free("r3", b.swap("swap", x))), size=None)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"swap"}, 1, 1)


def test_swap_moves_to_a_narrower_value() -> None:
    b = ProblemBuilder()
    pool = b.free("pool", b.swap("swap", b.pinned("conv", size=16)), size=4)
    b.pinned("output", pool, size=None)
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"pool"}, 16, 4)


def test_same_value_twice_and_unused_outputs() -> None:
    b = ProblemBuilder()
    x = b.swap("swap", b.pinned("conv"))
    b.net(b.producers[b.swap("unused", b.free("square", x, x))], 7)
    with pytest.raises(ValueError, match="swap 'unused' needs one input and one output, but has 1 and 2"):
        b.problem()
    b = ProblemBuilder()
    x = b.swap("swap", b.pinned("conv"))
    b.swap("unused", b.free("square", x, x))
    changed, plan = staying(b)
    assert (changed, plan.bytes_before, plan.bytes_after) == ({"square"}, 2, 0)


def test_empty_problem() -> None:
    assert solve(LayoutProblem((), ())) == LayoutPlan((), 0, 0)


FREE, SWAP = Op("relu", "free"), Op("swap", "swap")


@pytest.mark.parametrize(
    ("ops", "nets", "message"),
    [
        ((FREE,), (Net(1, (), 1),), "net 0 names an op that is not in the problem"),
        ((FREE,), (Net(0, (-1,), 1),), "net 0 names an op that is not in the problem"),
        ((FREE,), (Net(0, (), -1),), "net 0 has a negative size"),
        ((SWAP,), (Net(0, (), 1),), "swap 'swap' needs one input and one output, but has 0 and 1"),
        ((FREE, SWAP, FREE), (Net(0, (1, 1), 1), Net(1, (2,), 1)), "has 2 and 1"),
        ((FREE, SWAP), (Net(0, (1,), 1),), "has 1 and 0"),
        ((FREE, FREE), (Net(0, (1,), 1), Net(1, (0,), 1)), "cycle"),
        ((SWAP,), (Net(0, (0,), 1),), "cycle"),
    ],
)
def test_refuses_what_is_no_problem(ops: tuple[Op, ...], nets: tuple[Net, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LayoutProblem(ops, nets)


@pytest.mark.parametrize(("slower", "moves"), [(0, True), (3, True), (5, False)])
def test_an_op_that_is_slower_in_the_other_layout_moves_where_that_saves_more(slower: int, moves: bool) -> None:
    """Conv -> swap of 8 bytes -> Dense -> output of 4 bytes: four bytes less to transpose behind it."""
    ops = (Op("conv", "pinned"), Op("swap", "swap"), Op("dense", "free", slower), Op("output", "pinned"))
    nets = (Net(0, (1,), 8), Net(1, (2,), 8), Net(2, (3,), 4))
    plan = solve(LayoutProblem(ops, nets))
    assert plan.swapped[2] is moves
    assert (plan.bytes_before, plan.bytes_after) == (8, 4 if moves else 8)
