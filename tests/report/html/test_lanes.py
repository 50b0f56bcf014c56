"""Lanes: no value runs through an op that has nothing to do with it."""

from hypothesis import given
from hypothesis import strategies as st

from ovprep.report.html.lanes import lanes_of


def test_a_chain_has_one_lane() -> None:
    assert lanes_of([[], [0], [1], [2]]) == [0, 0, 0, 0]


def test_a_shortcut_stays_straight_beside_its_branch() -> None:
    #     x  conv relu add(x, relu)
    assert lanes_of([[], [0], [1], [0, 2]]) == [0, 1, 1, 0]


def test_inputs_side_by_side_and_an_op_that_nobody_reads() -> None:
    assert lanes_of([[], [], [0], [1, 2]]) == [0, 1, 0, 0]
    assert lanes_of([[], [0], [0]]) == [0, 1, 0]


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(1, 12))
    return [sorted(draw(st.sets(st.integers(0, row - 1), max_size=3))) if row else [] for row in range(size)]


@given(graphs())
def test_values_that_live_at_the_same_time_have_lanes_of_their_own(inputs: list[list[int]]) -> None:
    lanes = lanes_of(inputs)
    last = [
        max((row for row, sources in enumerate(inputs) if made in sources), default=made) for made in range(len(lanes))
    ]
    for made, end in enumerate(last):
        between = [row for row in range(made + 1, end) if lanes[row] == lanes[made]]
        assert not between, "an op stands on the line of a value that it is not the last to read"
