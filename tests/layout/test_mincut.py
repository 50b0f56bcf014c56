"""The minimum cut against all cuts of small graphs."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovprep.layout.mincut import MinCut, min_cut
from tests.strategies import shuffles

Arcs = list[tuple[int, int, int]]


def brute_force(node_count: int, arcs: Arcs, source: int, sink: int) -> MinCut:
    """Try every set of nodes; the intersection of the best is the minimal source side (cuts are submodular)."""
    best: list[frozenset[int]] = []
    least = sum(capacity for _, _, capacity in arcs) + 1
    for mask in range(1 << node_count):
        side = frozenset(node for node in range(node_count) if mask >> node & 1)
        if source not in side or sink in side:
            continue
        value = sum(capacity for tail, head, capacity in arcs if tail in side and head not in side)
        best = [side] if value < least else [*best, side] if value == least else best
        least = min(value, least)
    return MinCut(least, frozenset.intersection(*best))


@st.composite
def networks(draw: st.DrawFn) -> tuple[int, Arcs]:
    node_count = draw(st.integers(2, 7))
    nodes = st.integers(0, node_count - 1)
    return node_count, draw(st.lists(st.tuples(nodes, nodes, st.integers(0, 5)), max_size=20))


@settings(max_examples=1000, deadline=None)
@given(networks())
def test_equals_the_best_of_all_cuts(network: tuple[int, Arcs]) -> None:
    node_count, arcs = network
    assert min_cut(node_count, arcs, 0, node_count - 1) == brute_force(node_count, arcs, 0, node_count - 1)


@settings(max_examples=200, deadline=None)
@given(networks(), shuffles())
def test_order_of_arcs_does_not_matter(network: tuple[int, Arcs], rng: random.Random) -> None:
    node_count, arcs = network
    shuffled = rng.sample(arcs, len(arcs))
    assert min_cut(node_count, shuffled, 0, node_count - 1) == min_cut(node_count, arcs, 0, node_count - 1)


def test_bottleneck() -> None:
    assert min_cut(4, [(0, 1, 9), (1, 2, 2), (2, 3, 9)], 0, 3) == MinCut(2, frozenset({0, 1}))


def test_of_two_equal_cuts_the_one_at_the_source() -> None:
    assert min_cut(4, [(0, 1, 2), (1, 2, 9), (2, 3, 2)], 0, 3) == MinCut(2, frozenset({0}))


def test_a_trap_holds_the_flow_and_not_the_answer() -> None:
    arcs = [(0, 1, 1), (1, 4, 9), (2, 3, 9), (3, 2, 9), (3, 4, 9), (2, 4, 9)]  # 2 and 3 reach the sink, not the source
    assert min_cut(5, arcs, 0, 4) == MinCut(1, frozenset({0}))


def test_unconnected() -> None:
    assert min_cut(3, [(0, 1, 5), (2, 1, 5)], 0, 2) == MinCut(0, frozenset({0, 1}))


def test_parallel_and_antiparallel_arcs_and_loops() -> None:
    assert min_cut(2, [(0, 1, 2), (0, 1, 3), (1, 0, 7), (0, 0, 4)], 0, 1) == MinCut(5, frozenset({0}))


def test_capacities_beyond_floating_point() -> None:
    huge = 2**80
    assert min_cut(3, [(0, 1, huge + 1), (1, 2, huge)], 0, 2) == MinCut(huge, frozenset({0, 1}))


def test_long_chain_needs_no_recursion() -> None:
    count = 20_000
    arcs = [(node, node + 1, 3 if node == count // 2 else 4) for node in range(count - 1)]
    assert min_cut(count, arcs, 0, count - 1) == MinCut(3, frozenset(range(count // 2 + 1)))


def test_flow_that_travels_far() -> None:
    """Supply in one half of a chain, demand in the other: a path of each length from 2 to the whole chain."""
    half = 500
    source, sink = 2 * half, 2 * half + 1
    arcs = [(source, node, 1) for node in range(half)] + [(half + node, sink, 1) for node in range(half)]
    for node in range(2 * half - 1):
        arcs += [(node, node + 1, 10**6), (node + 1, node, 10**6)]
    assert min_cut(2 * half + 2, arcs, source, sink) == MinCut(half, frozenset({source}))


def test_refuses_source_as_sink() -> None:
    with pytest.raises(ValueError, match="same node"):
        min_cut(2, [], 1, 1)


def test_refuses_negative_capacity() -> None:
    with pytest.raises(ValueError, match="negative capacity -1 from node 0 to node 1"):
        min_cut(2, [(0, 1, -1)], 0, 1)
