"""Where the ops of a graph stand when each has a row of its own: as version control draws its history."""

from collections.abc import Sequence


def lanes_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The lane (column) of each op, given the rows that its inputs come from, all above its own.

    A value runs down the lane of the op that makes it until its last reader, so no other op may stand there. An op
    takes over the leftmost lane that it is the last to read, else the leftmost free one.

        0   o        x
        1   | o      Conv(x)
        2   | o      Relu
        3   o        Add(x, Relu)
    """
    last_reader = [row for row, _ in enumerate(inputs)]
    for row, sources in enumerate(inputs):
        for source in sources:
            last_reader[source] = row
    lanes: list[int] = []
    taken: dict[int, int] = {}
    """The last reader of the value in each lane that is taken."""
    for row, sources in enumerate(inputs):
        freed = [lane for lane, reader in taken.items() if reader <= row]
        for lane in freed:
            del taken[lane]
        handed = [lanes[source] for source in sources if last_reader[source] == row]
        lane = min(handed) if handed else _leftmost(taken)
        lanes.append(lane)
        if last_reader[row] > row:
            taken[lane] = last_reader[row]
    return lanes


def _leftmost(taken: dict[int, int]) -> int:
    return next(lane for lane in range(len(taken) + 1) if lane not in taken)
