"""Union-find with parity, and the resolution of swaps into frames."""

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovprep.layout.frames import ParityUnionFind, resolve_frames, structural_order
from ovprep.layout.problem import LayoutProblem, Net, Op
from tests.strategies import ProblemBuilder, layout_problems, renumbered, shuffles

Relations = list[tuple[int, int, int]]


def two_colours(size: int, relations: Relations) -> list[int] | None:
    """Colour breadth first so that each (a, b, parity) has colour[a] ^ colour[b] == parity; None if impossible."""
    colour = [-1] * size
    for start in range(size):
        if colour[start] >= 0:
            continue
        colour[start], queue = 0, deque([start])
        while queue:
            item = queue.popleft()
            for a, b, parity in relations:
                if item in (a, b):
                    other = b if item == a else a
                    if colour[other] < 0:
                        colour[other] = colour[item] ^ parity
                        queue.append(other)
    return colour if all(colour[a] ^ colour[b] == parity for a, b, parity in relations) else None


def relations_of(problem: LayoutProblem, swaps: set[int]) -> Relations:
    """What equals what: free ops their nets, and the nets around `swaps` the opposite of each other."""
    count = len(problem.ops)
    relations = [
        (op, count + index, 0)
        for index, net in enumerate(problem.nets)
        for op in (net.producer, *net.consumers)
        if problem.ops[op].kind == "free"
    ]
    return relations + [
        (count + before, count + after, 1)
        for before, into in enumerate(problem.nets)
        for after, out in enumerate(problem.nets)
        if out.producer in swaps and out.producer in into.consumers
    ]


def balanced(problem: LayoutProblem, swaps: set[int]) -> bool:
    """Tell whether these swaps can be dissolved together."""
    return two_colours(len(problem.ops) + len(problem.nets), relations_of(problem, swaps)) is not None


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 1)), max_size=16))
def test_union_find_accepts_what_two_colours_satisfy(relations: Relations) -> None:
    sets = ParityUnionFind(8)
    accepted: Relations = []
    for relation in relations:
        possible = two_colours(8, [*accepted, relation]) is not None
        assert sets.union(*relation) == possible
        accepted += [relation] * possible
    for a, b, parity in accepted:
        (root, mine), (other, yours) = sets.find(a), sets.find(b)
        assert root == other
        assert mine ^ yours == parity


def test_union_find_long_path() -> None:
    sets = ParityUnionFind(50_000)
    assert all(sets.union(item, item + 1, 1) for item in range(49_999))
    assert sets.find(0)[1] ^ sets.find(49_999)[1] == 1
    assert sets.find(0)[1] ^ sets.find(49_998)[1] == 0


@settings(max_examples=400, deadline=None)
@given(layout_problems())
def test_frames_satisfy_every_dissolved_swap(problem: LayoutProblem) -> None:
    frames = resolve_frames(problem)
    dissolved = set(problem.swap_nets) - frames.kept
    bits = frames.ops + frames.nets
    assert all(bits[a] ^ bits[b] == parity for a, b, parity in relations_of(problem, dissolved))


@settings(max_examples=400, deadline=None)
@given(layout_problems())
def test_kept_swaps_are_the_cheapest_of_an_odd_cycle(problem: LayoutProblem) -> None:
    """Each contradicts the dissolved swaps that cost as much or more: what greedy by descending bytes means."""
    frames = resolve_frames(problem)
    dissolved = set(problem.swap_nets) - frames.kept
    cost = {swap: problem.nets[before].bytes for swap, (before, _) in problem.swap_nets.items()}
    assert balanced(problem, dissolved)
    for swap in frames.kept:
        assert not balanced(problem, {swap} | {other for other in dissolved if cost[other] >= cost[swap]})


def test_cheapest_swap_of_an_odd_cycle_is_kept() -> None:
    """Three free ops, each two of them tied through a swap: only two of the three ties can be a difference."""
    b = ProblemBuilder()
    p, q, r = (b.pinned(name, size=size) for name, size in (("p", 9), ("q", 3), ("r", 5)))
    b.free("first", p, r)
    b.free("second", b.swap("swap p", p), q)
    b.free("third", b.swap("swap q", q), b.swap("swap r", r))
    problem = b.problem()
    assert {problem.ops[op].name for op in resolve_frames(problem).kept} == {"swap q"}


def test_of_equal_swaps_of_an_odd_cycle_the_deepest_is_kept() -> None:
    b = ProblemBuilder()
    x = b.free("x", b.pinned("in"))
    deep = b.swap("third", b.swap("second", b.swap("first", x)))
    b.free("sum", x, deep)
    problem = b.problem()
    assert {problem.ops[op].name for op in resolve_frames(problem).kept} == {"third"}


def test_pinned_ops_do_not_tie_frames() -> None:
    """The sum of a value and its transpose is an odd cycle; where the sum is pinned there is nothing to resolve."""
    for kind, kept in ((ProblemBuilder.free, 1), (ProblemBuilder.pinned, 0)):
        b = ProblemBuilder()
        x = b.free("x", b.pinned("in"))
        kind(b, "sum", x, b.swap("swap", x))
        assert len(resolve_frames(b.problem()).kept) == kept


def test_frame_of_the_op_nearest_the_inputs_is_zero() -> None:
    b = ProblemBuilder()
    b.free("last", b.swap("swap", b.free("first")))
    assert resolve_frames(b.problem()).ops == (0, 0, 1)  # first, swap, last


@pytest.mark.parametrize("stated", [(0, 8), (8, 0), (8, 8)])
def test_linked_nets_have_the_largest_size(stated: tuple[int, int]) -> None:
    ops = (Op("in", "pinned"), Op("swap", "swap"), Op("relu", "free"))
    problem = LayoutProblem(ops, (Net(0, (1,), stated[0]), Net(1, (2,), stated[1]), Net(2, (), 5)))
    assert resolve_frames(problem).bytes == (8, 8, 5)


@settings(max_examples=200, deadline=None)
@given(layout_problems())
def test_structural_order_is_topological(problem: LayoutProblem) -> None:
    position = {op: place for place, op in enumerate(structural_order(problem))}
    assert sorted(position) == list(range(len(problem.ops)))
    assert all(position[net.producer] < position[op] for net in problem.nets for op in net.consumers)


@settings(max_examples=500, deadline=None)
@given(layout_problems(max_ops=14), shuffles())
def test_structural_order_ignores_numbering(problem: LayoutProblem, rng: random.Random) -> None:
    other, _ = renumbered(problem, rng)
    order, again = structural_order(problem), structural_order(other)
    assert [problem.ops[op].name for op in order] == [other.ops[op].name for op in again]


def test_structural_order_sees_siblings() -> None:
    """The two branches differ only in what else their inputs feed; names and numbers say the opposite of each other."""
    orders = []
    for names in (("a", "b"), ("b", "a")):
        b = ProblemBuilder()
        left, right = b.pinned(names[0]), b.pinned(names[1])
        b.free(names[1], left)
        b.free(names[0], right)
        b.pinned("also reads left", left)
        orders.append(structural_order(b.problem()))
    assert orders[0] == orders[1]
